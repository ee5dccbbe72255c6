"""NumPy's engine: one run and batches of runs, against loops written by hand and against torch.optim and optax."""

import importlib.util
import math

import numpy as np

import stepbench
from benchmarks import bare_loops
from benchmarks.other_libraries import in_optax, in_torch
from benchmarks.races import Race, add, yes_or_no

START = np.array([-1.0, 0.0])
STEPS, LONG = 1_000, 10_000
RUNS = 1_000
RATES = np.geomspace(1e-6, 1e-3, RUNS)
RDBD_RATES = np.geomspace(1e-6, 2e-3, RUNS)  # the largest make RDBD take a step size back; none diverges
ETA = 1e-9
STARTS = START[:, None] + np.linspace(-0.1, 0.1, RUNS)
RATE = 1e-4  # where the runs differ in their starts


def single(table, repeats):
    """One long run, against a loop on a (2,) array."""
    for name, make, values in (
        ("gd", bare_loops.gd, {"lr": 1e-3}),
        ("adam", bare_loops.adam, {"lr": 1e-3}),
        ("csawg", bare_loops.csawg, {"lr": 1e-3, "K": 2}),
    ):
        shape = (LONG + 1, 2) if name == "csawg" else LONG + 1
        what = f"{name}, 1 run x {LONG:,} steps"
        mine = ours(name, LONG, **values)

        def bare(make=make, values=values, shape=shape):
            return bare_loops.run_one(START, make(**values), LONG, np.full(shape, math.nan))

        check(what, mine(), bare())
        add(table, what, "bare loop", Race(mine, bare, repeats), 3.0)


def batches(table, repeats):
    """Many runs in lock-step, against a loop on a (2, R) array and against other libraries."""
    against_bare_loops(table, repeats)
    if importlib.util.find_spec("torch"):
        against_torch(table, repeats)
    if importlib.util.find_spec("optax"):
        against_optax(table, repeats)


def against_bare_loops(table, repeats):
    starts = np.repeat(START[:, None], RUNS, axis=1)
    for name, make, values in (
        ("gd", bare_loops.gd, {"lr": RATES}),
        ("adam", bare_loops.adam, {"lr": RATES}),
        ("rdbd", bare_loops.rdbd, {"lr": RDBD_RATES, "eta": ETA}),
    ):
        mine = ours(name, STEPS, **values)

        def bare(make=make, values=values):
            return bare_loops.run_batch(starts, make(**values), STEPS)

        check(name, mine(), bare())
        race = Race(mine, bare, repeats)
        add(table, sized(name), "bare loop", race, 1.3)
        if name == "gd":
            own, other = (1e9 * seconds / (RUNS * STEPS) for seconds in (race.ours, race.theirs))
            what = "gd, each step of each run"
            table.add_row(what, "", f"{own:.0f} ns", f"{other:.0f} ns", "", "", "100 ns", yes_or_no(own < 100))


def against_torch(table, repeats):
    """A parameter has one learning rate in torch.optim, so these runs differ in their starts."""
    for name, optimizer in (("gd", "SGD"), ("adam", "Adam")):
        mine = ours(name, STEPS, start=STARTS, lr=RATE)

        def theirs(optimizer=optimizer):
            return in_torch(optimizer, STARTS, RATE, STEPS)

        check(f"torch.optim.{optimizer}", mine(), theirs())
        add(table, sized(name), f"torch.optim.{optimizer}", Race(mine, theirs, repeats))


def against_optax(table, repeats):
    for name, optimizer in (("gd", "sgd"), ("adam", "adam")):
        mine = ours(name, STEPS, lr=RATES)
        warm = in_optax(optimizer, START, RATES, STEPS)

        def cold(optimizer=optimizer):
            return in_optax(optimizer, START, RATES, STEPS)()

        check(f"optax.{optimizer}", mine(), warm())
        add(table, sized(name), f"optax.{optimizer}, with compilation", Race(mine, cold, repeats))
        add(table, sized(name), f"optax.{optimizer}, compiled", Race(mine, warm, repeats))


def sized(name):
    return f"{name}, {RUNS:,} runs x {STEPS:,} steps"


def ours(spec, steps, start=None, **values):
    """Work for stepbench, in NumPy: a run or a batch of exactly so many steps."""
    method = stepbench.method(spec, **values)
    options = {"steps": steps, "budget": 10 * steps, "start": start, "engine": "numpy"}
    return lambda: complete(stepbench.run("rosenbrock", method, **options))


def complete(result):
    """A result with the columns that follow from others: its rivals compute them, and it when they are asked for."""
    _ = result.error, result.distance
    return result


def check(what, ours, theirs):
    """Stop everything unless the two end at the same points, having taken as many steps and gradients."""
    ours = vars(ours)
    if set(np.ravel(ours["status"])) != {"budget"}:
        raise SystemExit(f"{what}: not every run went to its last step")
    for name in ("x", "step_size", "evals"):
        if ours[name].shape != theirs[name].shape:
            raise SystemExit(f"{what}: {name} has shapes {ours[name].shape} and {theirs[name].shape}")
        if not np.allclose(ours[name][-1], theirs[name][-1], rtol=1e-9, atol=0, equal_nan=True):
            raise SystemExit(f"{what}: the contestants end at different {name}")
