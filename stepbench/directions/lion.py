"""Lion's direction: the sign of a blend of gradients."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, mix, ratio, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The mean gradient."""

    m: Array


@dataclass(frozen=True)
class Lion(Direction):
    """The sign of a blend of the gradient and its mean.

    Algorithm
        g ← ∇f(w)
        c = β₁ m + (1 − β₁) g
        u = sign(c)
        m ← β₂ m + (1 − β₂) g

    Source
        Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023, Algorithm 2.

    Deviations
        None but the weight decay, which is the step's and not the direction's, and is left out.
    """

    beta1: Scalar = param(0.9, "β₁", "how much of the mean is in the blend", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.99, "β₂", "how much of the mean is kept per step", "[0, 1)")

    def init(self, w: Points) -> State:
        """The mean starts at zero."""
        return State(zeros_like(w))

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = sign(c), which is c/|c|, and 0 where c is."""
        g = oracle.grad(w)
        c = mix(self.beta1, s.m, g)
        return ratio(c, abs(c)), State(mix(self.beta2, s.m, g))
