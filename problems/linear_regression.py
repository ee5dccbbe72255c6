"""Least squares on Gaussian data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, LinearFit, LinearLeastSquares, param
from stepbench.arrays import contract


@dataclass(frozen=True)
class LinearRegression(LinearFit):
    """Least squares on Gaussian data, whole or in batches.

    f(w) = ½ ‖X w − y‖², X an n × d matrix of standard normal numbers, y = X w* + noise. With ``batch`` set, each
    step draws that many examples and sees n/batch times their part of the sum.
    """

    n: int = param(100, "n", "number of examples", "[1, 1000000]")
    dim: int = param(2, "d", "number of parameters", "[1, 10000]")
    noise: float = param(0.0, "σ", "standard deviation of the noise in y", "[0, 1e12]")
    batch: int | None = param(None, "|B|", "examples drawn per step; none for all of them", "[1, inf)")
    data_seed: int = param(0, "", "seed of the data", "[0, inf)")

    source = "Wu et al. 2022, §3, eq. 3"

    @property
    def x0(self):
        """The origin."""
        return np.zeros(self.dim)

    def __post_init__(self):
        super().__post_init__()
        if self.batch is not None and self.batch > self.n:
            raise InputError(f"{self.name}: batch={self.batch} is more than the n={self.n} examples")

    @property
    def data(self):
        """All examples."""
        return self._drawn[0]

    @cached_property
    def _drawn(self):
        rng = np.random.default_rng(self.data_seed)
        X = rng.standard_normal((self.n, self.dim))
        w = rng.standard_normal((self.dim, 1))
        y = contract("nd,dr->nr", X, w) + self.noise * rng.standard_normal((self.n, 1))
        return LinearLeastSquares(X, y, 1.0), w[:, 0]

    @cached_property
    def x_star(self):
        """The w that made the data, or with noise the least-squares solution; None where it is not unique."""
        return super().x_star if self.noise or self.n < self.dim else self._drawn[1]

    @property
    def view(self):
        """A square around the start and the minimum, where there are two parameters."""
        if self.dim != 2 or self.x_star is None:
            return None
        middle, reach = self.x_star / 2, np.abs(self.x_star).max()
        return tuple((float(m - 1.1 * reach), float(m + 1.1 * reach)) for m in middle)
