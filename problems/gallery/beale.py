"""Beale's function."""

import numpy as np

from stepbench import Problem


class Beale(Problem):
    """A flat cross-shaped valley between four steep corners.

    f(w) = (1.5 − w₁ (1 − w₂))² + (2.25 − w₁ (1 − w₂²))² + (2.625 − w₁ (1 − w₂³))²
    """

    x0 = (-1.0, -1.5)
    x_star = (3.0, 0.5)
    f_star = 0.0
    # At w₁ → −∞ with w₁ (1 − w₂) → 111/112 the residuals are those of a straight line.
    local_minima = (0.4520089285714286,)
    view = ((-4.5, 4.5), (-4.5, 4.5))
    source = "Beale, On an iterative method for finding a local minimum, 1958"

    def f(self, w):
        """The sum of the three squared residuals."""
        return sum(r * r for r in self._residuals(w))

    def grad(self, w):
        """Twice the sum of each residual times its own gradient."""
        w1, w2 = w
        r1, r2, r3 = self._residuals(w)
        g1 = r1 * (w2 - 1) + r2 * (w2 * w2 - 1) + r3 * (w2 * w2 * w2 - 1)
        g2 = w1 * (r1 + 2 * w2 * r2 + 3 * w2 * w2 * r3)
        return 2 * np.stack([g1, g2])

    def _residuals(self, w):
        w1, w2 = w
        return 1.5 - w1 * (1 - w2), 2.25 - w1 * (1 - w2 * w2), 2.625 - w1 * (1 - w2 * w2 * w2)
