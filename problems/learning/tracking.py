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

    def f(self, x):
        apart = x - like(self.s, x)
        return 0.5 * (apart * apart).sum(0)

    def grad(self, x):
        return x - like(self.s, x)

    def hessian(self, x):
        return np.repeat(np.eye(len(x))[:, :, None], x.shape[-1], axis=2)


@dataclass(frozen=True)
class Tracking(Problem):
    """A stream of examples whose task changes every 20 steps.

    Each step sees ½ (y − wᵀx)² for one example: dim inputs x, standard normal, and y = sᵀx. Only the first
    ``relevant`` components of s are not 0; they are ±1, and after every ``period`` examples one of them, chosen at
    random, changes its sign. f is half the error expected of the next example, ½ ‖w − s‖²: it drifts, and its minimum
    of 0 moves. A rule that has a step size a component can learn which inputs matter.
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
        """The signs s, (dim,), that the example after so many steps has."""
        changes, relevant = step // self.period, min(self.relevant, self.dim)
        known = max(1024, 1 << changes.bit_length())
        s = np.zeros(self.dim)
        s[:relevant] = _signs(relevant, self.data_seed, known)[changes]
        return s

    def at(self, step):
        """Half the error expected of the example after so many steps."""
        return _Distance(self.task(step))

    def f(self, x):
        """As it stands at the start."""
        return self.at(0).f(x)

    def grad(self, x):
        """w − s, as it stands at the start."""
        return self.at(0).grad(x)

    def hessian(self, x):
        """The identity."""
        return self.at(0).hessian(x)

    def sample(self, rng, step):
        """One example of the task as it stands before the step."""
        x = rng.standard_normal((1, self.dim))
        return LinearLeastSquares(x, x @ self.task(step - 1)[:, None], 1.0)


@lru_cache(8)
def _signs(relevant, seed, changes):
    """The relevant signs after so many changes and after all before, (changes + 1, relevant)."""
    flips = np.random.default_rng(seed).integers(relevant, size=changes)
    turned = np.zeros((changes + 1, relevant), dtype=np.int64)
    turned[np.arange(1, changes + 1), flips] = 1
    return 1 - 2 * (turned.cumsum(axis=0) % 2)
