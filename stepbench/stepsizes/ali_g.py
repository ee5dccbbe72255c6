"""ALI-G: Polyak's step size where all data can be fitted."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, minimum, per_run, ratio
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size."""

    alpha: Array


@dataclass(frozen=True)
class AliG(StepSize):
    """Polyak's step size on the step's sample, at most η.

    Algorithm
        α = min((f(w) − f*) / (‖g‖² + δ), η),  0 where f < f*
        w ← w − α u

    Source
        Berrada, Zisserman & Kumar, Training neural networks for and by interpolation, ICML 2020, Algorithm 1 without
        constraints.

    Deviations
        The paper interpolates, so that f* is 0; here f_star may be another bound below f. Its losses are never below
        it; where one is, the step is 0. η is to be chosen; 0.1 is the value of the published code's example, and δ that
        code's. On a direction other than the gradient, such as the paper's Nesterov momentum, the denominator is still
        ‖g‖² + δ.
    """

    per_component = True

    eta: Scalar = param(0.1, "η", "the largest step size", "(0, inf]", search="1e-3:100:log")
    delta: Scalar = param(1e-5, "δ", "added to the denominator", "[0, inf)")
    f_star: Scalar | None = param(None, "f*", "a bound below every sample's f; none for 0", "(-inf, inf)")

    def init(self, w: Points) -> State:
        """No step size yet."""
        return State(per_run(0.0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The bounded step."""
        f, g = oracle.value(w), oracle.grad(w)
        gap = maximum(f - (0.0 if self.f_star is None else self.f_star), 0.0)
        alpha = minimum(ratio(gap, oracle.dot(g, g) + self.delta), self.eta)
        return w - alpha * u, State(alpha)
