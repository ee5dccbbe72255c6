"""The Kowalik-Osborne function, no. 15."""

import numpy as np

from stepbench import LeastSquares

Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])[:, None]
U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])[:, None]


class KowalikOsborne(LeastSquares):
    """The kinetics of an enzyme, fitted to 11 measurements.

    r_i = y_i − w₁ u_i (u_i + w₂) / (u_i (u_i + w₃) + w₄)

    A second minimum, 1.02734·10⁻³, is approached only at infinity, towards (∞, −14.07, −∞, −∞).
    """

    x0 = (0.25, 0.39, 0.415, 0.39)
    # polished by Newton's method; the paper gives f only
    x_star = (0.19280693457903786, 0.19128232873436696, 0.12305650692632066, 0.13606233068379484)
    f_star = 0.00030750560384923744
    local_minima = (0.0010273430486954578,)
    source = "Moré, Garbow & Hillstrom 1981, no. 15; Kowalik & Osborne 1968"

    def residuals(self, w):
        """One per measurement."""
        w1, w2, w3, w4 = w
        return Y - w1 * U * (U + w2) / (U * (U + w3) + w4)

    def jacobian(self, w):
        """Column by column."""
        w1, w2, w3, w4 = w
        denominator = U * (U + w3) + w4
        share, rate = U * (U + w2) / denominator, w1 * U / denominator
        return np.stack([-share, -rate, rate * share, rate * share / U], axis=1)
