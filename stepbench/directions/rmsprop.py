"""The gradient over the root of its mean square."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, mix, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The mean square of each component."""

    s: Array


@dataclass(frozen=True)
class RMSprop(Direction):
    """Gradient over the root of its recent mean square.

    Algorithm
        g ← ∇f(w)
        s ← β s + (1 − β) g²
        u = g / (√s + ε)

    Source
        Tieleman & Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012.

    Deviations
        The lecture keeps 0.9 of the mean square and has no ε; the defaults here are those of torch.optim.RMSprop, but
        for lr, which is 0.01 there.
    """

    beta: Scalar = param(0.99, "β", "how much of the mean square is kept per step", "[0, 1)", search="0:0.999")
    eps: Scalar = param(1e-8, "ε", "added to the denominator, outside the root", "[0, inf)")

    def init(self, w: Points) -> State:
        """The mean squares start at zero, and their bias is not corrected."""
        return State(zeros_like(w))

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = g / (√s + ε)."""
        g = oracle.grad(w)
        square = mix(self.beta, s.s, g * g)
        return g / (sqrt(square) + self.eps), State(square)
