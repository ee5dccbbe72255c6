"""Problems that drift, as a user may write them."""

import dataclasses
from functools import cached_property

import numpy as np

from stepbench import Problem, param


@dataclasses.dataclass(frozen=True)
class Wandering(Problem):
    """A bent valley whose lowest point goes round in a circle; after each step it is a problem of its own."""

    after: int = param(0, "t", "steps that it has drifted", "[0, inf)")
    pace: float = param(0.01, "", "how far it goes in a step", "[0, 1]")

    x0 = np.array([-1.0, 0.5])
    f_star = 0.0

    @cached_property
    def lowest(self):
        """The minimiser, (2, 1)."""
        return np.array([[np.cos(self.pace * self.after)], [np.sin(self.pace * self.after)]])

    def at(self, step):
        """The valley after so many steps more."""
        return dataclasses.replace(self, after=self.after + step)

    def f(self, w):
        """The square of the way along the valley, and ten times that of the way across."""
        u, v = w - self.lowest
        return u * u + 10.0 * (v - u * u) * (v - u * u)

    def grad(self, w):
        """Its derivative."""
        u, v = w - self.lowest
        return np.stack([2.0 * u - 40.0 * u * (v - u * u), 20.0 * (v - u * u)])

    def hessian(self, w):
        """Its second derivatives."""
        u, v = w - self.lowest
        return np.stack([np.stack([2.0 - 40.0 * v + 120.0 * u * u, -40.0 * u]), np.stack([-40.0 * u, 20.0 + 0.0 * u])])


class Resting(Wandering):
    """The valley, which moves after every tenth step only, and is the same object in between."""

    def at(self, step):
        """The valley after the last move."""
        return self._after(step // 10)

    def _after(self, moves):
        if moves not in self._known:
            self._known[moves] = Wandering(after=10 * moves, pace=self.pace)
        return self._known[moves]

    @cached_property
    def _known(self):
        return {}


class Growing(Problem):
    """A bowl over more and more numbers: what steps see has another shape for a while, after step 40."""

    def __init__(self):
        """Begin at 1."""

    x0 = np.ones(3)
    f_star = 0.0
    stochastic = True

    def f(self, w):
        """The sum of the squares."""
        return (w * w).sum(0)

    def grad(self, w):
        """2 w."""
        return 2.0 * w

    def sample(self, rng, step):
        """The sum, of which each step weighs the terms otherwise; some twice."""
        return Weighed(rng.uniform(0.5, 1.5, (3, 1)) if not 40 < step <= 60 else rng.uniform(0.5, 1.5, (2, 3, 1)))


class Weighed:
    """A sum of squares, each with a weight."""

    def __init__(self, weights):
        self.weights = weights

    def f(self, w):
        """The weighed sum."""
        return (self._weights * w * w).sum(0)

    def grad(self, w):
        """Its derivative."""
        return 2.0 * self._weights * w

    @property
    def _weights(self):
        return self.weights if self.weights.ndim == 2 else self.weights.mean(0)
