"""The gradient over the root of the sum of its squares."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The sum of squares of each component."""

    s: Array


@dataclass(frozen=True)
class AdaGrad(Direction):
    """Gradient over the root of the sum of its squares.

    Algorithm
        g ← ∇f(w)
        s ← s + g²
        u = g / (√s + ε)

    Source
        Duchi, Hazan & Singer, Adaptive subgradient methods, JMLR 2011, Algorithm 1 (diagonal).

    Deviations
        The paper's δ stands for ε and is to be chosen; 1e-10 is torch's. Its projection onto a feasible set is left
        out, since there is none. Its step size is to be chosen as well: torch's is 0.01, and here it is 0.001.
    """

    eps: Scalar = param(1e-10, "ε", "added to the denominator, outside the root", "[0, inf)")

    def init(self, w: Points) -> State:
        """The sums start at zero."""
        return State(zeros_like(w))

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = g / (√s + ε)."""
        g = oracle.grad(w)
        total = s.s + g * g
        return g / (sqrt(total) + self.eps), State(total)
