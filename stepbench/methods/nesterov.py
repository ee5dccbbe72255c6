"""Nesterov's accelerated gradient."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, sqrt
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the point before this one, and the number a_k of the 1983 sequence."""

    alpha: Array
    w_last: Array
    a: float


@dataclass(frozen=True)
class Nesterov(Method):
    """Gradient descent that takes its gradient ahead.

    Algorithm
        y = w_k + β_k (w_k − w_{k−1})
        w_{k+1} = y − α ∇f(y)
        β_k: ``momentum`` where given;
             else (√κ − 1) / (√κ + 1) where the problem declares μ and L, κ = L/μ;
             else (a_k − 1) / a_{k+1}, where a_0 = 0 and a_{k+1} = (1 + √(1 + 4 a_k²)) / 2

    Source
        Nesterov, A method of solving a convex programming problem with convergence rate O(1/k²), 1983; with constant
        momentum, Introductory lectures on convex optimization, 2004, scheme 2.2.11.

    Deviations
        The step size is lr throughout; the paper of 1983 finds it by a search, and with known L takes 1/L. Its a_0 = 1
        belongs to the first step's end, here a_1, so that the first two steps have no momentum.
    """

    steady = True

    lr: Scalar = param(0.001, "α", "step size", "(0, inf)", search="1e-6:10:log")
    momentum: Scalar | None = param(None, "β", "momentum; none for the problem's own, or the 1983 sequence", "[0, 1)")

    def init(self, w: Points) -> State:
        """The method starts at rest: the point before the first is the first itself."""
        return State(self.lr, w, 0.0)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Look ahead, then descend from there."""
        a = 0.5 * (1 + sqrt(1 + 4 * s.a * s.a))
        if self.momentum is not None:
            beta = self.momentum
        elif oracle.condition is not None:
            root = math.sqrt(oracle.condition)
            beta = (root - 1) / (root + 1)
        else:
            beta = (s.a - 1) / a
        y = w + beta * (w - s.w_last)
        return y - self.lr * oracle.grad(y), State(self.lr, w, a)
