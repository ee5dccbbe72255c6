"""NGN: the non-negative Gauss–Newton step size."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class NGN(StepSize):
    """A Gauss–Newton step on √f, damped by σ.

    Algorithm
        α = σ / (1 + σ ‖g‖² / (2 f(w)))
        w ← w − α u

    Needs
        a loss of 0 or more.

    Source
        Orvieto & Xiao, An adaptive stochastic gradient method with non-negative Gauss–Newton stepsizes, 2024.

    Deviations
        The paper tries many σ; 1 is the bench's. A run that meets a loss below 0 fails. Where f is 0, so is α.
    """

    per_component = True

    sigma: Scalar = param(1.0, "σ", "the step size where f is flat", "(0, inf)", search="1e-3:100:log")

    def init(self, w: Points) -> State:
        """No step size yet."""
        return State(per_run(0.0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """σ/(1 + σ‖g‖²/(2f)) = 2σf/(2f + σ‖g‖²), which is 0 where f is."""
        f, g = oracle.value(w), oracle.grad(w)
        oracle.refuse(f < 0, "the loss is below 0, and NGN takes its root: add a constant to f")
        alpha = ratio(2 * self.sigma * f, 2 * f + self.sigma * oracle.dot(g, g))
        return w - alpha * u, State(alpha)
