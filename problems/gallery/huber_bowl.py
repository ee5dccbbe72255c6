"""Huber's loss as a bowl."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class HuberBowl(Problem):
    """Straight slopes outside, a round bowl within.

    f(w) = H(w₁) + κ H(w₂), where H(z) = ½z² for |z| ≤ δ and δ (|z| − ½δ) beyond.

    Far away the gradient has the same length everywhere: a constant step walks at a constant pace, and where it
    is too long for the bowl it oscillates and cannot diverge.
    """

    kappa: float = param(5.0, "κ", "how much steeper it is along the second axis", "[1, 1e6]")
    delta: float = param(0.5, "δ", "where the bowl becomes a straight slope", "(0, 1e6]")

    smoothness = "C¹"
    x0 = (-3.2, 2.4)
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-4.0, 4.0), (-3.0, 3.0))
    source = "Huber, Robust estimation of a location parameter, 1964"

    @property
    def L(self):
        """The curvature along the second axis, within the bowl."""
        return self.kappa

    def f(self, w):
        """H along each axis, where z is w clipped to the bowl."""
        z = self._clipped(w)
        h = z * (w - 0.5 * z)
        return h[0] + self.kappa * h[1]

    def grad(self, w):
        """z along each axis."""
        z = self._clipped(w)
        return np.stack([z[0], self.kappa * z[1]])

    def _clipped(self, w):
        return np.where(np.abs(w.real) <= self.delta, w, self.delta * np.sign(w.real))
