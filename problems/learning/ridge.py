"""Ridge regression on a file of data."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stepbench import FiniteSum, InputError, param
from stepbench.contracts.fits import RidgeLoss, digest, libsvm, two_clouds


@dataclass(frozen=True)
class Ridge(FiniteSum):
    """Ridge regression on a file of data in LIBSVM's format.

    f(w) = 1/(2n) Σ_i (x_iᵀ w − y_i)² + λ/2 ‖w‖². Nothing is scaled, and there is no intercept but the file's own.
    Without a file the data are two Gaussian clouds of 100 points each, around (1, 1) and (−1, −1), with y = 1 and −1.
    """

    data: Path | None = param(None, "", "a file in LIBSVM's format; none for two clouds")
    lam: float = param(0.01, "λ", "weight of the penalty", "[1e-12, 1e8]")
    batch: int | None = param(None, "|B|", "examples drawn per step; none for all", "[1, inf)")

    source = "Hoerl & Kennard 1970, Ridge regression: biased estimation for nonorthogonal problems"

    def __post_init__(self):
        super().__post_init__()
        if self.batch is not None and self.batch > self.terms:
            raise InputError(f"{self.name}: batch={self.batch} is more than the {self.terms} examples")

    @cached_property
    def _all(self):
        X, y = two_clouds() if self.data is None else libsvm(self.data, self.name)
        return RidgeLoss(X, y[:, None], self.lam)

    @property
    def x0(self):
        """The origin."""
        return np.zeros(self._all.X.shape[1])

    @cached_property
    def x_star(self):
        """The solution of (XᵀX / n + λ I) w = Xᵀ y / n."""
        X, y, _ = self._all
        return np.linalg.solve(self._all.matrix, X.T @ y[:, 0] / len(X))

    @cached_property
    def f_star(self):
        """f there."""
        return float(self.f(np.repeat(self.x_star[:, None], 2, axis=1))[0])

    @cached_property
    def _spectrum(self):
        return np.linalg.eigvalsh(self._all.matrix)

    @property
    def mu(self):
        """The smallest eigenvalue of XᵀX / n, and λ."""
        return float(self._spectrum[0])

    @property
    def L(self):
        """The largest."""
        return float(self._spectrum[-1])

    @property
    def libraries(self):
        """What the file holds."""
        return {} if self.data is None else {"data": digest(self.data)}

    @property
    def view(self):
        """The clouds' minimum, and the start."""
        return ((-0.5, 1.0), (-0.5, 1.0)) if self.data is None else None

    def hessian(self, w):
        """XᵀX / n + λ I, the same everywhere."""
        return self._all.hessian(w)

    @property
    def terms(self):
        """The number of examples."""
        return len(self._all.X)

    @property
    def batch_size(self):
        """Examples drawn per step."""
        return self.batch

    def subset(self, index):
        """The mean over the chosen examples, with the whole penalty."""
        X, y, lam = self._all
        return RidgeLoss(X[index], y[index], lam)
