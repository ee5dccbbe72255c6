"""Adam with the largest recent gradient in place of the mean square."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, mix, ratio, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The moving average of g, the decaying maximum of |g|, and the power β₁^k that corrects the average's bias."""

    m: Array
    v: Array
    beta1_k: Array


@dataclass(frozen=True)
class Adamax(Direction):
    """Mean gradient over the decaying maximum of its size.

    Algorithm
        g ← ∇f(w)
        m ← β₁ m + (1 − β₁) g
        v ← max(β₂ v, |g|)
        u = m / ((1 − β₁^k) v),  0 where v is 0

    Source
        Kingma & Ba, Adam, ICLR 2015, §7.1 and Algorithm 2 (its u is our v).

    Deviations
        The paper suggests lr = 0.002; with a constant step size the default here is 0.001, as for every direction. The
        paper leaves open what u is where v is 0.
    """

    beta1: Scalar = param(0.9, "β₁", "how much of the mean gradient is kept per step", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.999, "β₂", "how much of the maximum is kept per step", "[0, 1)")

    def init(self, w: Points) -> State:
        """The average and the maximum start at zero, and the power at 1."""
        return State(zeros_like(w), zeros_like(w), 1.0)

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = m / ((1 − β₁^k) v)."""
        g, beta1_k = oracle.grad(w), s.beta1_k * self.beta1
        m = mix(self.beta1, s.m, g)
        v = maximum(self.beta2 * s.v, abs(g))
        return ratio(m / (1 - beta1_k), v), State(m, v, beta1_k)
