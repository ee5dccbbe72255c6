"""Linear models fitted to data with a penalty, whole or in mini-batches, and the files that such data come in."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stepbench.arrays import Array, PerRun, Points, contract
from stepbench.contracts.problem import FiniteSum, Function, Vector
from stepbench.fields import InputError

LARGEST = 50_000_000
"""How many numbers a file's data may have, zeros included: 400 MB."""


def libsvm(path: str, name: str) -> tuple[Vector, Vector]:
    """The data X (n, d) and the targets y (n,) of a file in LIBSVM's format; raises InputError in the problem's name.

    Source: Chang & Lin 2011, LIBSVM: a library for support vector machines. A line is the target and ``index:value``.
    """
    try:
        from sklearn.datasets import load_svmlight_file
    except ImportError:
        raise InputError(f'{name} reads files by scikit-learn: pip install "stepbench[data]"') from None
    try:
        X, y = load_svmlight_file(path)
    except OSError as error:
        raise InputError(f"{name}: {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{name}: {path} is not in LIBSVM's format, target index:value …: {error}") from None
    if not np.prod(X.shape):
        raise InputError(f"{name}: {path} holds no data")
    if X.shape[0] * X.shape[1] > LARGEST:
        raise InputError(f"{name}: {path} has {X.shape[0]:,} by {X.shape[1]:,} numbers, more than {LARGEST:,}")
    if not np.isfinite(X.data).all() or not np.isfinite(y).all():
        raise InputError(f"{name}: {path} holds numbers that are not finite")
    return X.toarray(), y


def digest(path: str) -> str:
    """A digest of what a file of data holds; raises InputError where it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def two_clouds() -> tuple[Vector, Vector]:
    """Two Gaussian clouds of 100 points each, around (1, 1) and (−1, −1), with the labels 1 and −1."""
    y = np.repeat([1.0, -1.0], 100)
    return np.random.default_rng(0).standard_normal((200, 2)) + y[:, None], y


class LogisticLoss(NamedTuple):
    """The mean of log(1 + exp(−margin)) over the rows of A, where margin = A w, plus λ/2 ‖w‖²."""

    A: Vector
    lam: float

    def _margins(self, w: Points) -> tuple[Array, Array]:
        """The margins m, and exp(−|m|), which never overflows."""
        m = contract("nd,dr->nr", self.A, w)
        return m, np.exp(np.where(m > 0, -m, m))

    def f(self, w: Points) -> PerRun:
        """The mean loss and the penalty."""
        m, e = self._margins(w)
        return (np.log1p(e) - np.where(m > 0, 0, m)).sum(0) / len(self.A) + 0.5 * self.lam * (w * w).sum(0)

    def grad(self, w: Points) -> Points:
        """λ w minus the rows' mean, each weighted by the probability of the other class."""
        m, e = self._margins(w)
        wrong = np.where(m > 0, e, 1) / (1 + e)
        return self.lam * w - contract("nd,nr->dr", self.A, wrong) / len(self.A)

    def hessian(self, w: Points) -> Array:
        """Aᵀ diag(p (1 − p)) A / n + λ I."""
        _, e = self._margins(w)
        weights = e / ((1 + e) * (1 + e)) / len(self.A)
        outer = self.A[:, :, None] * self.A[:, None]
        return contract("nij,nr->ijr", outer, weights) + self.lam * np.eye(len(w))[:, :, None]


@dataclass(frozen=True)
class LogisticFit(FiniteSum):
    """Logistic regression: f is the ``LogisticLoss`` of ``rows``; ``lam`` and ``batch`` are fields of the subclass."""

    @property
    @abstractmethod
    def rows(self) -> Vector:
        """t_i x_i of every example, (n, d), where t_i is 1 or −1."""

    @property
    @abstractmethod
    def lam(self) -> float:
        """The weight of the penalty."""

    @property
    @abstractmethod
    def batch(self) -> int | None:
        """Examples drawn per step; None for all of them."""

    @cached_property
    def x_star(self) -> Vector:
        """The minimiser that SciPy finds, polished by Newton's method."""
        from scipy.optimize import minimize

        def lone(answer: Callable[[Points], Array]) -> Callable[[Vector], Array]:
            return lambda w: answer(np.repeat(w[:, None], 2, axis=1))[..., 0]

        f, grad, hessian = map(lone, (self.f, self.grad, self.hessian))
        w: Vector = minimize(f, self.x0, jac=grad, hess=hessian, method="trust-exact").x
        for _ in range(3):
            w = w - np.linalg.solve(hessian(w), grad(w))
        return w

    @cached_property
    def f_star(self) -> float:
        """f at the minimiser."""
        return float(self.f(np.repeat(self.x_star[:, None], 2, axis=1))[0])

    @property
    def mu(self) -> float:
        """The strong convexity of the penalty."""
        return self.lam

    @cached_property
    def L(self) -> float:
        """A logistic curve bends by 1/4 at most."""
        return float(np.linalg.eigvalsh(self.rows.T @ self.rows)[-1]) / (4 * len(self.rows)) + self.lam

    def hessian(self, w: Points) -> Array:
        """The Hessian over all examples."""
        return self.whole.hessian(w)

    @property
    def terms(self) -> int:
        """The number of examples."""
        return len(self.rows)

    @property
    def batch_size(self) -> int | None:
        """Examples drawn per step."""
        return self.batch

    def subset(self, index: Vector) -> Function:
        """The mean over the chosen examples, with the whole penalty."""
        return LogisticLoss(self.rows[index], self.lam)


class RidgeLoss(NamedTuple):
    """The function 1/(2n) ‖X w − y‖² + λ/2 ‖w‖², with X (n, d) and y (n, 1)."""

    X: Vector
    y: Vector
    lam: float

    def f(self, w: Points) -> PerRun:
        """Half the mean squared residual, and the penalty."""
        r = contract("nd,dr->nr", self.X, w) - self.y
        return 0.5 * (r * r).sum(0) / len(self.X) + 0.5 * self.lam * (w * w).sum(0)

    def grad(self, w: Points) -> Points:
        """Xᵀ (X w − y) / n + λ w."""
        r = contract("nd,dr->nr", self.X, w) - self.y
        return contract("nd,nr->dr", self.X, r) / len(self.X) + self.lam * w

    @property
    def matrix(self) -> Vector:
        """XᵀX / n + λ I, (d, d)."""
        return np.asarray(self.X.T @ self.X / len(self.X) + self.lam * np.eye(self.X.shape[1]))

    def hessian(self, w: Points) -> Array:
        """XᵀX / n + λ I, the same everywhere."""
        return np.repeat(self.matrix[:, :, None], w.shape[-1], axis=2)
