"""What the parts of the benchmark share: a race of two contestants, and the table with a row per race."""

import gc
import os
import subprocess
import sys
import time
from statistics import median

from rich import box
from rich.table import Table


class Race:
    """Two contestants, timed one after the other, ``repeats`` times."""

    def __init__(self, ours, theirs, repeats):
        pairs = [(clock(ours), clock(theirs)) for _ in range(repeats)]
        ratios = [a / b for a, b in pairs]
        self.ours = median(a for a, _ in pairs)
        self.theirs = median(b for _, b in pairs)
        self.ratio, self.least, self.most = median(ratios), min(ratios), max(ratios)


def clock(work):
    """Seconds that the work takes."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def python(*arguments, cwd=None, **variables):
    """Work that starts a Python process of its own, with these environment variables set.

    It may write bytecode, as a user's process does: only the first start compiles.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, env=env | variables, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def new_table():
    """The table, without rows."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("stepbench", no_wrap=True)
    table.add_column("against", no_wrap=True)
    for heading in ("seconds", "theirs", "ratio", "range", "goal", "met"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def add(table, what, against, race, goal=None):
    """Add the row of a race; its goal is the largest ratio that is wanted."""
    table.add_row(
        what,
        against,
        f"{race.ours:.3f}",
        f"{race.theirs:.3f}",
        f"{race.ratio:#.3g}",
        f"{race.least:#.3g}..{race.most:#.3g}",
        "" if goal is None else f"{goal:g}",
        "" if goal is None else yes_or_no(race.ratio <= goal),
    )


def add_alone(table, what, work, repeats, goal):
    """Time work that has no rival, and add its row; its goal is the most seconds that are wanted."""
    seconds = [clock(work) for _ in range(repeats)]
    spread = f"{min(seconds):.2f}..{max(seconds):.2f}"
    met = yes_or_no(median(seconds) <= goal)
    table.add_row(what, "", f"{median(seconds):.2f}", "", "", spread, f"{goal:g} s", met)


def yes_or_no(met):
    return "yes" if met else "no"
