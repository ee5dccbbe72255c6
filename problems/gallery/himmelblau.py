"""Himmelblau's function."""

import numpy as np

from stepbench import Problem


class Himmelblau(Problem):
    """Four minima of equal depth around a hill.

    f(w) = (w₁² + w₂ − 11)² + (w₁ + w₂² − 7)²
    """

    x0 = (0.0, 0.0)
    # (3, 2), and the roots of the other branch of w₁² + w₂ = 11 with w₁ + w₂² = 7
    x_star = (
        (3.0, -2.8051180869527448, -3.7793102533777469, 3.5844283403304918),
        (2.0, 3.1313125182505730, -3.2831859912861694, -1.8481265269644036),
    )
    f_star = 0.0
    view = ((-5.5, 5.5), (-5.5, 5.5))
    source = "Himmelblau, Applied nonlinear programming, 1972"

    def f(self, w):
        """The sum of two squared parabolas."""
        a, b = w[0] * w[0] + w[1] - 11, w[0] + w[1] * w[1] - 7
        return a * a + b * b

    def grad(self, w):
        """Each square gives twice itself times its derivative."""
        a, b = w[0] * w[0] + w[1] - 11, w[0] + w[1] * w[1] - 7
        return np.stack([4 * w[0] * a + 2 * b, 2 * a + 4 * w[1] * b])
