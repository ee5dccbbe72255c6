"""TLR: the step size trained by a damped Newton step."""

from dataclasses import dataclass
from typing import Literal

from stepbench.arrays import Array, Points, maximum, minimum, ratio
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param
from stepbench.stepsizes import _window
from stepbench.stepsizes._window import State


@dataclass(frozen=True)
class TLR(StepSize):
    """Trained by a damped Newton step after every K steps.

    Algorithm
        ū_k = the sum of the directions u of the k-th window of K steps, ū_0 = 0
        after each window:
            c = ⟨ū_{k−1}, ū_k⟩,  curvature = ⟨ū_{k−1}, ū_{k−1}⟩ − c
            α ← α (1 + γ c / curvature), the factor at most 100; unchanged where the curvature is not positive
        w ← w − α u
        K = p × mini-batches per epoch, rounded down, at least 1

    Source
        Retsinas, Sfikas, Filntisis & Maragos 2023, eq. 8, with the window form of "Technical considerations".

    Deviations
        γ = 0.2 and p = 1/3 are the defaults of the published code and of the paper's Figure 1. Its §3 says "p = 0.20
        and γ = 0.33", which exchanges them. The paper forms ū from the way that w went in a window, divided by α,
        which is the same sum.

        variant=reference is the published code: no cap on the factor, 1e-10 added to the curvature, and no test of its
        sign, so that α may become negative. It loses its first window of K + 1 steps, so that α first changes after
        3K + 1. On a part of an epoch below one mini-batch it never changes α; here such a window has one step.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    gamma: Scalar = param(0.2, "γ", "damping of the Newton step", "(0, 1]", search="0.05:1")
    p: float = param(1 / 3, "p", "length of a window as a part of an epoch", "(0, inf)")
    K: int | None = param(None, "K", "steps in a window; none for p × mini-batches per epoch", "[1, inf)")
    variant: Literal["paper", "reference"] = param("paper", "", "the paper's rule, or its published code's")

    def init(self, w: Points) -> State:
        """α = lr, and no window is begun."""
        return _window.start(self.lr, w, lost=self.variant == "reference")

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Step; at the end of a window, train α."""

        def trained(alpha: Array, u_last: Points, u_sum: Points) -> Array:
            c = oracle.dot(u_last, u_sum)
            curvature = oracle.dot(u_last, u_last) - c
            if self.variant == "reference":
                return alpha * (1 + self.gamma * c / (curvature + 1e-10))
            return alpha * minimum(1 + self.gamma * ratio(c, maximum(curvature, 0.0)), 100.0)

        return _window.move(w, u, s, _window.steps_of(self.K, self.p, oracle.fraction), trained)
