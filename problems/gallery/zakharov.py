"""Zakharov's function."""

import numpy as np

from stepbench import Problem


class Zakharov(Problem):
    """A bowl whose far walls allow only tiny steps.

    f(w) = ‖w‖² + s² + s⁴, where s = ½w₁ + w₂

    The curvature across is 4.5 at the minimum and grows like 15s²: a constant step that is safe at the start
    crawls along the floor.
    """

    x0 = (-4.0, -3.0)
    x_star = (0.0, 0.0)
    f_star = 0.0
    mu = 2.0
    view = ((-5.5, 5.5), (-5.5, 5.5))
    source = "Surjanovic & Bingham, Virtual library of simulation experiments"

    def f(self, w):
        """A bowl, and a quartic across."""
        s = 0.5 * w[0] + w[1]
        return (w * w).sum(0) + s * s * (1 + s * s)

    def grad(self, w):
        """s has the gradient (½, 1)."""
        s = 0.5 * w[0] + w[1]
        across = s * (2 + 4 * s * s)
        return 2 * w + np.stack([0.5 * across, across])
