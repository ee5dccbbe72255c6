"""The linear function of rank 1 with zero columns and rows, no. 34."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, LeastSquares, param
from stepbench.arrays import contract


@dataclass(frozen=True)
class LinearRank1Zero(LeastSquares):
    """No. 33 without the first and the last parameter and row.

    r_1 = r_m = −1,  r_i = (i − 1) Σ_{1<j<n} j w_j − 1 for 1 < i < m

    The minimisers are the hyperplane Σ_{1<j<n} j w_j = 3 / (2m − 3).
    """

    dim: int = param(10, "n", "number of parameters", "[3, 1000]")
    m: int = param(20, "m", "number of residuals, n or more", "[3, 10000]")

    source = "Moré, Garbow & Hillstrom 1981, no. 34"

    def __post_init__(self):
        super().__post_init__()
        if self.m < self.dim:
            raise InputError(f"{self.name}: m={self.m} must be at least dim={self.dim}")

    @property
    def x0(self):
        """All ones."""
        return np.ones(self.dim)

    @property
    def f_star(self):
        """(m² + 3m − 6) / (2 (2m − 3))."""
        return (self.m**2 + 3 * self.m - 6) / (2 * (2 * self.m - 3))

    @property
    def L(self):
        """The only eigenvalue that is not 0."""
        return 2 * float((self.A * self.A).sum())

    @cached_property
    def A(self):
        """The matrix of r = A w − 1, (m, n)."""
        A = np.outer(np.arange(0.0, self.m), np.arange(1.0, self.dim + 1))
        A[-1], A[:, [0, -1]] = 0.0, 0.0
        return A

    def residuals(self, w):
        """Linear; the first and the last are constant."""
        return contract("ij,jr->ir", self.A, w) - 1

    def jacobian(self, w):
        """The same everywhere."""
        return np.repeat(self.A[:, :, None], w.shape[1], axis=2)
