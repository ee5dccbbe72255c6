"""The gradient itself."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Points
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

    Deviations
        None.
    """

    def init(self, w: Points) -> State:
        """Nothing to remember."""
        return State()

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = g."""
        return oracle.grad(w), s
