"""Jacobs's delta-bar-delta: one step size per component."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, mix, where, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes and the averaged gradient, each with one number per component."""

    alpha: Array
    delta_bar: Array


@dataclass(frozen=True)
class DeltaBarDelta(StepSize):
    """One per component: adds while a sign holds, else cuts.

    Algorithm, for each component, δ = g
        δ̄ δ > 0:  α ← α + κ
        δ̄ δ < 0:  α ← α (1 − φ)
        δ̄ ← (1 − θ) δ + θ δ̄
        w ← w − α u

    Source
        Jacobs, Increased rates of convergence through learning rate adaptation, Neural Networks 1988, §4.

    Deviations
        None on the gradient; on another direction the signs are those of the gradient. The paper sets κ, φ and θ anew
        for each problem, θ = 0.7 mostly; the other defaults are the bench's.
    """

    elementwise = True

    lr: Scalar = param(0.001, "α₀", "first step size of every component", "(0, inf)", search="1e-6:10:log")
    kappa: Scalar = param(
        1e-4, "κ", "what is added to a step size that proves right", "[0, inf)", search="1e-8:1e-1:log"
    )
    phi: Scalar = param(0.1, "φ", "part cut from a step size that proves wrong", "[0, 1)", search="0.01:0.9:log")
    theta: Scalar = param(0.7, "θ", "how much of the averaged gradient is kept per step", "[0, 1)")

    def init(self, w: Points) -> State:
        """α = lr, and the averaged gradient is zero."""
        return State(zeros_like(w) + self.lr, zeros_like(w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Adapt the step size of each component, then step."""
        delta = oracle.grad(w)
        agree = s.delta_bar * delta
        alpha = where(agree > 0, s.alpha + self.kappa, where(agree < 0, s.alpha * (1 - self.phi), s.alpha))
        return w - alpha * u, State(alpha, mix(self.theta, s.delta_bar, delta))
