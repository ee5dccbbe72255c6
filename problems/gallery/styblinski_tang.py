"""Styblinski and Tang's function."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param

DEEP, SHALLOW = -2.9035340277711771, 2.7468027709908370
"""The two minima along one axis: the outer roots of 4w³ − 32w + 5 = 0."""
F_DEEP, F_SHALLOW = -39.166165703771415, -25.029446655283943
"""The values at these two minima."""


@dataclass(frozen=True)
class StyblinskiTang(Problem):
    """A deep and a shallow basin along every axis.

    f(w) = ½ Σ_i (w_i⁴ − 16w_i² + 5w_i)
    """

    dim: int = param(2, "d", "number of parameters", "[1, 10000]")

    source = "Styblinski & Tang, Experiments in nonconvex optimization, Neural Networks 3, 1990"

    @property
    def x0(self):
        """(0.4, 0), repeated for more parameters: near the ridge at 0.157 between the basins."""
        return np.resize([0.4, 0.0], self.dim)

    @property
    def x_star(self):
        """The deep basin along every axis."""
        return np.full(self.dim, DEEP)

    @property
    def f_star(self):
        """Every parameter contributes the same."""
        return self.dim * F_DEEP

    @property
    def local_minima(self):
        """The shallow basin along one axis, along two, and so on."""
        return tuple(k * F_SHALLOW + (self.dim - k) * F_DEEP for k in range(1, self.dim + 1))

    @property
    def view(self):
        """With two parameters, all four basins."""
        return ((-4.5, 4.5), (-4.5, 4.5)) if self.dim == 2 else None

    def f(self, w):
        """A double well along every axis."""
        q = w * w
        return 0.5 * (q * (q - 16) + 5 * w).sum(0)

    def grad(self, w):
        """Each component depends on its own parameter alone."""
        return (2 * w * w - 16) * w + 2.5
