"""Osborne's first function, no. 17."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import exp

T = 10 * np.arange(33.0)[:, None]
Y = """0.844 0.908 0.932 0.936 0.925 0.908 0.881 0.850 0.818 0.784 0.751 0.718 0.685 0.658 0.628 0.603 0.580
    0.558 0.538 0.522 0.506 0.490 0.478 0.467 0.457 0.448 0.438 0.431 0.424 0.420 0.414 0.411 0.406"""
Y = np.array(Y.split(), dtype=float)[:, None]


class Osborne1(LeastSquares):
    """Two exponentials and a constant, fitted to 33 points.

    r_i = y_i − (w₁ + w₂ exp(−t_i w₄) + w₃ exp(−t_i w₅)),  with t_i = 10 (i − 1)
    """

    x0 = (0.5, 1.5, -1.0, 0.01, 0.02)
    # polished by Newton's method; the paper gives f only
    x_star = (0.37541005210695205, 1.9358469127123674, -1.464687136613423, 0.012867534640057288, 0.02212269966167261)
    f_star = 5.464894697482907e-05
    source = "Moré, Garbow & Hillstrom 1981, no. 17; Osborne 1972"

    def residuals(self, w):
        """One per point."""
        return Y - (w[0] + w[1] * exp(-T * w[3]) + w[2] * exp(-T * w[4]))

    def jacobian(self, w):
        """Column by column."""
        a, b = exp(-T * w[3]), exp(-T * w[4])
        return np.stack([-np.ones_like(a), -a, -b, T * w[1] * a, T * w[2] * b], axis=1)
