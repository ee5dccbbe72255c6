"""Least squares on Gaussian data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import FiniteSum, InputError, LinearLeastSquares, param
from stepbench.arrays import contract


@dataclass(frozen=True)
class LinearRegression(FiniteSum):
    """Least squares on Gaussian samples, whole or in batches.

    f(w) = ½ ‖X w − y‖², X an n × d matrix of standard normal numbers, y = X w* + noise. With ``batch`` set, each
    step draws that many samples and sees n/batch times their part of the sum.
    """

    n: int = param(100, "n", "number of samples", "[1, 1000000]")
    dim: int = param(2, "d", "number of parameters", "[1, 10000]")
    noise: float = param(0.0, "σ", "standard deviation of the noise in y", "[0, 1e12]")
    batch: int | None = param(None, "|B|", "samples drawn a step; none for all of them", "[1, inf)")
    data_seed: int = param(0, "", "seed of the data", "[0, inf)")

    source = "Wu et al. 2022, §3, eq. 3"

    @property
    def x0(self):
        """The origin."""
        return np.zeros(self.dim)

    def __post_init__(self):
        super().__post_init__()
        if self.batch is not None and self.batch > self.n:
            raise InputError(f"{self.name}: batch={self.batch} is more than the n={self.n} samples")

    @cached_property
    def _data(self):
        rng = np.random.default_rng(self.data_seed)
        X = rng.standard_normal((self.n, self.dim))
        w = rng.standard_normal((self.dim, 1))
        y = contract("nd,dr->nr", X, w) + self.noise * rng.standard_normal((self.n, 1))
        return LinearLeastSquares(X, y, 1.0), w[:, 0]

    @cached_property
    def x_star(self):
        """The w that made the data, or with noise the least-squares solution; None where it is not unique."""
        (X, y, _), w = self._data
        if self.n < self.dim:
            return None
        return np.linalg.lstsq(X, y)[0][:, 0] if self.noise else w

    @cached_property
    def f_star(self):
        """The least sum of squares."""
        if self.x_star is None:
            return 0.0  # fewer samples than parameters: the data can be fitted exactly
        return float(self.f(np.repeat(self.x_star[:, None], 2, axis=1))[0])

    @cached_property
    def _spectrum(self):
        X = self._data[0].X
        return np.linalg.eigvalsh(X.T @ X)

    @property
    def mu(self):
        """The smallest eigenvalue of XᵀX; None where the samples do not determine w."""
        return float(self._spectrum[0]) if self.n >= self.dim else None

    @property
    def L(self):
        """The largest eigenvalue of XᵀX."""
        return float(self._spectrum[-1])

    @property
    def view(self):
        """A square around the start and the minimum, where there are two parameters."""
        if self.dim != 2 or self.x_star is None:
            return None
        middle, reach = self.x_star / 2, np.abs(self.x_star).max()
        return tuple((float(m - 1.1 * reach), float(m + 1.1 * reach)) for m in middle)

    def f(self, x):
        """Half the sum of the squared residuals."""
        return self._data[0].f(x)

    def grad(self, x):
        """Xᵀ (X w − y)."""
        return self._data[0].grad(x)

    def hessian(self, x):
        """XᵀX, the same everywhere."""
        return self._data[0].hessian(x)

    @property
    def terms(self):
        """The samples."""
        return self.n

    @property
    def batch_size(self):
        """Samples a step."""
        return self.batch

    def subset(self, index):
        """The chosen samples' squares, weighted so that their expectation is the whole sum."""
        X, y, _ = self._data[0]
        return LinearLeastSquares(X[index], y[index], self.n / len(index))
