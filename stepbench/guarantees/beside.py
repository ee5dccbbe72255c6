"""The worst case beside a run: scaled by how far from the minimum it started, for the μ and L of its problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stepbench.contracts import Problem, Runnable
from stepbench.engine.columns import Record
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.guarantees.worst_case import check_steps, need_pepit, rate


@dataclass(frozen=True)
class Beside:
    """What f(w_N) − f* of a run was and can be at worst, (n,): after ``steps`` steps, at ``evals`` evaluations.

    ``measured`` is NaN where the run kept no record. ``ended`` is as in ``Guarantee``.
    """

    result: Result
    steps: Record
    evals: Record
    measured: Record
    worst: Record
    ended: str


def check(problem: Problem, steps: int, noise: float = 0.0) -> None:
    """Refuse, before anything runs, what no guarantee can stand beside."""
    check_steps("guarantee", steps)
    if problem.mu is None or problem.L is None or problem.x_star is None or not problem.mu < problem.L:
        raise InputError(
            f"{problem} does not declare μ < L and its minimiser, which a guarantee is made of: try quadratic"
        )
    if problem.stochastic or noise or problem.at(1) is not problem:
        raise InputError("a guarantee is for exact gradients of one function: leave out noise and mini-batches")
    need_pepit()


def beside(
    result: Result,
    method: Runnable,
    steps: int,
    horizon: int,
    progress: Callable[[int, int], None] | None = None,
) -> Beside:
    """The worst case of the first steps of a run, of so many at most; raises InputError where a method has none.

    ``horizon`` is the number of steps that the run was told of.
    """
    problem = result.alone().problem
    assert problem.mu is not None
    assert problem.L is not None
    assert result.distance is not None
    assert result.error is not None
    found = rate(
        method, mu=problem.mu, L=problem.L, steps=min(steps, max(result.steps, 1)), horizon=horizon, progress=progress
    )
    n = np.array([row.steps for row in found.rows])
    errors = dict(zip(result.iteration.tolist(), result.error.tolist(), strict=True))
    return Beside(
        result,
        n,
        np.array([row.evals for row in found.rows]),
        np.array([errors.get(k, np.nan) for k in n.tolist()]),
        float(result.distance[0]) ** 2 * np.array([row.worst for row in found.rows]),
        found.ended,
    )
