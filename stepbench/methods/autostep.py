"""Autostep: IDBD that needs no tuning."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, dot, exp, maximum, ratio, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes, the trace h of recent moves, and the normaliser v, each with one number per component."""

    alpha: Array
    h: Array
    v: Array


@dataclass(frozen=True)
class Autostep(Method):
    """IDBD whose meta-gradients are normalised, and α bounded.

    Algorithm
        g ← ∇f(w),  c the diagonal of the Hessian of this step's sample loss (x ⊙ x for ½ (y − wᵀx)²)
        v ← max(|g h|, v + (1/τ) α c (|g h| − v))
        α ← α e^(−μ g h / v)  where v ≠ 0
        α ← α / max(Σ_i α_i c_i, 1)
        w ← w − α g
        h ← h (1 − α c) − α g

    Needs
        curvature: the diagonal of the Hessian.

    Source
        Mahmood, Sutton, Degris & Pilarski, Tuning-free step-size adaptation, ICASSP 2012. The paper writes −g
        as δ x.

    Deviations
        The paper has linear predictions, where c is x ⊙ x. Where a curvature is negative, α c is, too, as the formulas
        stand. lr is to be chosen, and its default is the bench's; μ and τ are the paper's.
    """

    lr: Scalar = param(0.001, "α₀", "first step size of every component", "(0, inf)", search="1e-6:10:log")
    mu: Scalar = param(0.01, "μ", "meta step size", "[0, inf)", search="1e-4:1:log")
    tau: Scalar = param(1e4, "τ", "steps over which the normaliser forgets", "[1, inf)")

    @property
    def needs(self) -> tuple[str, ...]:
        """The diagonal of the Hessian."""
        return ("curvature",)

    def init(self, w: Points) -> State:
        """α = lr, and the traces are zero."""
        zero = zeros_like(w)
        return State(zero + self.lr, zero, zero)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The algorithm, line by line."""
        g, c = oracle.grad(w), oracle.curvature(w)
        gh = g * s.h
        v = maximum(abs(gh), s.v + s.alpha * c * (abs(gh) - s.v) / self.tau)
        alpha = s.alpha * exp(-self.mu * ratio(gh, v))
        alpha = alpha / maximum(dot(alpha, c), 1.0)
        return w - alpha * g, State(alpha, s.h * (1 - alpha * c) - alpha * g, v)
