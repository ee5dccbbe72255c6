"""The sum of past gradients, each counting a little less."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The velocity."""

    v: Array


@dataclass(frozen=True)
class Momentum(Direction):
    """The decaying sum of past gradients: v ← p v + g.

    Algorithm
        g ← ∇f(w)
        v ← p v + g
        u = v

    Source
        Polyak, Some methods of speeding up the convergence of iteration methods, 1964; with a constant step size it
        is the heavy ball (Yao 2022, eq. 6 and 10).

    Deviations
        With a step size that changes it is torch's form, w ← w − α v, and not Polyak's, which keeps a part of the last
        move itself. p is to be chosen; 0.9 is what is mostly taken.
    """

    p: Scalar = param(0.9, "p", "how much of the velocity is kept per step", "[0, 1)", search="0:0.99")

    def init(self, w: Points) -> State:
        """The velocity starts at zero."""
        return State(zeros_like(w))

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = v."""
        g = oracle.grad(w)
        v = self.p * s.v + g
        return v, State(v)
