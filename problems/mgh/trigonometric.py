"""The trigonometric function, no. 26."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class Trigonometric(LeastSquares):
    """Sines and cosines, with minima at 0 and above it.

    r_i = n − Σ_j cos w_j + i (1 − cos w_i) − sin w_i

    f = 0 at the origin and at many other points; from the start most methods end above 0.
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 26; Spedicato 1975"

    @property
    def x0(self):
        """(1/n, …, 1/n)."""
        return np.full(self.dim, 1 / self.dim)

    @property
    def local_minima(self):
        """The one that the paper gives for n = 10; there are more."""
        return (2.7950561218794563e-05,) if self.dim == 10 else ()

    def residuals(self, w):
        """One per parameter; the sum of cosines is common to all."""
        i, c = np.arange(1, self.dim + 1)[:, None], np.cos(w)
        return self.dim - c.sum(0) + i * (1 - c) - np.sin(w)

    def jacobian(self, w):
        """The sines in every row, and a diagonal."""
        i, s = np.arange(self.dim), np.sin(w)
        J = np.repeat(s[None], self.dim, axis=0)
        J[i, i] += (i + 1)[:, None] * s - np.cos(w)
        return J
