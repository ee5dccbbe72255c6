"""Barzilai and Borwein's step size."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio, sqrt, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, its fit to the last step before the cap, and the last point and gradient (none at first)."""

    alpha: Array
    fit: Array
    w: Points | None
    g: Array | None


@dataclass(frozen=True)
class BB(StepSize):
    """Fits α to the last change of the gradient (secant).

    Algorithm
        Δw = w_k − w_{k−1},  Δg = g_k − g_{k−1}
        form=long:   α = ⟨Δw, Δw⟩ / ⟨Δw, Δg⟩
        form=short:  α = ⟨Δw, Δg⟩ / ⟨Δg, Δg⟩
        the last α where ⟨Δw, Δg⟩ ≤ 0;  lr at the first step
        w ← w − min(α, Δ / ‖g_k‖) u,  with Δ = cap, where one is given

    Source
        Barzilai & Borwein, Two-point step size gradient methods, 1988, eq. 5 and 6. With cap it is the stabilised
        method of Burdakov, Dai & Huang, Stabilized Barzilai-Borwein method, 2019: no step is longer than Δ.

    Deviations
        The paper has convex quadratics, where ⟨Δw, Δg⟩ is positive, and leaves the first step open; lr = 0.001 is the
        bench's. On a direction other than the gradient, Δw and Δg are as they are, and so is ‖g_k‖. The paper of 2019
        chooses Δ anew from the lengths of the first steps; here it is given.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    form: Literal["long", "short"] = param("long", "", "which of the two least-squares fits")
    cap: Scalar = param(math.inf, "Δ", "the longest step, in the units of w", "(0, inf]")

    def init(self, w: Points) -> State:
        """α = lr, and no last point."""
        return State(per_run(self.lr, w), per_run(self.lr, w), None, None)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Fit α to the last step, then step."""
        g, fit = oracle.grad(w), s.fit
        if s.w is not None:
            dw, dg = w - s.w, g - s.g
            slope = oracle.dot(dw, dg)
            secant = ratio(oracle.dot(dw, dw), slope) if self.form == "long" else ratio(slope, oracle.dot(dg, dg))
            fit = where(slope > 0, secant, fit)
        length = sqrt(oracle.dot(g, g))
        alpha = where(fit * length > self.cap, ratio(self.cap, length), fit)
        return w - alpha * u, State(alpha, fit, w, g)
