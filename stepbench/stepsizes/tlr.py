"""TLR: the step size trained by a damped Newton step."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, maximum, minimum, per_run, ratio, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes of the last move and of the next, the sums of u in the last window and this one, its steps."""

    alpha: Array
    alpha_next: Array
    u_last: Array
    u_sum: Array
    k: int


@dataclass(frozen=True)
class TLR(StepSize):
    """Trained by a damped Newton step after every K steps.

    Algorithm
        ū_k = the sum of the directions u of the k-th window of K steps, ū_0 = 0
        after each window:
            c = ⟨ū_{k−1}, ū_k⟩,  curvature = ⟨ū_{k−1}, ū_{k−1}⟩ − c
            α ← α (1 + γ c / curvature), the factor at most 100; unchanged where the curvature is not positive
        w ← w − α u
        K = p × mini-batches per epoch, rounded, at least 1

    Source
        Retsinas, Sfikas, Filntisis & Maragos 2023, eq. 8, with the window form of "Technical considerations".

    Deviations
        variant=reference is the authors' published code: γ = 0.2, p = 1/3, no cap on the factor, 1e-10 added to the
        curvature, and no test of its sign, so that α may go negative.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    gamma: Scalar | None = param(
        None, "γ", "damping of the Newton step; none for 0.33 (paper) or 0.2 (reference)", "(0, 1]", search="0.05:1"
    )
    p: float | None = param(
        None, "p", "length of a window as a part of an epoch; none for 0.20 (paper) or 1/3 (reference)", "(0, inf)"
    )
    K: int | None = param(None, "K", "steps in a window; none for p × mini-batches per epoch", "[1, inf)")
    variant: Literal["paper", "reference"] = param("paper", "", "the paper's rule, or its published code's")

    def init(self, w: Points) -> State:
        """α = lr, and no window is begun."""
        return State(per_run(self.lr, w), per_run(self.lr, w), zeros_like(w), zeros_like(w), 0)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Step; at the end of a window, train α."""
        paper = self.variant == "paper"
        p = self.p or (0.20 if paper else 1 / 3)
        gamma = (0.33 if paper else 0.2) if self.gamma is None else self.gamma
        alpha = s.alpha_next
        w = w - alpha * u
        u_sum, k = s.u_sum + u, s.k + 1
        if k < (self.K or max(1, round(p / oracle.fraction))):
            return w, State(alpha, alpha, s.u_last, u_sum, k)
        c = oracle.dot(s.u_last, u_sum)
        curvature = oracle.dot(s.u_last, s.u_last) - c
        if paper:
            factor = minimum(1 + gamma * ratio(c, maximum(curvature, 0.0)), 100.0)
        else:
            factor = 1 + gamma * c / (curvature + 1e-10)
        return w, State(alpha, alpha * factor, u_sum, zeros_like(w), 0)
