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
    that has a step size a component.
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

    def f(self, x):
        """½ Σ λ_i z_i², where z is x in the axes of Q."""
        z = self._turn(x, 1)
        return 0.5 * (like(self._eigenvalues, x) * z * z).sum(0)

    def grad(self, x):
        """Q x."""
        return self._turn(like(self._eigenvalues, x) * self._turn(x, 1), -1)

    def hessian(self, x):
        """Q, the same everywhere."""
        axes = self._turn(np.eye(self.dim), 1)
        Q = self._turn(self._eigenvalues * axes, -1)
        return np.repeat(Q[:, :, None], x.shape[-1], axis=2)

    @cached_property
    def _eigenvalues(self):
        return np.geomspace(self.kappa, 1.0, self.dim)[:, None]

    def _turn(self, x, sign):
        if not self.angle:
            return x
        c, s = np.cos(np.radians(self.angle)), sign * np.sin(np.radians(self.angle))
        y = x + 0.0
        y[0], y[-1] = c * x[0] + s * x[-1], c * x[-1] - s * x[0]
        return y
