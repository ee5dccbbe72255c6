"""The extended Rosenbrock function, no. 21."""

from dataclasses import dataclass

import numpy as np

from stepbench import InputError, LeastSquares, param


@dataclass(frozen=True)
class ExtendedRosenbrock(LeastSquares):
    """Rosenbrock's valley once for every pair of parameters.

    r_{2i−1} = 10 (w_{2i} − w_{2i−1}²),  r_{2i} = 1 − w_{2i−1}
    """

    dim: int = param(10, "n", "number of parameters, even", "[2, 10000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 21; Spedicato 1975"

    def __post_init__(self):
        super().__post_init__()
        if self.dim % 2:
            raise InputError(f"{self.name}: dim={self.dim} must be even")

    @property
    def x0(self):
        """(-1.2, 1), repeated."""
        return np.resize([-1.2, 1.0], self.dim)

    @property
    def x_star(self):
        """All ones."""
        return np.ones(self.dim)

    def residuals(self, w):
        """Two per pair of parameters."""
        r = np.empty_like(w)
        r[::2], r[1::2] = 10 * (w[1::2] - w[::2] * w[::2]), 1 - w[::2]
        return r

    def jacobian(self, w):
        """Blocks of 2 × 2 along the diagonal."""
        J = np.zeros_like(w, shape=(self.dim, *w.shape))
        i = np.arange(0, self.dim, 2)
        J[i, i], J[i, i + 1], J[i + 1, i] = -20 * w[::2], 10.0, -1.0
        return J
