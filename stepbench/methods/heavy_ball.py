"""Polyak's heavy ball."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and the point before this one."""

    alpha: Array
    w_last: Array


@dataclass(frozen=True)
class HeavyBall(Method):
    """Gradient descent that keeps a part of its last move.

    Algorithm
        w_{k+1} = w_k − α ∇f(w_k) + p (w_k − w_{k−1})

    Source
        Polyak, Some methods of speeding up the convergence of iteration methods, 1964, eq. 9; Yao 2022, eq. 10.

    Deviations
        None; lr and p are to be chosen, and their defaults are the bench's.
    """

    elementwise = True
    steady = True

    lr: Scalar = param(0.001, "α", "step size", "(0, inf)", search="1e-6:10:log")
    p: Scalar = param(0.9, "p", "how much of the last move is kept per step", "[0, 1)", search="0:0.99")

    def init(self, w: Points) -> State:
        """The method starts at rest: the point before the first is the first itself."""
        return State(self.lr, w)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """w_k − α ∇f(w_k) + p (w_k − w_{k−1})."""
        return w - self.lr * oracle.grad(w) + self.p * (w - s.w_last), State(self.lr, w)
