"""The drop wave."""

import numpy as np

from stepbench import Problem
from stepbench.arrays import ratio


class DropWave(Problem):
    """Rings on water: every trough is a trap a circle long.

    f(w) = −(1 + cos 12r) / (r²/2 + 2), where r = ‖w‖
    """

    x0 = (-0.25, 0.72)
    x_star = (0.0, 0.0)
    f_star = -1.0
    view = ((-1.4, 1.4), (-1.4, 1.4))
    source = "Surjanovic & Bingham, Virtual library of simulation experiments"

    def f(self, w):
        """A wave that fades with the distance."""
        q = (w * w).sum(0)
        return -(1 + np.cos(12 * np.sqrt(q))) / (0.5 * q + 2)

    def grad(self, w):
        """w/r times the derivative along r, whose sine vanishes with r."""
        q = (w * w).sum(0)
        r, damping = np.sqrt(q), 0.5 * q + 2
        return w * (12 * ratio(np.sin(12 * r), r) + (1 + np.cos(12 * r)) / damping) / damping
