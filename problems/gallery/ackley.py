"""Ackley's function."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param
from stepbench.arrays import ratio


@dataclass(frozen=True)
class Ackley(Problem):
    """A pitted plain with a pointed funnel in the middle.

    f(w) = −20 exp(−r/5) − exp(c) + 20 + e, where r² is the mean of w_i² and c that of cos 2πw_i.

    The funnel ends in a point: f rises like 4‖w‖/√d from the minimum, where it has no gradient. There it is taken as
    0, which is a subgradient.
    """

    dim: int = param(2, "d", "number of parameters", "[1, 10000]")

    smoothness = "C⁰"
    f_star = 0.0
    source = "Ackley, A connectionist machine for genetic hillclimbing, 1987"

    @property
    def x0(self):
        """(-2.7, 1.6), repeated for more parameters."""
        return np.resize([-2.7, 1.6], self.dim)

    @property
    def x_star(self):
        """The origin."""
        return np.zeros(self.dim)

    @property
    def view(self):
        """With two parameters, the funnel and the pits around it."""
        return ((-3.5, 3.5), (-3.5, 3.5)) if self.dim == 2 else None

    def f(self, w):
        """The formula rewritten with exponentials less 1, which are exactly 0 at the minimum."""
        r, c = self._means(w)
        return -20 * np.expm1(-r / 5) - np.e * np.expm1(c - 1)

    def grad(self, w):
        """The funnel gives 4 exp(−r/5) times the gradient w/dr of r."""
        r, c = self._means(w)
        return (4 * np.exp(-r / 5) * ratio(w, r) + 2 * np.pi * np.exp(c) * np.sin(2 * np.pi * w)) / self.dim

    def _means(self, w):
        s = np.sin(np.pi * w)
        return np.sqrt((w * w).sum(0) / self.dim), 1 - 2 * (s * s).sum(0) / self.dim
