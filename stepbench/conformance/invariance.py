"""How much a method's path changes where the function is rotated, shifted, stretched, scaled or raised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.arrays import Array, contract
from stepbench.contracts import Problem, Runnable, Vector
from stepbench.engine.result import Result
from stepbench.engine.running import run_quietly

PROBLEMS = ("quadratic:kappa=20,dim=3,angle=25", "rosenbrock:b=5,dim=3")
STEPS = 30
TOLERANCE = 1e-6
"""A part of the path's length: what rounding, or a guard such as Adam's ε, may amount to over the steps."""


class Invariance(NamedTuple):
    """How far the path of the changed function, brought back, is from the path of the function itself.

    ``deviation`` is the largest distance between them, in units of the longest way from the start; infinite where
    only one of them diverged, and NaN where the path goes nowhere.
    """

    change: str
    deviation: float

    @property
    def holds(self) -> bool:
        """Whether the path is the same but for rounding."""
        return self.deviation <= TOLERANCE


@dataclass(frozen=True)
class _Changed(Problem):
    """g(w) = scale f(B w + shift) + constant: where f's path is at v, that of g is at w = B⁻¹ (v − shift)."""

    base: Problem
    B: Vector
    shift: Vector
    scale: float = 1.0
    constant: float = 0.0

    def to(self, v: Vector) -> Vector:
        """The points w of g that correspond to points v of f, (d, n) both."""
        return np.linalg.solve(self.B, v - self.shift[:, None])

    @property
    def x0(self) -> Vector:
        """The start that corresponds."""
        return self.to(self.base.x0[:, None])[:, 0]

    @property
    def f_star(self) -> float | None:
        """The minimum, changed as f is."""
        return None if self.base.f_star is None else self.scale * self.base.f_star + self.constant

    @property
    def mu(self) -> float | None:
        """Strong convexity, changed as the Hessian is: B is an orthogonal matrix times a number."""
        return None if self.base.mu is None else self.base.mu * self._stretch

    @property
    def L(self) -> float | None:
        """Smoothness, changed as the Hessian is."""
        return None if self.base.L is None else self.base.L * self._stretch

    @property
    def _stretch(self) -> float:
        return self.scale * float(np.linalg.norm(self.B, 2)) ** 2

    def _back(self, w: Array) -> Array:
        return contract("ij,jr->ir", self.B, w) + self.shift[:, None]

    def f(self, w: Array) -> Array:
        """g."""
        return self.scale * self.base.f(self._back(w)) + self.constant

    def grad(self, w: Array) -> Array:
        """scale Bᵀ ∇f."""
        return self.scale * contract("ij,ir->jr", self.B, self.base.grad(self._back(w)))

    def hessian(self, w: Array) -> Array:
        """scale Bᵀ ∇²f B."""
        return self.scale * np.einsum("ij,ikr,kl->jlr", self.B, self.base.hessian(self._back(w)), self.B)


def _changes(problem: Problem) -> dict[str, _Changed]:
    """The function, changed in each way."""
    d = problem.x0.size
    same, still = np.eye(d), np.zeros(d)
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((d, d)))[0]  # mixes every axis with every other
    return {
        "w is rotated": _Changed(problem, rotation, still),
        "w is shifted": _Changed(problem, same, np.full(d, 0.5)),
        "w is scaled by 4": _Changed(problem, same / 4, still),
        "f is scaled by 8": _Changed(problem, same, still, scale=8.0),
        "100 is added to f": _Changed(problem, same, still, constant=100.0),
    }


def card(method: Runnable) -> Iterator[Invariance]:
    """How much each change of the function moves the method's path, over ``STEPS`` steps on two problems.

    A method that is told the minimum or the constants of f is told those of the changed function, and goes on those
    problems alone that supply what it needs.
    """
    problems = [problem for problem in map(catalog.problem, PROBLEMS) if not method.missing(problem.supplies)]
    results = [run_quietly(problem, method, steps=STEPS) for problem in problems]
    changed = [_changes(problem) for problem in problems]
    for change in changed[0]:
        yield Invariance(change, max(_apart(p[change], method, r) for p, r in zip(changed, results, strict=True)))


def _apart(changed: _Changed, method: Runnable, result: Result) -> float:
    """How far the changed function's path is from where the function's own path has gone."""
    other = run_quietly(changed, method, steps=STEPS)
    expected, path = changed.to(result.x.T), other.x.T
    if (result.status == "diverged") != (other.status == "diverged"):
        return math.inf
    n = min(expected.shape[1], path.shape[1])
    reach = float(np.linalg.norm(expected - expected[:, :1], axis=0).max())
    apart = float(np.linalg.norm(expected[:, :n] - path[:, :n], axis=0).max())
    return apart / reach if reach else math.nan
