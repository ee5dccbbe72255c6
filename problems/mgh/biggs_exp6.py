"""Biggs' EXP6 function, no. 18."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param
from stepbench.arrays import exp


@dataclass(frozen=True)
class BiggsExp6(LeastSquares):
    """Three exponentials fitted to three: a flat surface.

    r_i = w₃ exp(−t_i w₁) − w₄ exp(−t_i w₂) + w₆ exp(−t_i w₅) − y_i,  with t_i = i/10,
    y_i = exp(−t_i) − 5 exp(−10 t_i) + 3 exp(−4 t_i),  i = 1, …, m

    The paper's minimum, 5.65565·10⁻³ with m = 13, is the least value only among the points with w₁ = w₅ and w₃ = w₆; it
    is a saddle of f. The start is such a point, and a method that treats all parameters alike never leaves them.
    """

    m: int = param(13, "m", "number of residuals", "[6, 10000]")

    x0 = (1.0, 2.0, 1.0, 1.0, 1.0, 1.0)
    x_star = ((1.0, 4.0), (10.0, 10.0), (1.0, 3.0), (5.0, 5.0), (4.0, 1.0), (3.0, 1.0))
    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 18; Biggs 1971"

    def residuals(self, w):
        """One per time t_i."""
        t = np.arange(1, self.m + 1)[:, None] / 10
        y = exp(-t) - 5 * exp(-10 * t) + 3 * exp(-4 * t)
        return w[2] * exp(-t * w[0]) - w[3] * exp(-t * w[1]) + w[5] * exp(-t * w[4]) - y

    def jacobian(self, w):
        """Column by column."""
        t = np.arange(1, self.m + 1)[:, None] / 10
        a, b, c = exp(-t * w[0]), exp(-t * w[1]), exp(-t * w[4])
        return np.stack([-t * w[2] * a, t * w[3] * b, a, -b, -t * w[5] * c, c], axis=1)
