"""Adam with Nesterov's look-ahead in its momentum."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, mix, power, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The moving averages of g and g², the product of all μ so far, the power β₂^k, and k."""

    m: Array
    v: Array
    mu_product: Array
    beta2_k: Array
    k: int


@dataclass(frozen=True)
class NAdam(Direction):
    """Adam with Nesterov's look-ahead in its momentum.

    Algorithm
        g ← ∇f(w)
        μ_k = β₁ (1 − ½ 0.96^(k ψ))
        m ← μ_k m + (1 − μ_k) g
        v ← β₂ v + (1 − β₂) g²
        m̂ = μ_{k+1} m / (1 − Π_{i ≤ k+1} μ_i) + (1 − μ_k) g / (1 − Π_{i ≤ k} μ_i)
        v̂ = v / (1 − β₂^k)
        u = m̂ / (√v̂ + ε)

    Source
        Dozat, Incorporating Nesterov momentum into Adam, ICLR 2016 workshop, Algorithm 2, with the momentum schedule
        of its §4 (ψ = 1/250).

    Deviations
        The defaults are torch's, but for lr, which is 0.001 as for every direction, and 0.002 there; the paper sets
        β₁ = 0.99 with this schedule. variant=reference is torch.optim.NAdam, where m decays by β₁ and not by μ_k.
    """

    beta1: Scalar = param(0.9, "β₁", "how much of the mean gradient is kept per step", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the denominator, outside the root", "[0, inf)")
    psi: Scalar = param(0.004, "ψ", "how fast the momentum schedule warms up", "[0, inf)")
    variant: Literal["paper", "reference"] = param("paper", "", "the paper's average, or torch's")

    def init(self, w: Points) -> State:
        """The averages start at zero, and the products at 1."""
        return State(zeros_like(w), zeros_like(w), 1.0, 1.0, 0)

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = m̂ / (√v̂ + ε)."""
        g, beta2_k, k = oracle.grad(w), s.beta2_k * self.beta2, s.k + 1
        mu = self.beta1 * (1 - 0.5 * power(0.96, k * self.psi))
        mu_next = self.beta1 * (1 - 0.5 * power(0.96, (k + 1) * self.psi))
        product = s.mu_product * mu
        decay = mu if self.variant == "paper" else self.beta1
        m = mix(decay, s.m, g)
        v = mix(self.beta2, s.v, g * g)
        m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        v_hat = v / (1 - beta2_k)
        return m_hat / (sqrt(v_hat) + self.eps), State(m, v, product, beta2_k, k)
