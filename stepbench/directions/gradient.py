"""The gradient itself."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array
from stepbench.contracts import AnyOracle, Direction


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

    def init(self, x: Array) -> State:
        """Nothing."""
        return State()

    def at(self, x: Array, oracle: AnyOracle, s: State) -> tuple[Array, State]:
        """u = g."""
        return oracle.grad(x), s
