"""Matyas's function."""

import numpy as np

from stepbench import Problem


class Matyas(Problem):
    """A long diagonal trough, 25 times steeper across.

    f(w) = 0.26 (w₁² + w₂²) − 0.48 w₁ w₂
    """

    x0 = (-8.0, -4.0)
    x_star = (0.0, 0.0)
    f_star = 0.0
    mu, L = 0.04, 1.0  # the Hessian has 0.52 on its diagonal and −0.48 beside it
    view = ((-10.0, 10.0), (-10.0, 10.0))
    source = "Surjanovic & Bingham, Virtual library of simulation experiments"

    def f(self, w):
        """A quadratic form."""
        w1, w2 = w
        return 0.26 * (w1 * w1 + w2 * w2) - 0.48 * w1 * w2

    def grad(self, w):
        """Linear."""
        w1, w2 = w
        return np.stack([0.52 * w1 - 0.48 * w2, 0.52 * w2 - 0.48 * w1])
