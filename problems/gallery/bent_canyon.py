"""A canyon with a bend."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class BentCanyon(Problem):
    """A narrow canyon that turns by 90 degrees on its way down.

    f(w) = ½κ m² + ½ (t − t*)², where t = w₁ − w₂ runs along the canyon and m = ½ (w₁ + w₂ − √(t² + ρ²)) across it.

    The floor, m = 0, is the hyperbola w₁ w₂ = ρ²/4, which comes down along the second axis and leaves along the
    first: the direction that was steep becomes the one that is flat. (m, t) are coordinates of the plane, so that
    the minimum is the only stationary point.
    """

    kappa: float = param(100.0, "κ", "steepness of the walls beside the fall along the floor", "(0, 1e8]")
    radius: float = param(0.5, "ρ", "how wide the bend is", "(0, 10]")

    x0 = (0.4, 3.0)
    f_star = 0.0
    view = ((-0.6, 3.6), (-0.6, 3.6))
    source = "made for this gallery"

    @property
    def x_star(self):
        """The point of the floor at w₁ = 3."""
        return np.array([3.0, self.radius**2 / 12])

    def f(self, w):
        """The walls and the fall along the floor."""
        m, fall, _ = self._coordinates(w)
        return 0.5 * (self.kappa * m * m + fall * fall)

    def grad(self, w):
        """∇m = ½ (1 − t/√(t² + ρ²), 1 + t/√(t² + ρ²)) and ∇t = (1, −1)."""
        m, fall, slope = self._coordinates(w)
        return np.stack([0.5 * self.kappa * m * (1 - slope) + fall, 0.5 * self.kappa * m * (1 + slope) - fall])

    def _coordinates(self, w):
        t = w[0] - w[1]
        root = np.sqrt(t * t + self.radius**2)
        return 0.5 * (w[0] + w[1] - root), t - (3.0 - self.radius**2 / 12), t / root
