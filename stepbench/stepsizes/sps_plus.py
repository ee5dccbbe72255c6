"""SPS+: Polyak's stochastic step size without a cap."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, per_run, ratio
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class SPSPlus(StepSize):
    """Polyak's step size on the step's sample, never negative.

    Algorithm
        α = [f(w) − f*]₊ / ‖g‖²,  0 where g = 0
        w ← w − α u

    Needs
        f*, what f is at the solution: the problem's minimum, or given as f_star.

    Source
        Garrigos, Gower & Schaipp, Function value learning: adaptive learning rates based on the Polyak stepsize and
        function splitting in ERM, 2023.

    Deviations
        The paper knows every sample's own value at the solution; here f* is one number, the minimum of the whole
        function, which is the same where one point fits all the data.
    """

    per_component = True
    needs = ("f_star",)

    f_star: Scalar | None = param(None, "f*", "what f is at the solution; none to ask the problem", "(-inf, inf)")

    def init(self, w: Points) -> State:
        """No step size yet."""
        return State(per_run(0.0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """w ← w − [f − f*]₊/‖g‖² u."""
        f, g = oracle.value(w), oracle.grad(w)
        f_star = oracle.f_star if self.f_star is None else self.f_star
        alpha = ratio(maximum(f - f_star, 0.0), oracle.dot(g, g))
        return w - alpha * u, State(alpha)
