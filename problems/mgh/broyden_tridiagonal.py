"""Broyden's tridiagonal function, no. 30."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class BroydenTridiagonal(LeastSquares):
    """Quadratic equations, each with its two neighbours.

    r_i = (3 − 2 w_i) w_i − w_{i−1} − 2 w_{i+1} + 1,  with w_0 = w_{n+1} = 0
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 30; Broyden 1965"

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
        r = (3 - 2 * w) * w + 1
        r[1:] -= w[:-1]
        r[:-1] -= 2 * w[1:]
        return r

    def jacobian(self, w):
        """Three diagonals."""
        i = np.arange(self.dim)
        J = np.zeros_like(w, shape=(self.dim, *w.shape))
        J[i, i], J[i[1:], i[:-1]], J[i[:-1], i[1:]] = 3 - 4 * w, -1.0, -2.0
        return J
