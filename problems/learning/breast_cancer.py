"""Logistic regression on the breast-cancer data."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, param
from stepbench.contracts.fits import LogisticFit


@dataclass(frozen=True)
class BreastCancer(LogisticFit):
    """Logistic regression on 569 tumours, whole or in batches.

    f(w) = 1/n Σ_i log(1 + exp(−t_i x_iᵀ w)) + λ/2 ‖w‖², where x_i are thirty measurements of a tumour, each with mean 0
    and variance 1, and a 1, and t_i is 1 for a benign and −1 for a malignant one. With ``batch`` set, each step sees
    that many tumours.
    """

    lam: float = param(0.01, "λ", "weight of the penalty", "[1e-8, 1e8]")
    batch: int | None = param(None, "|B|", "tumours drawn per step; none for all", "[1, 569]")

    source = "Wolberg, Street & Mangasarian 1995, Breast Cancer Wisconsin (Diagnostic); data as scikit-learn ships them"
    x0 = (0.0,) * 31

    @cached_property
    def rows(self):
        """t_i x_i for every tumour."""
        try:
            from sklearn.datasets import load_breast_cancer
        except ImportError:
            raise InputError(f'{self.name} needs scikit-learn: pip install "stepbench[data]"') from None
        X, t = load_breast_cancer(return_X_y=True)
        return np.column_stack([(X - X.mean(0)) / X.std(0), np.ones(len(X))]) * np.where(t, 1.0, -1.0)[:, None]
