"""Bohachevsky's first function."""

import numpy as np

from stepbench import Problem


class Bohachevsky(Problem):
    """A bowl from afar, and a field of dimples near its foot.

    f(w) = w₁² + 2w₂² + 0.3 (1 − cos 3πw₁) + 0.4 (1 − cos 4πw₂), computed with 1 − cos 2a = 2 sin² a.
    """

    x0 = (-1.3, 1.1)
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-1.6, 1.6), (-1.6, 1.6))
    source = "Bohachevsky, Johnson & Stein, Generalized simulated annealing, Technometrics 28, 1986"

    def f(self, w):
        """A bowl, and a ripple along each axis."""
        w1, w2 = w
        a, b = np.sin(1.5 * np.pi * w1), np.sin(2 * np.pi * w2)
        return w1 * w1 + 2 * w2 * w2 + 0.6 * a * a + 0.8 * b * b

    def grad(self, w):
        """Each component depends on its own parameter alone."""
        w1, w2 = w
        return np.stack([2 * w1 + 0.9 * np.pi * np.sin(3 * np.pi * w1), 4 * w2 + 1.6 * np.pi * np.sin(4 * np.pi * w2)])
