"""LossGrad: grow or shrink by what the last step did."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, isfinite, per_run, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes of the last move and of the next."""

    alpha: Array
    alpha_next: Array


@dataclass(frozen=True)
class LossGrad(StepSize):
    """Steps, then grows or shrinks by how far f really fell.

    Algorithm
        w' = w − α u
        r = (f(w') − f(w) + α ⟨g, u⟩) / (α ⟨g, u⟩), on the step's own sample
        α ← c α where r ≤ ½,  α / c where r > ½ or not finite
        w ← w'

    Source
        Wójcik, Maziarka & Tabor, LossGrad: automatic learning rate in gradient descent, 2019, Algorithm 1.

    Deviations
        On the gradient ⟨g, u⟩ is ‖g‖², as published; on another direction it is the slope along it. A ratio that is
        not finite shrinks α, of which the paper says nothing.
    """

    lr: Scalar = param(1e-4, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    c: Scalar = param(1.05, "c", "factor of growth and shrinkage", "[1, inf)", search="1.01:2")

    def init(self, w: Points) -> State:
        """α = lr."""
        return State(per_run(self.lr, w), per_run(self.lr, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Step, then judge the step."""
        alpha = s.alpha_next
        promised = alpha * oracle.dot(oracle.grad(w), u)
        f = oracle.value(w)
        w_next = w - alpha * u
        r = (oracle.value(w_next) - f + promised) / promised
        return w_next, State(alpha, where(isfinite(r) & (r <= 0.5), alpha * self.c, alpha / self.c))
