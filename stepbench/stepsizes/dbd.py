"""Delta-bar-delta with one step size: the additive hypergradient."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and the last direction (0 before the first step)."""

    alpha: Array
    u: Array


@dataclass(frozen=True)
class DBD(StepSize):
    """Grows while the gradient agrees with the last direction.

    Algorithm
        α ← α + η ⟨g_t, u_{t−1}⟩,  u_0 = 0
        w ← w − α u_t

    Source
        Song & Yang 2023 (RDBD), Definition B.1; the additive hypergradient of Baydin et al. 2018.

    Deviations
        On a direction other than the gradient, the last direction takes the place of the last gradient, as in Baydin
        et al.
    """

    per_component = True
    per = "tensor"

    lr: Scalar = param(0.005, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    eta: Scalar = param(0.01, "η", "learning rate of the step size", "[0, inf)", search="1e-8:1:log")

    def init(self, w: Points) -> State:
        """α = lr, and no last direction."""
        return State(per_run(self.lr, w), zeros_like(w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Correct α, then step."""
        alpha = s.alpha + self.eta * oracle.dot(oracle.grad(w), s.u)
        return w - alpha * u, State(alpha, u)
