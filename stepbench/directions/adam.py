"""Adam's direction: momentum over the root of the mean square."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, mix, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The moving averages of g and g², and the powers β^k that correct their bias."""

    m: Array
    v: Array
    beta1_k: Array
    beta2_k: Array


@dataclass(frozen=True)
class Adam(Direction):
    """Mean gradient over the root of the mean square.

    Algorithm
        g ← ∇f(w)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        m̂ = m / (1 − β₁^k),  v̂ = v / (1 − β₂^k);  bias=false:  m̂ = m,  v̂ = v
        u = m̂ / (√v̂ + ε)

    Source
        Kingma & Ba, Adam: a method for stochastic optimization, ICLR 2015, Algorithm 1; bias=false is Algorithm 1 of
        the exact-step paper.

    Deviations
        None, and the defaults are the published ones. The exact-step paper names no β₁, β₂ and ε (its ρ).
    """

    beta1: Scalar = param(0.9, "β₁", "how much of the mean gradient is kept per step", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the denominator, outside the root", "[0, inf)")
    bias: bool = param(True, "", "correct the bias of the averages, which start at zero")

    def init(self, w: Points) -> State:
        """The averages start at zero, and the powers at 1."""
        return State(zeros_like(w), zeros_like(w), 1.0, 1.0)

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = m̂ / (√v̂ + ε)."""
        g, beta1_k, beta2_k = oracle.grad(w), s.beta1_k * self.beta1, s.beta2_k * self.beta2
        m = mix(self.beta1, s.m, g)
        v = mix(self.beta2, s.v, g * g)
        m_hat, v_hat = (m / (1 - beta1_k), v / (1 - beta2_k)) if self.bias else (m, v)
        return m_hat / (sqrt(v_hat) + self.eps), State(m, v, beta1_k, beta2_k)
