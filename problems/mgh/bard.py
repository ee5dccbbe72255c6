"""Bard's function, no. 8."""

import numpy as np

from stepbench import LeastSquares

U = np.arange(1.0, 16.0)[:, None]
V = 16 - U
LEAST = np.minimum(U, V)
Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])[:, None]


class Bard(LeastSquares):
    """A rational curve fitted to 15 points.

    r_i = y_i − (w₁ + u_i / (v_i w₂ + min(u_i, v_i) w₃)),  with u_i = i and v_i = 16 − i

    Where w₂ and w₃ go to −∞, the curve becomes a constant, and f falls to 17.4287, at w₁ = 0.8407.
    """

    x0 = (1.0, 1.0, 1.0)
    # polished by Newton's method; the paper gives f only
    x_star = (0.08241055974978893, 1.1330360920297216, 2.343695178642537)
    f_star = 0.008214877306578975
    local_minima = (17.428693333333335,)
    source = "Moré, Garbow & Hillstrom 1981, no. 8; Bard 1970"

    def residuals(self, w):
        """One per point."""
        return Y - (w[0] + U / (V * w[1] + LEAST * w[2]))

    def jacobian(self, w):
        """Column by column."""
        denominator = V * w[1] + LEAST * w[2]
        fall = U / (denominator * denominator)
        return np.stack([-np.ones_like(fall), V * fall, LEAST * fall], axis=1)
