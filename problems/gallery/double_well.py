"""The double well."""

import numpy as np

from stepbench import Problem


class DoubleWell(Problem):
    """Two equal minima; a start near the ridge must choose.

    f(w) = (w₁² − 1)² + w₂²
    """

    x0 = (0.02, 1.2)
    x_star = ((-1.0, 1.0), (0.0, 0.0))
    f_star = 0.0
    view = ((-1.8, 1.8), (-1.5, 1.5))
    source = "the potential of Landau's theory of phase transitions, 1937"

    def f(self, w):
        """A double well along w₁, a bowl along w₂."""
        w1, w2 = w
        a = w1 * w1 - 1
        return a * a + w2 * w2

    def grad(self, w):
        """Each component depends on its own parameter alone."""
        w1, w2 = w
        return np.stack([4 * w1 * (w1 * w1 - 1), 2 * w2])
