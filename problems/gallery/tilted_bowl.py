"""An ill-conditioned bowl at an angle."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class TiltedBowl(Problem):
    """Gradient descent zigzags down a long, slanting bowl.

    f(w) = ½ (κ a² + b²), where a and b are w₁ and w₂ in axes turned by θ.
    """

    kappa: float = param(25.0, "κ", "condition number L/μ", "[1, 1e12]")
    angle: float = param(30.0, "θ", "how far the axes are turned, in degrees", "[-360, 360]")

    x0 = (-1.0, 2.0)
    x_star = (0.0, 0.0)
    f_star = 0.0
    mu = 1.0
    view = ((-2.4, 2.4), (-2.4, 2.4))
    source = "made for this gallery"

    @property
    def L(self):
        """The curvature along a."""
        return self.kappa

    def f(self, w):
        """κ times as steep along a as along b."""
        c, s = self._turn
        a, b = c * w[0] + s * w[1], c * w[1] - s * w[0]
        return 0.5 * (self.kappa * a * a + b * b)

    def grad(self, w):
        """(κa, b), turned back."""
        c, s = self._turn
        a, b = self.kappa * (c * w[0] + s * w[1]), c * w[1] - s * w[0]
        return np.stack([c * a - s * b, s * a + c * b])

    @property
    def _turn(self):
        return np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
