"""The linear function of rank 1, no. 33."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, LeastSquares, param
from stepbench.arrays import contract


@dataclass(frozen=True)
class LinearRank1(LeastSquares):
    """Linear least squares flat in all directions but one.

    r_i = i Σ_j j w_j − 1

    The minimisers are the hyperplane Σ_j j w_j = 3 / (2m + 1).
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")
    m: int = param(20, "m", "number of residuals, n or more", "[1, 10000]")

    source = "Moré, Garbow & Hillstrom 1981, no. 33"

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
        """m (m − 1) / (2 (2m + 1))."""
        return self.m * (self.m - 1) / (2 * (2 * self.m + 1))

    @property
    def L(self):
        """The only eigenvalue that is not 0."""
        return 2 * float((self.A * self.A).sum())

    @cached_property
    def A(self):
        """The matrix of r = A w − 1, (m, n)."""
        return np.outer(np.arange(1.0, self.m + 1), np.arange(1.0, self.dim + 1))

    def residuals(self, w):
        """Linear."""
        return contract("ij,jr->ir", self.A, w) - 1

    def jacobian(self, w):
        """The same everywhere."""
        return np.repeat(self.A[:, :, None], w.shape[1], axis=2)
