"""Logistic regression on the breast-cancer data."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from stepbench import FiniteSum, InputError, param
from stepbench.arrays import contract


class _Logistic(NamedTuple):
    """The mean of log(1 + exp(−margin)) over the rows of A, where margin = A w, plus λ/2 ‖w‖²."""

    A: np.ndarray
    lam: float

    def _margins(self, w):
        """The margins m, and exp(−|m|), which never overflows."""
        m = contract("nd,dr->nr", self.A, w)
        return m, np.exp(np.where(m > 0, -m, m))

    def f(self, w):
        m, e = self._margins(w)
        return (np.log1p(e) - np.where(m > 0, 0, m)).sum(0) / len(self.A) + 0.5 * self.lam * (w * w).sum(0)

    def grad(self, w):
        m, e = self._margins(w)
        wrong = np.where(m > 0, e, 1) / (1 + e)  # the probability of the other class
        return self.lam * w - contract("nd,nr->dr", self.A, wrong) / len(self.A)

    def hessian(self, w):
        _, e = self._margins(w)
        weights = e / ((1 + e) * (1 + e)) / len(self.A)
        outer = self.A[:, :, None] * self.A[:, None]
        return contract("nij,nr->ijr", outer, weights) + self.lam * np.eye(len(w))[:, :, None]


@dataclass(frozen=True)
class BreastCancer(FiniteSum):
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
    def _rows(self):
        """t_i x_i for every tumour."""
        try:
            from sklearn.datasets import load_breast_cancer
        except ImportError:
            raise InputError(f'{self.name} needs scikit-learn: pip install "stepbench[data]"') from None
        X, t = load_breast_cancer(return_X_y=True)
        return np.column_stack([(X - X.mean(0)) / X.std(0), np.ones(len(X))]) * np.where(t, 1.0, -1.0)[:, None]

    @cached_property
    def x_star(self):
        """The minimiser that SciPy finds, polished by Newton's method."""
        from scipy.optimize import minimize

        def lone(answer):
            return lambda w: answer(np.repeat(w[:, None], 2, axis=1))[..., 0]

        f, grad, hessian = map(lone, (self.f, self.grad, self.hessian))
        w = minimize(f, self.x0, jac=grad, hess=hessian, method="trust-exact").x
        for _ in range(3):
            w = w - np.linalg.solve(hessian(w), grad(w))
        return w

    @cached_property
    def f_star(self):
        """f at the minimiser."""
        return float(self.f(np.repeat(self.x_star[:, None], 2, axis=1))[0])

    @property
    def mu(self):
        """The strong convexity of the penalty."""
        return self.lam

    @cached_property
    def L(self):
        """A logistic curve bends by 1/4 at most."""
        return float(np.linalg.eigvalsh(self._rows.T @ self._rows)[-1]) / (4 * len(self._rows)) + self.lam

    def hessian(self, w):
        """The Hessian over all tumours."""
        return self.whole.hessian(w)

    @property
    def terms(self):
        """The number of tumours."""
        return len(self._rows)

    @property
    def batch_size(self):
        """Tumours drawn per step."""
        return self.batch

    def subset(self, index):
        """The mean over the chosen tumours, with the whole penalty."""
        return _Logistic(self._rows[index], self.lam)
