"""SMD: stochastic meta-descent."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes and the trace v, each with one number per component."""

    alpha: Array
    v: Array


@dataclass(frozen=True)
class SMD(Method):
    """Per-component step sizes that look through the Hessian.

    Algorithm
        g ← ∇f(w)
        α ← α ⊙ max(ϱ, 1 − μ g ⊙ v)
        w ← w − α ⊙ g
        v ← λ v − α ⊙ (g + λ H v),  H the Hessian at the w before

    Needs
        one Hessian-vector product per step, charged as one gradient evaluation.

    Source
        Schraudolph, Local gain adaptation in stochastic gradient descent, ICANN 1999. The paper writes
        −g as δ, and α as p.

    Deviations
        lr and μ are to be chosen, and their defaults are the bench's; λ = 0.95 lies in the paper's range, and ϱ = 0.1
        is the paper's.
    """

    lr: Scalar = param(0.001, "α₀", "first step size of every component", "(0, inf)", search="1e-6:10:log")
    mu: Scalar = param(0.01, "μ", "meta step size", "[0, inf)", search="1e-5:1:log")
    lam: Scalar = param(0.95, "λ", "how long the trace remembers", "[0, 1]", search="0:1")
    least: Scalar = param(0.1, "ϱ", "the least factor by which a step size changes", "[0, 1]")

    @property
    def needs(self) -> tuple[str, ...]:
        """Hessian-vector products."""
        return ("hvp",)

    def init(self, w: Points) -> State:
        """α = lr, and the trace is zero."""
        return State(zeros_like(w) + self.lr, zeros_like(w))

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The three equations, one after the other."""
        g, Hv = oracle.grad(w), oracle.hvp(w, s.v)
        alpha = s.alpha * maximum(1 - self.mu * g * s.v, self.least)
        v = self.lam * s.v - alpha * (g + self.lam * Hv)
        return w - alpha * g, State(alpha, v)
