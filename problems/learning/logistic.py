"""Logistic regression on a file of data."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from stepbench import InputError, param
from stepbench.contracts.fits import LogisticFit, digest, libsvm, two_clouds


@dataclass(frozen=True)
class Logistic(LogisticFit):
    """Logistic regression on a file of data in LIBSVM's format.

    f(w) = 1/n Σ_i log(1 + exp(−t_i x_iᵀ w)) + λ/2 ‖w‖², where t_i is 1 for the larger of the file's two labels and −1
    for the other. Nothing is scaled, and there is no intercept but one that the file has. Without a file the data are
    two Gaussian clouds of 100 points each, around (1, 1) and (−1, −1).
    """

    data: Path | None = param(None, "", "a file in LIBSVM's format, with two labels; none for two clouds")
    lam: float = param(0.01, "λ", "weight of the penalty", "[1e-12, 1e8]")
    batch: int | None = param(None, "|B|", "examples drawn per step; none for all", "[1, inf)")

    source = "Chang & Lin 2011, LIBSVM: a library for support vector machines (the format)"

    def __post_init__(self):
        super().__post_init__()
        if self.batch is not None and self.batch > self.terms:
            raise InputError(f"{self.name}: batch={self.batch} is more than the {self.terms} examples")

    @cached_property
    def rows(self):
        """t_i x_i for every example."""
        X, y = two_clouds() if self.data is None else libsvm(self.data, self.name)
        labels = np.unique(y)
        if len(labels) != 2:
            raise InputError(f"{self.name}: {self.data} has {len(labels)} labels; two are needed, or ridge:data=FILE")
        return X * np.where(y == labels[1], 1.0, -1.0)[:, None]

    @property
    def x0(self):
        """The origin."""
        return np.zeros(self.rows.shape[1])

    @property
    def libraries(self):
        """What the file holds."""
        return {} if self.data is None else {"data": digest(self.data)}

    @property
    def view(self):
        """The clouds' minimum, and the start."""
        return ((-1.0, 4.0), (-1.0, 4.0)) if self.data is None else None
