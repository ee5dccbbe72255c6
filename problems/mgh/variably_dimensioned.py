"""The variably dimensioned function, no. 25."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class VariablyDimensioned(LeastSquares):
    """A bowl, and along one direction a steep quartic.

    r_i = w_i − 1 for i ≤ n,  r_{n+1} = s,  r_{n+2} = s²,  with s = Σ_j j (w_j − 1)
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 25"

    @property
    def x0(self):
        """(1 − 1/n, 1 − 2/n, …, 0)."""
        return 1 - np.arange(1, self.dim + 1) / self.dim

    @property
    def x_star(self):
        """All ones."""
        return np.ones(self.dim)

    def residuals(self, w):
        """The bowl, s and its square."""
        s = (np.arange(1, self.dim + 1)[:, None] * (w - 1)).sum(0)
        return np.concatenate([w - 1, s[None], (s * s)[None]])

    def jacobian(self, w):
        """The identity and two full rows."""
        j = np.arange(1, self.dim + 1)[:, None]
        J = np.zeros_like(w, shape=(self.dim + 2, *w.shape))
        J[j[:, 0] - 1, j[:, 0] - 1] = 1.0
        J[-2], J[-1] = j, 2 * j * (j * (w - 1)).sum(0)
        return J
