"""Kernels: the same text compiled, against NumPy's engine, a loop by hand, and optax, on one core."""

import importlib.util
import os
from contextlib import contextmanager

import numpy as np

import stepbench
from benchmarks import bare_loops
from benchmarks.engine import ETA, LONG, RATE, RATES, RDBD_RATES, RUNS, START, STEPS, complete, sized
from benchmarks.other_libraries import in_optax
from benchmarks.races import Race, add, clock, yes_or_no


def kernels(table, repeats):
    """Batches of which only the ends are kept, whole traces, and one long run; each is compiled before it is timed."""
    if not importlib.util.find_spec("llvmlite"):
        return
    batch = {
        "gd": ({"lr": RATES}, 4),
        "adam": ({"lr": RATES}, 6),
        "rdbd": ({"lr": RDBD_RATES, "eta": ETA}, 6),
    }
    with cores(1):
        for name, (values, goal) in batch.items():
            method = stepbench.method(name, **values)
            mine = work(method, "kernel", trace=False)
            race = Race(mine, work(method, "numpy", trace=False), repeats)
            add(table, f"{sized(name)}, ends", "NumPy's engine", race, 1 / 15)
            row(
                table,
                f"{name}, each step of each run",
                1e9 * race.ours / (RUNS * STEPS),
                1e9 * race.theirs / (RUNS * STEPS),
                goal,
            )
            long = 1e9 * min(clock(work(method, "kernel", trace=False, steps=10 * STEPS)) for _ in range(repeats))
            row(table, f"{name}, the same of ten times the steps", long / (10 * RUNS * STEPS), None, goal)
        if importlib.util.find_spec("optax"):
            for name, optimizer in (("gd", "sgd"), ("adam", "adam")):
                method, warm = stepbench.method(name, lr=RATES), in_optax(optimizer, START, RATES, STEPS)
                warm()
                add(
                    table,
                    f"{sized(name)}, ends",
                    "optax, compiled",
                    Race(work(method, "kernel", trace=False), warm, repeats),
                    1 / 3,
                )
                add(
                    table,
                    f"{sized(name)}, traces",
                    "optax, compiled",
                    Race(work(method, "kernel"), warm, repeats),
                    1 / 2,
                )
        for name, make, values in (
            ("gd", bare_loops.gd, {"lr": 1e-3}),
            ("adam", bare_loops.adam, {"lr": 1e-3}),
            ("csawg", bare_loops.csawg, {"lr": 1e-3, "K": 2}),
        ):
            shape = (LONG + 1, 2) if name == "csawg" else LONG + 1

            def bare(make=make, values=values, shape=shape):
                return bare_loops.run_one(START, make(**values), LONG, np.full(shape, np.nan))

            mine = work(stepbench.method(name, **values), "kernel", steps=LONG)
            mine()
            add(table, f"{name}, 1 run x {LONG:,} steps", "bare loop", Race(mine, bare, repeats), 0.5)
    method = stepbench.method("adam", lr=np.full(20 * RUNS, RATE))
    seconds = []
    for number in (1, 2):
        with cores(number):
            seconds.append(min(clock(work(method, "kernel", trace=False, steps=5 * STEPS)) for _ in range(repeats)))
    share = seconds[0] / seconds[1]
    table.add_row(
        "adam, two cores against one",
        "",
        f"{seconds[1]:.3f}",
        f"{seconds[0]:.3f}",
        f"{share:.2f}",
        "",
        "1.8",
        yes_or_no(share >= 1.8),
    )


def work(method, engine, *, trace=True, steps=STEPS):
    """Runs of exactly so many steps."""

    def make():
        result = stepbench.run("rosenbrock", method, steps=steps, budget=10 * steps, trace=trace, engine=engine)
        return complete(result) if trace else result

    return make


def row(table, what, ours, theirs, goal):
    """Add what a step costs in nanoseconds."""
    beside = "" if theirs is None else f"{theirs:.0f} ns"
    table.add_row(what, "", f"{ours:.2f} ns", beside, "", "", f"{goal} ns", yes_or_no(ours <= goal))


@contextmanager
def cores(number):
    """Within it, this process has only so many cores, where the system can say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[:number]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
