"""Adan's direction: Adam with Nesterov's look-ahead, estimated from differences of gradients."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, mix, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The means of g, of its change and of its looked-ahead square; the last g; and the powers β^k of the three."""

    m: Array
    v: Array
    n: Array
    g: Array | None
    beta1_k: Array
    beta2_k: Array
    beta3_k: Array


@dataclass(frozen=True)
class Adan(Direction):
    """Adam that looks ahead by how the gradient has changed.

    Algorithm
        g ← ∇f(w),  δ = g − g₋, g₋ the gradient of the step before (δ = 0 in the first step)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) δ
        n ← β₃ n + (1 − β₃) (g + β₂ δ)²
        m̂ = m / (1 − β₁^k),  v̂ = v / (1 − β₂^k),  n̂ = n / (1 − β₃^k)
        u = (m̂ + β₂ v̂) / (√n̂ + ε)

    Source
        Xie, Zhou, Li, Lin & Yan, Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models, IEEE
        TPAMI 2024, Algorithm 1, with the bias correction of its published code.

    Deviations
        The paper's β are 1 − β here, as in its published code, whose values are the defaults. A weight decay is the
        join's, w ← (1 − α λ) w − α u, which is that code's with no_prox; the paper's divides by 1 + α λ. The restart
        of the paper, and the code's clipping of the gradient, are left out.
    """

    beta1: Scalar = param(0.98, "β₁", "how much of the mean gradient is kept per step", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.92, "β₂", "how much of the mean change is kept per step, and looked ahead by", "[0, 1)")
    beta3: Scalar = param(0.99, "β₃", "how much of the mean square is kept per step", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the denominator, outside the root", "[0, inf)")

    def init(self, w: Points) -> State:
        """The averages start at zero, the powers at 1, and no gradient is seen yet."""
        zero = zeros_like(w)
        return State(zero, zero, zero, None, 1.0, 1.0, 1.0)

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = (m̂ + β₂ v̂) / (√n̂ + ε)."""
        g = oracle.grad(w)
        change = zeros_like(g) if s.g is None else g - s.g
        ahead = g + self.beta2 * change
        m, v, n = mix(self.beta1, s.m, g), mix(self.beta2, s.v, change), mix(self.beta3, s.n, ahead * ahead)
        beta1_k, beta2_k, beta3_k = s.beta1_k * self.beta1, s.beta2_k * self.beta2, s.beta3_k * self.beta3
        u = (m / (1 - beta1_k) + self.beta2 * v / (1 - beta2_k)) / (sqrt(n / (1 - beta3_k)) + self.eps)
        return u, State(m, v, n, g, beta1_k, beta2_k, beta3_k)
