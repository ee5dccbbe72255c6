"""Wood's function, no. 14."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import stack


class Wood(LeastSquares):
    """Two coupled valleys, with a saddle that delays.

    r = (10 (w₂ − w₁²), 1 − w₁, √90 (w₄ − w₃²), 1 − w₃, √10 (w₂ + w₄ − 2), (w₂ − w₄) / √10)

    The saddle lies near (−0.968, 0.947, −0.970, 0.951), where f is 7.877.
    """

    x0 = (-3.0, -1.0, -3.0, -1.0)
    x_star = (1.0, 1.0, 1.0, 1.0)
    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 14; Colville 1968"

    def residuals(self, w):
        """Six: two per valley, and two that couple the valleys."""
        w1, w2, w3, w4 = w
        valleys = [10 * (w2 - w1 * w1), 1 - w1, np.sqrt(90) * (w4 - w3 * w3), 1 - w3]
        return stack([*valleys, np.sqrt(10) * (w2 + w4 - 2), (w2 - w4) / np.sqrt(10)], w)

    def jacobian(self, w):
        """Row by row."""
        w1, _, w3, _ = w
        first = [[-20 * w1, 10.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0]]
        second = [[0.0, 0.0, -2 * np.sqrt(90) * w3, np.sqrt(90)], [0.0, 0.0, -1.0, 0.0]]
        both = [[0.0, np.sqrt(10), 0.0, np.sqrt(10)], [0.0, 1 / np.sqrt(10), 0.0, -1 / np.sqrt(10)]]
        return stack(first + second + both, w)
