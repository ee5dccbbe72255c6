"""The extended Powell singular function, no. 22."""

from dataclasses import dataclass

import numpy as np

from stepbench import InputError, LeastSquares, param


@dataclass(frozen=True)
class ExtendedPowellSingular(LeastSquares):
    """Powell's singular valley once for every four parameters.

    r_{4i−3} = w_{4i−3} + 10 w_{4i−2},  r_{4i−2} = √5 (w_{4i−1} − w_{4i}),
    r_{4i−1} = (w_{4i−2} − 2 w_{4i−1})²,  r_{4i} = √10 (w_{4i−3} − w_{4i})²
    """

    dim: int = param(12, "n", "number of parameters, a multiple of 4", "[4, 10000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 22; Spedicato 1975"

    def __post_init__(self):
        super().__post_init__()
        if self.dim % 4:
            raise InputError(f"{self.name}: dim={self.dim} must be a multiple of 4")

    @property
    def x0(self):
        """(3, -1, 0, 1), repeated."""
        return np.resize([3.0, -1.0, 0.0, 1.0], self.dim)

    @property
    def x_star(self):
        """The origin."""
        return np.zeros(self.dim)

    def residuals(self, w):
        """Four for every four parameters."""
        a, b, c, d = w[::4], w[1::4], w[2::4], w[3::4]
        r = np.empty_like(w)
        r[::4], r[1::4] = a + 10 * b, np.sqrt(5) * (c - d)
        r[2::4], r[3::4] = (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2
        return r

    def jacobian(self, w):
        """Blocks of 4 × 4 along the diagonal."""
        a, b, c, d = w[::4], w[1::4], w[2::4], w[3::4]
        s, t = 2 * (b - 2 * c), 2 * np.sqrt(10) * (a - d)
        J = np.zeros_like(w, shape=(self.dim, *w.shape))
        i = np.arange(0, self.dim, 4)
        J[i, i], J[i, i + 1] = 1.0, 10.0
        J[i + 1, i + 2], J[i + 1, i + 3] = np.sqrt(5), -np.sqrt(5)
        J[i + 2, i + 1], J[i + 2, i + 2] = s, -2 * s
        J[i + 3, i], J[i + 3, i + 3] = t, -t
        return J
