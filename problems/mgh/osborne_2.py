"""Osborne's second function, no. 19."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import exp

T = np.arange(65.0)[:, None] / 10
Y = """1.366 1.191 1.112 1.013 0.991 0.885 0.831 0.847 0.786 0.725 0.746 0.679 0.608 0.655 0.616 0.606 0.602
    0.626 0.651 0.724 0.649 0.649 0.694 0.644 0.624 0.661 0.612 0.558 0.533 0.495 0.500 0.423 0.395 0.375 0.372
    0.391 0.396 0.405 0.428 0.429 0.523 0.562 0.607 0.653 0.672 0.708 0.633 0.668 0.645 0.632 0.591 0.559 0.597
    0.625 0.739 0.710 0.729 0.720 0.636 0.581 0.428 0.292 0.162 0.098 0.054"""
Y = np.array(Y.split(), dtype=float)[:, None]


class Osborne2(LeastSquares):
    """A decay and three Gaussian peaks, fitted to 65 points.

    r_i = y_i − (w₁ exp(−t_i w₅) + Σ_k w_{k+1} exp(−w_{k+5} (t_i − w_{k+8})²)),  k = 1, 2, 3,  with t_i = (i − 1)/10
    """

    x0 = (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5)
    # polished by Newton's method; the paper gives f only
    x_star = (
        *(1.3099771546273005, 0.4315537946029889, 0.633661698960724, 0.5994305347859163),
        *(0.7541832263280113, 0.9042885798596336, 1.3658118352370285, 4.8236988172271555),
        *(2.3986848661317546, 4.568874597667672, 5.6753414705806415),
    )
    f_star = 0.040137736293547738
    source = "Moré, Garbow & Hillstrom 1981, no. 19; Osborne 1972"

    def residuals(self, w):
        """One per point."""
        apart = T[:, None] - w[8:]
        return Y - (w[0] * exp(-T * w[4]) + (w[1:4] * exp(-w[5:8] * apart * apart)).sum(1))

    def jacobian(self, w):
        """The columns of the decay, and three at a time those of the peaks."""
        decay, apart, height, rate = exp(-T * w[4])[:, None], T[:, None] - w[8:], w[1:4], w[5:8]
        peak = exp(-rate * apart * apart)
        fall = height * apart * peak
        return np.concatenate([-decay, -peak, T[:, None] * w[0] * decay, apart * fall, -2 * rate * fall], axis=1)
