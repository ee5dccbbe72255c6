"""The Gaussian function, no. 9."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import exp

T = (8 - np.arange(1.0, 16.0)[:, None]) / 2
Y = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989]
Y = np.array(Y + Y[-2::-1])[:, None]


class Gaussian(LeastSquares):
    """A bell curve fitted to the normal density, rounded.

    r_i = w₁ exp(−w₂ (t_i − w₃)² / 2) − y_i,  with t_i = (8 − i)/2,  i = 1, …, 15

    y_i is the standard normal density at t_i, to four decimals.
    """

    x0 = (0.4, 1.0, 0.0)
    # polished by Newton's method; the paper gives f only
    x_star = (0.39895613783875666, 1.0000190844878056, 0.0)
    f_star = 1.127932769618648e-08
    source = "Moré, Garbow & Hillstrom 1981, no. 9; unpublished"

    def residuals(self, w):
        """One per point."""
        apart = T - w[2]
        return w[0] * exp(-w[1] * apart * apart / 2) - Y

    def jacobian(self, w):
        """Column by column."""
        apart = T - w[2]
        bell = exp(-w[1] * apart * apart / 2)
        return np.stack([bell, -w[0] * apart * apart * bell / 2, w[0] * w[1] * apart * bell], axis=1)
