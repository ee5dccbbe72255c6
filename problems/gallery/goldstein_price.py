"""Goldstein and Price's function."""

import numpy as np

from stepbench import Problem


class GoldsteinPrice(Problem):
    """Four basins below walls ten thousand times as high.

    f(w) = A(w₁ + w₂) B(2w₁ − 3w₂) with A(s) = 1 + (s + 1)² (19 − 14s + 3s²), B(t) = 30 + t² (18 − 16t + 3t²).

    A' = 12 (s + 1)(s − 1)(s − 2) and B' = 12 t (t − 1)(t − 3): A is least at −1 and 2, where it is 1 and 28, and B
    at 0 and 3, where it is 30 and 3. The minima are the four products.
    """

    x0 = (-1.3, 0.7)
    x_star = (0.0, -1.0)
    f_star = 3.0
    local_minima = (30.0, 84.0, 840.0)  # at (−0.6, −0.4), (1.8, 0.2) and (1.2, 0.8)
    view = ((-2.0, 2.0), (-2.0, 1.5))
    source = "Goldstein & Price, On descent from local minima, Mathematics of Computation 25, 1971"

    def f(self, w):
        """A(s) B(t)."""
        s, t = w[0] + w[1], 2 * w[0] - 3 * w[1]
        return self._A(s) * self._B(t)

    def grad(self, w):
        """A' B counts once for each parameter, A B' twice for w₁ and minus three times for w₂."""
        s, t = w[0] + w[1], 2 * w[0] - 3 * w[1]
        along = 12 * (s + 1) * (s - 1) * (s - 2) * self._B(t)
        across = 12 * t * (t - 1) * (t - 3) * self._A(s)
        return np.stack([along + 2 * across, along - 3 * across])

    def _A(self, s):
        return 1 + (s + 1) * (s + 1) * (19 - s * (14 - 3 * s))

    def _B(self, t):
        """B(t), rewritten so that it is never rounded below 3."""
        return 3 + (t - 3) * (t - 3) * (3 + t * (2 + 3 * t))
