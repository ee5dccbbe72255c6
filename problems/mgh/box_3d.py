"""Box's three-dimensional function, no. 12."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param
from stepbench.arrays import exp


@dataclass(frozen=True)
class Box3D(LeastSquares):
    """The rates and the weight of two exponentials.

    r_i = exp(−t_i w₁) − exp(−t_i w₂) − w₃ (exp(−t_i) − exp(−10 t_i)),  with t_i = i/10,  i = 1, …, m

    f is 0 at (1, 10, 1), at (10, 1, −1), and wherever w₁ = w₂ and w₃ = 0.
    """

    m: int = param(10, "m", "number of residuals", "[3, 10000]")

    x0 = (0.0, 10.0, 20.0)
    x_star = ((1.0, 10.0), (10.0, 1.0), (1.0, -1.0))
    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 12; Box 1966"

    def residuals(self, w):
        """One per time t_i."""
        t = np.arange(1, self.m + 1)[:, None] / 10
        return exp(-t * w[0]) - exp(-t * w[1]) - w[2] * (exp(-t) - exp(-10 * t))

    def jacobian(self, w):
        """Column by column."""
        t = np.arange(1, self.m + 1)[:, None] / 10
        weight = exp(-10 * t) - exp(-t)
        return np.stack([-t * exp(-t * w[0]), t * exp(-t * w[1]), weight + 0 * w[2]], axis=1)
