"""The discrete boundary value function, no. 28."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class DiscreteBoundaryValue(LeastSquares):
    """u″ = ½ (u + t + 1)³ with u(0) = u(1) = 0, by differences.

    r_i = 2 w_i − w_{i−1} − w_{i+1} + ½ h² (w_i + t_i + 1)³,  with h = 1/(n+1), t_i = i h and w_0 = w_{n+1} = 0
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 28; Moré & Cosnard 1979"

    @property
    def t(self):
        """The nodes between 0 and 1, (n, 1)."""
        return np.arange(1, self.dim + 1)[:, None] / (self.dim + 1)

    @property
    def x0(self):
        """t_i (t_i − 1)."""
        return (self.t * (self.t - 1))[:, 0]

    @cached_property
    def x_star(self):
        """The root that Newton's method finds from the start."""
        return self.root()

    def residuals(self, w):
        """Second differences, and the cube."""
        c = w + self.t + 1
        r = 2 * w + c * c * c / (2 * (self.dim + 1) ** 2)
        r[1:] -= w[:-1]
        r[:-1] -= w[1:]
        return r

    def jacobian(self, w):
        """Three diagonals."""
        i, c = np.arange(self.dim), w + self.t + 1
        J = np.zeros_like(w, shape=(self.dim, *w.shape))
        J[i, i] = 2 + 3 * c * c / (2 * (self.dim + 1) ** 2)
        J[i[1:], i[:-1]] = J[i[:-1], i[1:]] = -1.0
        return J
