"""Griewank's function."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class Griewank(Problem):
    """A wide, shallow bowl under a carpet of even ripples.

    f(w) = Σ_i w_i²/4000 + 1 − Π_i cos(w_i/√i)
    """

    dim: int = param(2, "d", "number of parameters", "[1, 10000]")

    f_star = 0.0
    source = "Griewank, Generalized descent for global optimization, JOTA 34, 1981"

    @property
    def x0(self):
        """(-2.8, -1), repeated for more parameters."""
        return np.resize([-2.8, -1.0], self.dim)

    @property
    def x_star(self):
        """The origin."""
        return np.zeros(self.dim)

    @property
    def view(self):
        """With two parameters, the ripples: the bowl shows from a hundred times as far."""
        return ((-8.0, 8.0), (-8.0, 8.0)) if self.dim == 2 else None

    def f(self, w):
        """The bowl and the ripples."""
        return (w * w).sum(0) / 4000 + (1 - np.cos(w / self._roots).prod(0))

    def grad(self, w):
        """A factor's derivative is the product times its tangent, which is finite: no float's cosine is exactly 0."""
        z = w / self._roots
        return w / 2000 + np.cos(z).prod(0) * np.tan(z) / self._roots

    @property
    def _roots(self):
        return np.sqrt(np.arange(1, self.dim + 1))[:, None]
