"""The two-layer ReLU network of AdaLoss."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from stepbench import FiniteSum, InputError, param
from stepbench.arrays import contract


class _Network(NamedTuple):
    """½ weight Σ_i (u(x_i) − y_i)², where u(x) = Σ_r a_r max(⟨w_r, x⟩, 0), and a holds the 1/√m."""

    X: np.ndarray
    y: np.ndarray
    a: np.ndarray
    weight: float

    def _residuals(self, w):
        """What the hidden units see, (n, m, R), and the residuals, (n, R)."""
        z = contract("np,mpr->nmr", self.X, w.reshape(len(self.a), -1, w.shape[-1]))
        return z, contract("m,nmr->nr", self.a, np.where(z > 0, z, 0)) - self.y

    def f(self, w):
        _, r = self._residuals(w)
        return 0.5 * self.weight * (r * r).sum(0)

    def grad(self, w):
        z, r = self._residuals(w)
        active = np.where(z > 0, r[:, None], 0) * self.a[:, None]
        return self.weight * contract("np,nmr->mpr", self.X, active).reshape(w.shape)


@dataclass(frozen=True)
class ReluNetwork(FiniteSum):
    """A wide two-layer ReLU network whose first layer learns.

    f(W) = ½ Σ_i (u(x_i) − y_i)²,  u(x) = 1/√m Σ_r a_r max(⟨w_r, x⟩, 0). The n inputs x_i are random on the unit
    sphere, the labels y_i standard normal; the signs a_r are fixed, and training begins at standard normal w_r. Here w
    is W row by row, m times p numbers. With ``batch`` set, each step sees that many examples, weighted by n/batch.
    """

    n: int = param(10, "n", "number of examples", "[1, 100000]")
    inputs: int = param(5, "p", "length of an input", "[2, 10000]")
    width: int = param(100, "m", "hidden units", "[1, 100000]")
    batch: int | None = param(None, "|B|", "examples drawn per step; none for all of them", "[1, inf)")
    data_seed: int = param(0, "", "seed of the examples, the signs and the start", "[0, inf)")

    source = "Wu et al. 2022, §4, eq. 11"
    smoothness = "C⁰"

    def __post_init__(self):
        super().__post_init__()
        if self.batch is not None and self.batch > self.n:
            raise InputError(f"{self.name}: batch={self.batch} is more than the n={self.n} examples")

    @cached_property
    def _drawn(self):
        rng = np.random.default_rng(self.data_seed)
        X = rng.standard_normal((self.n, self.inputs))
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        y = rng.standard_normal((self.n, 1))
        a = rng.choice([-1.0, 1.0], self.width) / np.sqrt(self.width)
        return _Network(X, y, a, 1.0), rng.standard_normal(self.width * self.inputs)

    @property
    def x0(self):
        """The random first layer."""
        return self._drawn[1]

    @property
    def f_star(self):
        """0 where at least 2n units have each sign, else None.

        Four units can fit one example and leave the others alone: with v ⊥ x_i in general position and ε small,
        σ(⟨v + ε x_i, x⟩) + σ(⟨v − ε x_i, x⟩) − 2σ(⟨v, x⟩) is ε‖x_i‖² at x_i and 0 at the others.
        """
        positive = int((self._drawn[0].a > 0).sum())
        return 0.0 if min(positive, self.width - positive) >= 2 * self.n else None

    @cached_property
    def gram(self):
        """H∞, (n, n): E[x_iᵀ x_j 1{wᵀx_i ≥ 0, wᵀx_j ≥ 0}] = x_iᵀx_j (π − arccos x_iᵀx_j) / 2π (Definition 1)."""
        X = self._drawn[0].X
        cosines = np.clip(X @ X.T, -1.0, 1.0)
        return cosines * (np.pi - np.arccos(cosines)) / (2 * np.pi)

    @property
    def gram_norm(self):
        """‖H∞‖, its largest eigenvalue: step sizes of order 1/‖H∞‖ converge (Theorem 2)."""
        return float(np.linalg.eigvalsh(self.gram)[-1])

    @property
    def terms(self):
        """The number of examples."""
        return self.n

    @property
    def batch_size(self):
        """Examples drawn per step."""
        return self.batch

    def subset(self, index):
        """The squares of the chosen examples, weighted so that their expectation is the whole sum."""
        X, y, a, _ = self._drawn[0]
        return _Network(X[index], y[index], a, self.n / len(index))
