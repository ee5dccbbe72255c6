"""AdaLoss: a step size driven by the loss."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, per_run, sqrt
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and b² (form=paper) or b (form=adam)."""

    alpha: Array
    b: Array


@dataclass(frozen=True)
class AdaLoss(StepSize):
    """Shrinks by the sum of the losses seen.

    Algorithm
        form=paper:  b² ← b² + a |f(w) − c|,  α = η / b   (the new b)
        form=adam:   b ← b + a |f(w)|,  α = 1 / √b
        w ← w − α u

    Source
        Wu, Xie, Du & Ward 2022, Algorithm 1 (form=paper) and Algorithm 2 (form=adam; ``adamloss`` is
        adam:beta2=0.99+adaloss:form=adam).

    Deviations
        The published code divides the loss by b, so that a momentum averages the scaled gradients; here α scales the
        direction. On the gradient the two are the same. The paper tries many b₀ and η; the defaults of 1 are the
        bench's. The absolute value in form=adam matters where a loss is below 0 only.
    """

    b0: Scalar = param(1.0, "b₀", "first b", "(0, inf)", search="1e-4:1e4:log")
    a: Scalar = param(1.0, "a", "how much a loss counts", "[0, inf)")
    c: Scalar = param(0.0, "c", "the loss that counts as zero, in form=paper", "(-inf, inf)")
    eta: Scalar = param(1.0, "η", "scale of the step size, in form=paper", "(0, inf)")
    form: Literal["paper", "adam"] = param("paper", "", "Algorithm 1, or the form of Algorithm 2")

    def init(self, w: Points) -> State:
        """b = b₀."""
        return State(per_run(0.0, w), per_run(self.b0 * self.b0 if self.form == "paper" else self.b0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Add the loss to b, then step."""
        f = oracle.value(w)
        if self.form == "paper":
            b = s.b + self.a * abs(f - self.c)
            alpha = self.eta / sqrt(b)
        else:
            b = s.b + self.a * abs(f)
            alpha = 1 / sqrt(b)
        return w - alpha * u, State(alpha, b)
