"""Polyak's step size."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class Polyak(StepSize):
    """The gap to the minimum over the squared gradient.

    Algorithm
        α = (f(w) − f*) / ⟨g, g⟩,  0 where g = 0
        w ← w − α u

    Needs
        f*, the minimum of f: the problem's, or given as f_star.

    Source
        Polyak, Introduction to optimization, 1987, §5.3; Yao 2022, eq. 1.

    Deviations
        On a direction other than the gradient, the denominator is still ⟨g, g⟩. On mini-batches f* is the whole
        function's minimum, and a sample whose f is below it makes the step size negative.
    """

    per_component = True
    needs = ("f_star",)

    f_star: Scalar | None = param(None, "f*", "the minimum of f; none to ask the problem", "(-inf, inf)")

    def init(self, w: Points) -> State:
        """No step size yet."""
        return State(per_run(0.0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """w ← w − (f − f*)/⟨g, g⟩ u."""
        g = oracle.grad(w)
        f_star = oracle.f_star if self.f_star is None else self.f_star
        alpha = ratio(oracle.value(w) - f_star, oracle.dot(g, g))
        return w - alpha * u, State(alpha)
