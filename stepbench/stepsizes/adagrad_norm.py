"""AdaGrad-Norm: a step size driven by the gradient norm."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, sqrt
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and b²."""

    alpha: Array
    b_squared: Array


@dataclass(frozen=True)
class AdaGradNorm(StepSize):
    """Shrinks by the sum of the squared gradient norms seen.

    Algorithm
        b² ← b² + ‖g‖²
        α = η / b   (the new b)
        w ← w − α u

    Source
        Ward, Wu & Bottou 2020; Wu et al. 2022 (AdaLoss), eq. 1–2.

    Deviations
        None on the gradient; on another direction b still sums ‖g‖². Both papers try many b₀ and η; the defaults of 1
        are the bench's. On deep networks both papers have one b per neuron or channel (Wu et al., footnote 8); here
        ``per=tensor`` has one per tensor, of weights or of biases.
    """

    per_component = True

    b0: Scalar = param(1.0, "b₀", "first b", "(0, inf)", search="1e-4:1e4:log")
    eta: Scalar = param(1.0, "η", "scale of the step size", "(0, inf)", search="1e-4:100:log")

    def init(self, w: Points) -> State:
        """b = b₀."""
        return State(per_run(0.0, w), per_run(self.b0 * self.b0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Add ‖g‖² to b², then step."""
        g = oracle.grad(w)
        b_squared = s.b_squared + oracle.dot(g, g)
        alpha = self.eta / sqrt(b_squared)
        return w - alpha * u, State(alpha, b_squared)
