"""What changes a method's path: the same function turned, moved, stretched, scaled or raised, measured."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.arrays import Array, contract
from stepbench.contracts import Problem, Runnable, Vector
from stepbench.engine import DivergenceWarning, run

PROBLEMS = ("quadratic:kappa=20,dim=3,angle=25", "rosenbrock:b=5,dim=3")
STEPS = 30
TOLERANCE = 1e-6
"""Of the length of the path: what rounding may grow to over the steps, or a guard such as Adam's ε may do."""


class Invariance(NamedTuple):
    """How far the path of the changed function, brought back, is from the path of the function itself.

    ``deviation`` is the largest distance between them, in units of the longest way from the start; infinite where
    only one of them broke off.
    """

    change: str
    deviation: float

    @property
    def holds(self) -> bool:
        """Whether the path is the same but for rounding."""
        return self.deviation <= TOLERANCE


@dataclass(frozen=True)
class _Changed(Problem):
    """g(y) = scale f(B y + shift) + constant, whose path is y = B⁻¹ (x − shift)."""

    base: Problem
    B: Vector
    shift: Vector
    scale: float
    constant: float

    def to(self, x: Vector) -> Vector:
        """The points, (d, n), as g sees them."""
        return np.linalg.solve(self.B, x - self.shift[:, None])

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
        """Smoothness, likewise."""
        return None if self.base.L is None else self.base.L * self._stretch

    @property
    def _stretch(self) -> float:
        return self.scale * float(np.linalg.norm(self.B, 2)) ** 2

    def _back(self, y: Array) -> Array:
        return contract("ij,jr->ir", self.B, y) + self.shift[:, None]

    def f(self, x: Array) -> Array:
        """g."""
        return self.scale * self.base.f(self._back(x)) + self.constant

    def grad(self, x: Array) -> Array:
        """scale Bᵀ ∇f."""
        return self.scale * contract("ij,ir->jr", self.B, self.base.grad(self._back(x)))

    def hessian(self, x: Array) -> Array:
        """scale Bᵀ ∇²f B."""
        return self.scale * np.einsum("ij,ikr,kl->jlr", self.B, self.base.hessian(self._back(x)), self.B)


def _rotation(d: int) -> Vector:
    """A rotation that mixes every axis with every other."""
    Q: Vector = np.linalg.qr(np.random.default_rng(1).standard_normal((d, d)))[0]
    return Q


def card(method: Runnable) -> Iterator[Invariance]:
    """How much each change of the function moves the method's path, over ``STEPS`` steps on two problems.

    A rotation of w, a shift of the origin, w measured in units of 1/4, f times 8, and f + 100. Where a method is told
    the minimum, it is told the changed one.
    """
    problems = [catalog.problem(spec) for spec in PROBLEMS]
    paths = [_path(problem, method) for problem in problems]
    for change in ("rotation of w", "shift of w", "scale of w", "scale of f", "constant added to f"):
        deviations = []
        for problem, path in zip(problems, paths, strict=True):
            d = problem.x0.size
            changed = _Changed(
                problem,
                B=_rotation(d) if change == "rotation of w" else np.eye(d) / (4.0 if change == "scale of w" else 1.0),
                shift=np.full(d, 0.5 if change == "shift of w" else 0.0),
                scale=8.0 if change == "scale of f" else 1.0,
                constant=100.0 if change == "constant added to f" else 0.0,
            )
            deviations.append(_apart(changed.to(path), _path(changed, method)))
        yield Invariance(change, max(deviations))


def _path(problem: Problem, method: Runnable) -> Vector:
    """The points, (d, n)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        return run(problem, method, steps=STEPS).x.T


def _apart(expected: Any, path: Any) -> float:
    n = min(expected.shape[1], path.shape[1])
    reach = np.linalg.norm(expected - expected[:, :1], axis=0).max()
    apart = float(np.linalg.norm(expected[:, :n] - path[:, :n], axis=0).max())
    return apart / float(reach) if reach else apart
