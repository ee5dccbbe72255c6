"""What claims of several papers measure on a run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stepbench.engine.result import Result
from stepbench.reproduce.claims import Runs


def cost_to(run: Result, error: float, what: str = "error") -> float:
    """Gradient evaluations (of f, where a run is gradient-free) until ``what`` is at most this; infinite if never."""
    met = np.flatnonzero(getattr(run, what) <= error)
    return float(run.cost[met[0]]) if met.size else math.inf


def iterations_to(run: Result, error: float, what: str = "error") -> float:
    """Iterations until ``what`` is at most this; infinite if never."""
    met = np.flatnonzero(getattr(run, what) <= error)
    return float(run.iteration[met[0]]) if met.size else math.inf


def after(run: Result, evals: float, what: str = "error") -> float:
    """``what`` at the last record within ``evals`` evaluations; infinite where the run had diverged by then."""
    if run.status == "diverged" and run.cost[-1] < evals:
        return math.inf
    return float(getattr(run, what)[np.searchsorted(run.cost, evals, side="right") - 1])


def last(run: Result, what: str = "error") -> float:
    """``what`` at the end of the run; infinite where it diverged."""
    return math.inf if run.status == "diverged" else float(getattr(run, what)[-1])


def loss(run: Result) -> float:
    """The training loss of a network at the end; infinite where the run diverged."""
    return last(run, "f")


def accuracy(run: Result) -> float:
    """The part of the test examples that a network got right at the end; NaN where the run diverged."""
    return math.nan if run.status == "diverged" else float(run.accuracy[-1])  # type: ignore[index]


def rate(run: Result, what: str = "error") -> float:
    """The factor by which ``what`` falls per iteration, over the last half of the run."""
    half = len(run.iteration) // 2
    values = getattr(run, what)
    return float((values[-1] / values[half]) ** (1 / (run.iteration[-1] - run.iteration[half])))


def ratio(above: float, below: float) -> float:
    """One number over another; infinite over 0, and NaN where both are 0 or infinite."""
    if below == 0:
        return math.inf if above else math.nan
    return above / below


def nearer(run: Result, other: Result, evals: float = math.inf) -> float:
    """How many times nearer to the minimum one run is than another: at the end, or after so many evaluations."""
    return ratio(after(other, evals, "distance"), after(run, evals, "distance"))


def crossing(run: Result, other: Result, first: int = 10) -> float:
    """The iteration, past the first few, from which one run stays nearer to the minimum than another."""
    n = min(len(run.f), len(other.f))
    assert run.distance is not None
    assert other.distance is not None
    behind = np.flatnonzero(run.distance[first:n] >= other.distance[first:n])
    if not behind.size:
        return float(first)
    return math.inf if behind[-1] == n - first - 1 else float(behind[-1] + first + 1)


def first_ahead(run: Result, other: Result) -> float:
    """The first iteration, past the first few, at which one run is nearer to the minimum than another."""
    assert run.distance is not None
    assert other.distance is not None
    ahead = np.flatnonzero(run.distance[10:] < other.distance[10 : len(run.distance)])
    return float(ahead[0] + 10) if ahead.size else math.inf


def series(runs: Runs, name: str) -> list[Result]:
    """The runs of one series, where the keys of the runs are (series, number)."""
    return [run for (own, _), run in runs.items() if own == name]


def step_sizes(run: Result) -> np.ndarray[Any, Any]:
    """The step size of every step, one row per record after the start."""
    assert run.step_size is not None
    return run.step_size[1:]
