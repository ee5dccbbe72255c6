"""Sutton's incremental delta-bar-delta."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, exp, log, maximum, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes, their logarithms β and the trace h of recent moves, each with one number per component."""

    alpha: Array
    beta: Array
    h: Array


@dataclass(frozen=True)
class IDBD(Method):
    """One step size per component, its logarithm learned.

    Algorithm
        g ← ∇f(w),  c the diagonal of the Hessian of this step's sample loss (x ⊙ x for ½ (y − wᵀx)²)
        β ← β − θ g ⊙ h
        α = e^β
        w ← w − α ⊙ g
        h ← h ⊙ max(0, 1 − α ⊙ c) − α ⊙ g

    Needs
        curvature: the diagonal of the Hessian.

    Source
        Sutton, Adapting bias by gradient descent: an incremental version of delta-bar-delta, AAAI 1992, Figure 2;
        Yao 2022, §2.5. The papers write −g as δ x.

    Deviations
        None; lr and θ are to be chosen, and their defaults are the bench's.
    """

    lr: Scalar = param(0.001, "α₀", "first step size of every component", "(0, inf)", search="1e-6:10:log")
    theta: Scalar = param(0.01, "θ", "meta-learning rate", "[0, inf)", search="1e-5:1:log")

    @property
    def needs(self) -> tuple[str, ...]:
        """The diagonal of the Hessian."""
        return ("curvature",)

    def init(self, w: Points) -> State:
        """β = log lr, and the trace is zero."""
        beta = zeros_like(w) + log(self.lr)
        return State(exp(beta), beta, zeros_like(w))

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Figure 2, line by line."""
        g, c = oracle.grad(w), oracle.curvature(w)
        beta = s.beta - self.theta * g * s.h
        alpha = exp(beta)
        h = s.h * maximum(0.0, 1 - alpha * c) - alpha * g
        return w - alpha * g, State(alpha, beta, h)
