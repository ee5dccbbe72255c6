"""Sutton's tracking task."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stepbench import LinearLeastSquares, Problem, param
from stepbench.arrays import like


class _Distance:
    """Half the expected squared error of w on an example of the task s: ½ ‖w − s‖², since the inputs are white."""

    def __init__(self, s):
        self.s = s[:, None]

    def f(self, w):
        apart = w - like(self.s, w)
        return 0.5 * (apart * apart).sum(0)

    def grad(self, w):
        return w - like(self.s, w)

    def hessian(self, w):
        return np.repeat(np.eye(len(w))[:, :, None], w.shape[-1], axis=2)


@dataclass(frozen=True)
class Tracking(Problem):
    """A stream of examples whose task changes every 20 steps.

    Each step sees ½ (y − wᵀx)² for one example: dim inputs x, standard normal, and y = sᵀx. Only the first
    ``relevant`` components of s are not 0; they are ±1, and after every ``period`` examples one of them, chosen at
    random, changes its sign. f is half the expected squared error on the next example, ½ ‖w − s‖²: it drifts, and its
    minimum of 0 moves. A rule that has one step size per component can learn which inputs matter.
    """

    dim: int = param(20, "n", "inputs", "[1, 10000]")
    relevant: int = param(5, "", "inputs that matter, the first ones", "[1, 10000]")
    period: int = param(20, "", "examples between two changes of a sign", "[1, inf)")
    data_seed: int = param(0, "", "seed of the changes", "[0, inf)")

    source = "Sutton 1992, Adapting bias by gradient descent: an incremental version of delta-bar-delta, AAAI-92"
    f_star = 0.0
    mu = 1.0
    L = 1.0
    stochastic = True

    @property
    def x0(self):
        """The origin: nothing is known yet."""
        return np.zeros(self.dim)

    def task(self, step):
        """The signs s, (dim,), of the task after the given number of steps."""
        changes, relevant = step // self.period, min(self.relevant, self.dim)
        known = max(1024, 1 << changes.bit_length())
        s = np.zeros(self.dim)
        s[:relevant] = _signs(relevant, self.data_seed, known)[changes]
        return s

    def at(self, step):
        """Half the expected squared error of w after the given number of steps."""
        return _Distance(self.task(step))

    def f(self, w):
        """The function as it stands at the start."""
        return self.at(0).f(w)

    def grad(self, w):
        """w − s, with the task at the start."""
        return self.at(0).grad(w)

    def hessian(self, w):
        """The identity."""
        return self.at(0).hessian(w)

    def sample(self, rng, step):
        """One example of the task as it stands before the step."""
        x = rng.standard_normal((1, self.dim))
        return LinearLeastSquares(x, x @ self.task(step - 1)[:, None], 1.0)


@lru_cache(8)
def _signs(relevant, seed, changes):
    """The relevant signs after every number of changes from 0 on, (changes + 1, relevant)."""
    flips = np.random.default_rng(seed).integers(relevant, size=changes)
    turned = np.zeros((changes + 1, relevant), dtype=np.int64)
    turned[np.arange(1, changes + 1), flips] = 1
    return 1 - 2 * (turned.cumsum(axis=0) % 2)
