"""The exponential moving average of the gradient."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, mix, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The moving average of g, and the power β^k that corrects its bias."""

    m: Array
    beta_k: Array


@dataclass(frozen=True)
class EMA(Direction):
    """The exponential moving average of the gradient.

    Algorithm
        g ← ∇f(w)
        m ← β m + (1 − β) g
        u = m / (1 − β^k)

    Source
        The momentum of L4 (Rolinek & Martius 2018, §3.2) and of Adam (Kingma & Ba 2015).

    Deviations
        None; β = 0.9 is that of both.
    """

    beta: Scalar = param(0.9, "β", "how much of the average is kept per step", "[0, 1)", search="0:0.99")

    def init(self, w: Points) -> State:
        """The average starts at zero, and the power at 1."""
        return State(zeros_like(w), 1.0)

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = m / (1 − β^k)."""
        g, beta_k = oracle.grad(w), s.beta_k * self.beta
        m = mix(self.beta, s.m, g)
        return m / (1 - beta_k), State(m, beta_k)
