"""Rastrigin's function."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class Rastrigin(Problem):
    """An egg box: a minimum near every point of a grid.

    f(w) = Σ_i w_i² + 10 (1 − cos 2πw_i), computed as Σ_i w_i² + 20 sin² πw_i, which rounds to 0 at 0.
    """

    dim: int = param(2, "d", "number of parameters", "[1, 10000]")

    f_star = 0.0
    source = "Rastrigin 1974; Mühlenbein, Schomisch & Born 1991"

    @property
    def x0(self):
        """(-2.4, 1.6), repeated for more parameters."""
        return np.resize([-2.4, 1.6], self.dim)

    @property
    def x_star(self):
        """The origin."""
        return np.zeros(self.dim)

    @property
    def view(self):
        """With two parameters, a window on some of the minima."""
        return ((-2.8, 2.8), (-2.8, 2.8)) if self.dim == 2 else None

    def f(self, w):
        """A bowl, and a ripple along every axis."""
        s = np.sin(np.pi * w)
        return (w * w + 20 * s * s).sum(0)

    def grad(self, w):
        """Each component depends on its own parameter alone."""
        return 2 * w + 20 * np.pi * np.sin(2 * np.pi * w)
