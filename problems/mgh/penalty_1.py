"""The penalty function I, no. 23."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param

A = 1e-5


@dataclass(frozen=True)
class Penalty1(LeastSquares):
    """Near (1, …, 1), and kept on a sphere by a penalty.

    r_i = √a (w_i − 1) for i ≤ n,  r_{n+1} = Σ_j w_j² − ¼,  with a = 10⁻⁵
    """

    dim: int = param(10, "n", "number of parameters", "[2, 1000]")

    source = "Moré, Garbow & Hillstrom 1981, no. 23; Gill, Murray & Pitfield 1972"

    @property
    def x0(self):
        """(1, 2, …, n)."""
        return np.arange(1.0, self.dim + 1)

    @property
    def x_star(self):
        """(t, …, t): where ∇f = 0 all parameters are equal, and t is the largest root of 4 n t³ − (1 − 2a) t − 2a."""
        return np.full(self.dim, np.roots([4 * self.dim, 0, 2 * A - 1, -2 * A]).max())

    @property
    def f_star(self):
        """The value at the minimiser."""
        t = self.x_star[0]
        return A * self.dim * (t - 1) ** 2 + (self.dim * t * t - 0.25) ** 2

    def residuals(self, w):
        """The pulls towards 1, and the penalty."""
        return np.concatenate([np.sqrt(A) * (w - 1), (w * w).sum(0)[None] - 0.25])

    def jacobian(self, w):
        """A diagonal, and the radius below it."""
        J = np.zeros_like(w, shape=(self.dim + 1, *w.shape))
        i = np.arange(self.dim)
        J[i, i], J[-1] = np.sqrt(A), 2 * w
        return J
