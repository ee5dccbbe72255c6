"""Sums of squares: linear in the parameters, over data, or of any residuals with their Jacobian."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stepbench.arrays import Array, contract, like
from stepbench.contracts import Problem, Vector


class LinearLeastSquares(NamedTuple):
    """The function ½ weight ‖X w − y‖², with X (n, d) and y (n, 1)."""

    X: Vector
    y: Vector
    weight: float

    def f(self, x: Array) -> Array:
        """Half the weighted sum of the squared residuals."""
        r = contract("nd,dr->nr", self.X, x) - like(self.y, x)
        return 0.5 * self.weight * (r * r).sum(0)

    def grad(self, x: Array) -> Array:
        """Xᵀ (X w − y), weighted."""
        r = contract("nd,dr->nr", self.X, x) - like(self.y, x)
        return self.weight * contract("nd,nr->dr", self.X, r)

    def hessian(self, x: Array) -> Array:
        """XᵀX, weighted, the same everywhere."""
        return np.repeat(self.weight * (self.X.T @ self.X)[:, :, None], x.shape[-1], axis=2)


@dataclass(frozen=True)
class LeastSquares(Problem):
    """A problem f(w) = Σ r_i(w)², given by its residuals and their Jacobian.

    Where both take complex points too, the Hessian is derived to rounding, by the complex step of the gradient.
    """

    @abstractmethod
    def residuals(self, x: Array) -> Array:
        """The residuals: (d, R) -> (m, R)."""

    @abstractmethod
    def jacobian(self, x: Array) -> Array:
        """Their derivatives: (d, R) -> (m, d, R)."""

    def f(self, x: Array) -> Array:
        """The sum of the squared residuals."""
        r = self.residuals(x)
        return (r * r).sum(0)

    def grad(self, x: Array) -> Array:
        """2 Jᵀ r."""
        return 2.0 * (self.jacobian(x) * self.residuals(x)[:, None]).sum(0)
