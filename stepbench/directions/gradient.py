"""The gradient itself."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array
from stepbench.contracts import Direction
from stepbench.oracle import Oracle


class State(NamedTuple):
    """Nothing to remember."""


@dataclass(frozen=True)
class Gradient(Direction):
    """The gradient itself: u = g.

    Algorithm
        g ← ∇f(w)
        u = g

    Source
        Cauchy, Méthode générale pour la résolution des systèmes d'équations simultanées, 1847.
    """

    def init(self, w: Array) -> State:
        """Nothing to remember."""
        return State()

    def at(self, w: Array, oracle: Oracle, s: State) -> tuple[Array, State]:
        """u = g."""
        return oracle.grad(w), s
