"""Broyden's banded function, no. 31."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class BroydenBanded(LeastSquares):
    """Cubic equations, coupled to five before and one after.

    r_i = w_i (2 + 5 w_i²) + 1 − Σ_j w_j (1 + w_j) over j ≠ i with i − 5 ≤ j ≤ i + 1
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 31; Broyden 1971"

    @property
    def x0(self):
        """(-1, …, -1)."""
        return np.full(self.dim, -1.0)

    @cached_property
    def x_star(self):
        """The root that Newton's method finds from the start."""
        return self.root()

    def residuals(self, w):
        """One per parameter."""
        r, neighbour = (2 + 5 * w * w) * w + 1, (1 + w) * w
        r[:-1] -= neighbour[1:]
        for k in range(1, 6):
            r[k:] -= neighbour[:-k]
        return r

    def jacobian(self, w):
        """Seven diagonals."""
        i, neighbour = np.arange(self.dim), 1 + 2 * w
        J = np.zeros_like(w, shape=(self.dim, *w.shape))
        J[i, i], J[i[:-1], i[1:]] = 2 + 15 * w * w, -neighbour[1:]
        for k in range(1, 6):
            J[i[k:], i[:-k]] = -neighbour[:-k]
        return J
