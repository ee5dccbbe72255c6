"""A step size that stays as it is."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class Constant(StepSize):
    """The same at every step: α = lr.

    Algorithm
        w ← w − lr u

    Source
        As old as descent itself: Cauchy 1847.

    Deviations
        None; lr is to be chosen, and 0.001 is Adam's.
    """

    elementwise = True
    steady = True

    lr: Scalar = param(0.001, "α", "step size", "(0, inf)", search="1e-6:10:log")

    def init(self, w: Points) -> State:
        """α = lr."""
        return State(self.lr)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """w ← w − lr u."""
        return w - self.lr * u, s
