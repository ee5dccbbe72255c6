"""Linear regression on the diabetes data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, LinearFit, LinearLeastSquares, param


@dataclass(frozen=True)
class Diabetes(LinearFit):
    """Linear regression on 442 patients, whole or in batches.

    f(w) = 1/(2n) Σ_i (x_iᵀ w − y_i)², where x_i are ten measurements of a patient, each with mean 0 and variance 1,
    and a 1; y_i is how far the disease went in a year, with mean 0 and variance 1 too. With ``batch`` set, each step
    sees that many patients.
    """

    batch: int | None = param(None, "|B|", "patients drawn per step; none for all", "[1, 442]")

    source = "Efron, Hastie, Johnstone & Tibshirani 2004, Least angle regression; data as scikit-learn ships them"
    x0 = (0.0,) * 11

    @cached_property
    def data(self):
        """The patients, standardised."""
        try:
            from sklearn.datasets import load_diabetes
        except ImportError:
            raise InputError(f'{self.name} needs scikit-learn: pip install "stepbench[data]"') from None
        X, y = load_diabetes(return_X_y=True)
        X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
        return LinearLeastSquares(np.column_stack([X, np.ones(len(X))]), y[:, None], 1 / len(X))
