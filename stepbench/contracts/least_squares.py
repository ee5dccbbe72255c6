"""Sums of squares: linear in the parameters, over data, or of any residuals with their Jacobian."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from stepbench.arrays import Array, PerRun, Points, contract, like
from stepbench.contracts.problem import FiniteSum, Function, Problem, Vector


class LinearLeastSquares(NamedTuple):
    """The function ½ weight ‖X w − y‖², with X (n, d) and y (n, 1)."""

    X: Vector
    y: Vector
    weight: float

    def f(self, w: Points) -> PerRun:
        """Half the weighted sum of the squared residuals."""
        r = contract("nd,dr->nr", self.X, w) - like(self.y, w)
        return 0.5 * self.weight * (r * r).sum(0)

    def grad(self, w: Points) -> Points:
        """Xᵀ (X w − y), weighted."""
        r = contract("nd,dr->nr", self.X, w) - like(self.y, w)
        return self.weight * contract("nd,nr->dr", self.X, r)

    def hessian(self, w: Points) -> Array:
        """XᵀX, weighted, the same everywhere."""
        return np.repeat(self.weight * (self.X.T @ self.X)[:, :, None], w.shape[-1], axis=2)


@dataclass(frozen=True)
class LinearFit(FiniteSum):
    """A finite sum f(w) = ½ weight ‖X w − y‖² over data, each row a term; ``batch`` is a field of the subclass."""

    @property
    @abstractmethod
    def data(self) -> LinearLeastSquares:
        """All rows."""

    @property
    @abstractmethod
    def batch(self) -> int | None:
        """Rows drawn per step; None for all of them."""

    @cached_property
    def x_star(self) -> Vector | None:
        """The least-squares solution; None where it is not unique."""
        X, y, _ = self.data
        return None if self.mu is None else np.linalg.lstsq(X, y)[0][:, 0]

    @cached_property
    def f_star(self) -> float:
        """The least sum of squares."""
        X, y, _ = self.data
        if self._rank == len(X):
            return 0.0  # as many independent columns as rows: the data can be fitted exactly
        w = np.linalg.lstsq(X, y)[0] if self.x_star is None else self.x_star[:, None]
        return float(self.data.f(np.repeat(w, 2, axis=1))[0])

    @cached_property
    def _rank(self) -> int:
        return int(np.linalg.matrix_rank(self.data.X))

    @cached_property
    def _spectrum(self) -> Vector:
        X, _, weight = self.data
        return weight * np.linalg.eigvalsh(X.T @ X)

    @property
    def mu(self) -> float | None:
        """The smallest eigenvalue of XᵀX, weighted; None where the rows do not determine all parameters."""
        return float(self._spectrum[0]) if self._rank == self.data.X.shape[1] else None

    @property
    def L(self) -> float:
        """The largest eigenvalue of XᵀX, weighted."""
        return float(self._spectrum[-1])

    def hessian(self, w: Points) -> Array:
        """XᵀX, weighted, the same everywhere."""
        return self.data.hessian(w)

    @property
    def terms(self) -> int:
        """The rows."""
        return len(self.data.X)

    @property
    def batch_size(self) -> int | None:
        """Rows per step."""
        return self.batch

    def subset(self, index: Vector) -> Function:
        """The chosen rows' squares, weighted so that their expectation is the whole sum."""
        X, y, weight = self.data
        return LinearLeastSquares(X[index], y[index], weight * len(X) / len(index))


@dataclass(frozen=True)
class LeastSquares(Problem):
    """A problem f(w) = Σ r_i(w)², given by its residuals and their Jacobian.

    The Hessian is derived from the gradient, to rounding where both can be followed (``stepbench.derivatives``).
    """

    @abstractmethod
    def residuals(self, w: Points) -> Array:
        """The residuals: (d, R) -> (m, R)."""

    @abstractmethod
    def jacobian(self, w: Points) -> Array:
        """Their derivatives: (d, R) -> (m, d, R)."""

    def f(self, w: Points) -> PerRun:
        """The sum of the squared residuals."""
        r = self.residuals(w)
        return (r * r).sum(0)

    def grad(self, w: Points) -> Points:
        """2 Jᵀ r."""
        return 2.0 * (self.jacobian(w) * self.residuals(w)[:, None]).sum(0)

    def root(self) -> Vector:
        """Where Newton's method from the start finds all residuals 0, (d,); of problems with d of them."""
        w: Vector = self.x0[:, None]
        for _ in range(20):
            w = w - np.linalg.solve(self.jacobian(w)[:, :, 0], self.residuals(w))
        return w[:, 0]
