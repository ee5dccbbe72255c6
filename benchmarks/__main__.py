"""Run the races and print their table: ``python -m benchmarks``."""

import argparse
import importlib.util
import os
import platform
from datetime import date

import numpy as np
from rich.console import Console

import benchmarks
import stepbench
from benchmarks import engine, kernels, networks, races, seeing, startup, studies, suites

PARTS = {
    "startup": startup.startup,
    "single": engine.single,
    "batch": engine.batches,
    "kernels": kernels.kernels,
    "suites": suites.suites,
    "studies": studies.studies,
    "networks": networks.networks,
    "gpu": networks.gpu,
    "seeing": seeing.seeing,
}
"""The function that adds each part's rows to the table, in the order of the table."""


def cpu():
    """The processor's name."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=7, help="pairs timed per row (start-up: three times as many)")
    parser.add_argument("--only", choices=PARTS, help="one part of the table")
    options = parser.parse_args()

    print(f"{date.today()}, {cpu()} ({os.cpu_count()} cores), {platform.system()}")
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, stepbench {stepbench.__version__}")
    table = races.new_table()
    for name, add_rows in PARTS.items():
        if options.only in (None, name):
            add_rows(table, options.repeats * (3 if name == "startup" else 1))
    if options.only in (None, "batch", "studies", "networks"):
        for library in ("torch", "optax"):
            if not importlib.util.find_spec(library):
                print(f"{library} is not installed: its rows are left out")
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
