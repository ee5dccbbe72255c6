"""Sutton's K1: IDBD with normalised gains."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, dot, exp, log, maximum, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes, the logarithms β and the trace h of recent moves, each with one number per component."""

    alpha: Array
    beta: Array
    h: Array


@dataclass(frozen=True)
class K1(Method):
    """IDBD's gains, divided as Kalman's filter divides them.

    Algorithm
        g ← ∇f(w),  c the diagonal of the Hessian of this step's sample loss (x ⊙ x for ½ (y − wᵀx)²)
        β ← β − μ g ⊙ h
        α = e^β / (R + Σ_i e^{β_i} c_i)
        w ← w − α ⊙ g
        h ← (h − α ⊙ g) ⊙ max(0, 1 − α ⊙ c)

    Needs
        curvature: the diagonal of the Hessian.

    Source
        Sutton, Gain adaptation beats least squares?, Proceedings of the seventh Yale workshop on adaptive and learning
        systems 1992, the algorithm K1. The paper writes −g as δ φ, and its gain k is α φ.

    Deviations
        lr is the first e^β; its default, and that of μ, are the bench's.
    """

    lr: Scalar = param(
        0.001, "e^β₀", "first gain of every component before it is divided", "(0, inf)", search="1e-6:10:log"
    )
    mu: Scalar = param(0.01, "μ", "meta-learning rate", "[0, inf)", search="1e-5:1:log")
    R: Scalar = param(1.0, "R", "variance of the noise, in the division", "(0, inf)", search="0.01:100:log")

    @property
    def needs(self) -> tuple[str, ...]:
        """The diagonal of the Hessian."""
        return ("curvature",)

    def init(self, w: Points) -> State:
        """β = log lr, and the trace is zero."""
        beta = zeros_like(w) + log(self.lr)
        return State(exp(beta), beta, zeros_like(w))

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """K1, line by line."""
        g, c = oracle.grad(w), oracle.curvature(w)
        beta = s.beta - self.mu * g * s.h
        gain = exp(beta)
        alpha = gain / (self.R + dot(gain, c))
        h = (s.h - alpha * g) * maximum(1 - alpha * c, 0.0)
        return w - alpha * g, State(alpha, beta, h)
