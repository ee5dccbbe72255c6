"""Easom's function."""

import numpy as np

from stepbench import Problem


class Easom(Problem):
    """A hole in a plain: away from it the gradient vanishes.

    f(w) = −cos w₁ cos w₂ exp(−(w₁ − π)² − (w₂ − π)²)
    """

    x0 = (4.6, 1.9)
    x_star = (np.pi, np.pi)
    f_star = -1.0
    view = ((0.0, 2 * np.pi), (0.0, 2 * np.pi))
    source = "Easom, A survey of global optimization techniques, 1990"

    def f(self, w):
        """Two cosines under a bell."""
        return -np.cos(w[0]) * np.cos(w[1]) * self._bell(w)

    def grad(self, w):
        """The product rule: each cosine gives a sine, and the bell gives −2(w − π)."""
        c1, c2 = np.cos(w)
        s1, s2 = np.sin(w)
        z1, z2 = w - np.pi
        return self._bell(w) * np.stack([c2 * (s1 + 2 * z1 * c1), c1 * (s2 + 2 * z2 * c2)])

    def _bell(self, w):
        z = w - np.pi
        return np.exp(-(z * z).sum(0))
