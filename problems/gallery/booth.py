"""Booth's function."""

import numpy as np

from stepbench import Problem


class Booth(Problem):
    """A shallow oval bowl whose axes lie at 45 degrees.

    f(w) = (w₁ + 2w₂ − 7)² + (2w₁ + w₂ − 5)²
    """

    x0 = (-8.0, 6.0)
    x_star = (1.0, 3.0)
    f_star = 0.0
    mu, L = 2.0, 18.0  # the Hessian has 10 on its diagonal and 8 beside it
    view = ((-10.0, 10.0), (-10.0, 10.0))
    source = "Surjanovic & Bingham, Virtual library of simulation experiments"

    def f(self, w):
        """The squared residuals of two linear equations."""
        w1, w2 = w
        a, b = w1 + 2 * w2 - 7, 2 * w1 + w2 - 5
        return a * a + b * b

    def grad(self, w):
        """Linear."""
        w1, w2 = w
        a, b = w1 + 2 * w2 - 7, 2 * w1 + w2 - 5
        return np.stack([2 * a + 4 * b, 4 * a + 2 * b])
