"""The linear function of full rank, no. 32."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, LeastSquares, param
from stepbench.arrays import contract


@dataclass(frozen=True)
class LinearFullRank(LeastSquares):
    """Linear least squares whose Hessian is twice the identity.

    r_i = w_i − (2/m) Σ_j w_j − 1 for i ≤ n,  r_i = −(2/m) Σ_j w_j − 1 for n < i ≤ m
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")
    m: int = param(20, "m", "number of residuals, n or more", "[1, 10000]")

    mu = L = 2.0
    source = "Moré, Garbow & Hillstrom 1981, no. 32"

    def __post_init__(self):
        super().__post_init__()
        if self.m < self.dim:
            raise InputError(f"{self.name}: m={self.m} must be at least dim={self.dim}")

    @property
    def x0(self):
        """All ones."""
        return np.ones(self.dim)

    @property
    def x_star(self):
        """(-1, …, -1)."""
        return np.full(self.dim, -1.0)

    @property
    def f_star(self):
        """m − n."""
        return float(self.m - self.dim)

    @cached_property
    def A(self):
        """The matrix of r = A w − 1, (m, n)."""
        return np.eye(self.m, self.dim) - 2 / self.m

    def residuals(self, w):
        """Linear."""
        return contract("ij,jr->ir", self.A, w) - 1

    def jacobian(self, w):
        """The same everywhere."""
        return np.repeat(self.A[:, :, None], w.shape[1], axis=2)
