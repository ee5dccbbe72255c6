"""The ill-conditioned quadratic."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import Problem, param
from stepbench.arrays import like


@dataclass(frozen=True)
class Quadratic(Problem):
    """A bowl that is kappa times steeper along one axis.

    f(w) = ½ wᵀ Q w, where Q has eigenvalues from kappa to 1, evenly spaced in the logarithm. With two parameters
    Q = diag(kappa, 1). The angle turns the first axis towards the last, which mixes the two and hurts every method
    that has one step size per component.
    """

    kappa: float = param(1000.0, "κ", "condition number L/μ", "[1, 1e12]")
    dim: int = param(2, "d", "number of parameters", "[2, 10000]")
    angle: float = param(0.0, "θ", "rotation of the axes in degrees", "[-360, 360]")

    source = "Yao 2022, §3 (the convex problem of Figure 3)"
    f_star = 0.0
    mu = 1.0

    @property
    def L(self):
        """The largest eigenvalue."""
        return float(self.kappa)

    @property
    def x0(self):
        """(-1, 2), repeated for more parameters."""
        return np.resize([-1.0, 2.0], self.dim)

    @property
    def x_star(self):
        """The origin."""
        return np.zeros(self.dim)

    @property
    def view(self):
        """With two parameters, a window that holds the start, the minimum and an overshoot."""
        return ((-2.4, 2.4), (-2.4, 2.4)) if self.dim == 2 else None

    def f(self, w):
        """½ Σ λ_i z_i², where z is w in the axes of Q."""
        z = self._turn(w, 1)
        return 0.5 * (like(self._eigenvalues, w) * z * z).sum(0)

    def grad(self, w):
        """Q w."""
        return self._turn(like(self._eigenvalues, w) * self._turn(w, 1), -1)

    def hessian(self, w):
        """Q, the same everywhere."""
        axes = self._turn(np.eye(self.dim), 1)
        Q = self._turn(self._eigenvalues * axes, -1)
        return np.repeat(Q[:, :, None], w.shape[-1], axis=2)

    @cached_property
    def _eigenvalues(self):
        return np.geomspace(self.kappa, 1.0, self.dim)[:, None]

    def _turn(self, v, sign):
        """The vector v in the axes of Q (sign 1), or back from them (sign −1)."""
        if not self.angle:
            return v
        c, s = np.cos(np.radians(self.angle)), sign * np.sin(np.radians(self.angle))
        turned = v + 0.0
        turned[0], turned[-1] = c * v[0] + s * v[-1], c * v[-1] - s * v[0]
        return turned
