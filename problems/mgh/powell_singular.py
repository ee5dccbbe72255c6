"""Powell's singular function, no. 13."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import stack


class PowellSingular(LeastSquares):
    """A valley whose Hessian is singular at the minimum.

    r = (w₁ + 10 w₂, √5 (w₃ − w₄), (w₂ − 2 w₃)², √10 (w₁ − w₄)²)
    """

    x0 = (3.0, -1.0, 0.0, 1.0)
    x_star = (0.0, 0.0, 0.0, 0.0)
    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 13; Powell 1962"

    def residuals(self, w):
        """Four: two linear, two squares."""
        w1, w2, w3, w4 = w
        return stack([w1 + 10 * w2, np.sqrt(5) * (w3 - w4), (w2 - 2 * w3) ** 2, np.sqrt(10) * (w1 - w4) ** 2], w)

    def jacobian(self, w):
        """Row by row."""
        w1, w2, w3, w4 = w
        s, t = 2 * (w2 - 2 * w3), 2 * np.sqrt(10) * (w1 - w4)
        rows = [[1.0, 10.0, 0.0, 0.0], [0.0, 0.0, np.sqrt(5), -np.sqrt(5)], [0.0, s, -2 * s, 0.0], [t, 0.0, 0.0, -t]]
        return stack(rows, w)
