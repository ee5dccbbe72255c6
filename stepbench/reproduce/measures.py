"""What is measured of a run, for claims of every paper."""

from __future__ import annotations

import math

import numpy as np

from stepbench.engine.result import Result


def cost_to(run: Result, error: float, what: str = "error") -> float:
    """Gradient evaluations (of f, where a run is gradient-free) until ``what`` is at most this; infinite if never."""
    met = np.flatnonzero(getattr(run, what) <= error)
    return float(run.cost[met[0]]) if met.size else math.inf


def iterations_to(run: Result, error: float, what: str = "error") -> float:
    """Iterations until ``what`` is at most this; infinite if never."""
    met = np.flatnonzero(getattr(run, what) <= error)
    return float(run.iteration[met[0]]) if met.size else math.inf


def after(run: Result, evals: float, what: str = "error") -> float:
    """What it was when so many gradient evaluations were spent, at the last record by then; infinite if it diverged."""
    if run.status == "diverged" and run.cost[-1] < evals:
        return math.inf
    return float(getattr(run, what)[np.searchsorted(run.cost, evals, side="right") - 1])


def last(run: Result, what: str = "error") -> float:
    """What it was at the end; infinite where the run diverged."""
    return math.inf if run.status == "diverged" else float(getattr(run, what)[-1])


def loss(run: Result) -> float:
    """The training loss of a network at the end; infinite where the run diverged."""
    return last(run, "f")


def accuracy(run: Result) -> float:
    """The part of the test examples that a network got right at the end; NaN where the run diverged."""
    return math.nan if run.status == "diverged" else float(run.accuracy[-1])  # type: ignore[index]


def rate(run: Result, what: str = "error") -> float:
    """The factor by which it fell each iteration, over the last half of the run."""
    half = len(run.iteration) // 2
    values = getattr(run, what)
    return float((values[-1] / values[half]) ** (1 / (run.iteration[-1] - run.iteration[half])))


def ratio(above: float, below: float) -> float:
    """One number over another; infinite over 0, and NaN where both are 0 or infinite."""
    if below == 0:
        return math.inf if above else math.nan
    return above / below
