"""Adaptive gradient descent without descent."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, maximum, minimum, per_run, ratio, sqrt, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, its growth θ, and the last point and gradient (none before the first step)."""

    alpha: Array
    theta: Array
    w: Points | None
    g: Array | None


@dataclass(frozen=True)
class AdGD(StepSize):
    """Keeps α below half the inverse of the curvature it met.

    Algorithm
        Δw = w_k − w_{k−1},  Δg = g_k − g_{k−1}
        form=2020:  α_k = min(√(1 + θ_{k−1}) α_{k−1}, ‖Δw‖ / (2 ‖Δg‖)),  θ_0 = ∞
        form=2024:  α_k = min(√(2/3 + θ_{k−1}) α_{k−1}, α_{k−1} / √([2 α_{k−1}² L_k² − 1]₊)),  θ_0 = 1/3
                    with L_k = ‖Δg‖ / ‖Δw‖
        θ_k = α_k / α_{k−1};  lr at the first step
        w ← w − α u

    Source
        Malitsky & Mishchenko, Adaptive gradient descent without descent, ICML 2020, Algorithm 1; Malitsky &
        Mishchenko, Adaptive proximal gradient method for convex optimization, NeurIPS 2024, Algorithm 1 of its improved
        step size (form=2024).

    Deviations
        Both papers leave the first step size open; lr = 1e-6 is that of the published code. Where ‖Δg‖ is 0, the second
        number is infinite, as in the papers, and α grows by the first, with which θ_0 = ∞ gives the last α. The
        published code has 1 and 1e9 in the place of the first α and of θ_0. On a direction other than the gradient Δw
        and Δg are as they are.
    """

    per_component = True

    lr: Scalar = param(1e-6, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    form: Literal["2020", "2024"] = param("2020", "", "the rule of the first paper, or of the second")

    def init(self, w: Points) -> State:
        """α = lr, θ_0, and no last point."""
        theta = math.inf if self.form == "2020" else 1 / 3
        return State(per_run(self.lr, w), per_run(theta, w), None, None)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Measure the curvature along the last step, then step."""
        g = oracle.grad(w)
        if s.w is None:
            return w - s.alpha * u, State(s.alpha, s.theta, w, g)
        dw, dg = w - s.w, g - s.g
        squares = oracle.dot(dw, dw), oracle.dot(dg, dg)
        if self.form == "2020":
            grown = sqrt(1 + s.theta) * s.alpha
            fit = 0.5 * sqrt(ratio(*squares))
            flat = squares[1] == 0
        else:
            grown = sqrt(2 / 3 + s.theta) * s.alpha
            excess = maximum(2 * s.alpha * s.alpha * ratio(squares[1], squares[0]) - 1, 0.0)
            fit = s.alpha * sqrt(ratio(1.0, excess))
            flat = excess == 0
        alpha = where(flat, where(grown < math.inf, grown, s.alpha), minimum(grown, fit))
        return w - alpha * u, State(alpha, ratio(alpha, s.alpha), w, g)
