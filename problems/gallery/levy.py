"""Levy's function."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param
from stepbench.arrays import zeros_like


@dataclass(frozen=True)
class Levy(Problem):
    """Parallel troughs, each with a row of minima along it.

    f(w) = sin² πz₁ + Σ_{i<d} z_i² (1 + 10 sin²(πz_i + 1)) + z_d² (1 + sin² 2πz_d), where z_i = (w_i − 1)/4
    """

    dim: int = param(2, "d", "number of parameters", "[1, 10000]")

    f_star = 0.0
    source = "Levy & Montalvo, The tunneling algorithm, 1985; Laguna & Martí 2005"

    @property
    def x0(self):
        """(-2, -6), repeated for more parameters."""
        return np.resize([-2.0, -6.0], self.dim)

    @property
    def x_star(self):
        """1 everywhere."""
        return np.ones(self.dim)

    @property
    def view(self):
        """With two parameters, the customary window."""
        return ((-10.0, 10.0), (-10.0, 10.0)) if self.dim == 2 else None

    def f(self, w):
        """A parabola along every axis, each with its own ripples."""
        z = (w - 1) / 4
        first, s, last = np.sin(np.pi * z[0]), np.sin(np.pi * z[:-1] + 1), np.sin(2 * np.pi * z[-1])
        return first * first + (z[:-1] * z[:-1] * (1 + 10 * s * s)).sum(0) + z[-1] * z[-1] * (1 + last * last)

    def grad(self, w):
        """Each component depends on its own parameter alone; the first has sin² πz₁ as well."""
        z, g = (w - 1) / 4, zeros_like(w)
        s, last = np.sin(np.pi * z[:-1] + 1), np.sin(2 * np.pi * z[-1])
        g[:-1] = 2 * z[:-1] * (1 + 10 * s * (s + np.pi * z[:-1] * np.cos(np.pi * z[:-1] + 1)))
        g[-1] = 2 * z[-1] * (1 + last * (last + 2 * np.pi * z[-1] * np.cos(2 * np.pi * z[-1])))
        g[0] += np.pi * np.sin(2 * np.pi * z[0])
        return g / 4
