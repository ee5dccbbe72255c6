"""The multiplicative hypergradient."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio, sqrt, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and the last direction (0 before the first step)."""

    alpha: Array
    u: Array


@dataclass(frozen=True)
class HypergradientMul(StepSize):
    """Scaled by the angle between g and the last direction.

    Algorithm
        α ← α (1 + η cos(u_{t−1}, g_t)),  the cosine 0 where either is 0
        w ← w − α u_t

    Source
        Retsinas et al. 2023 (TLR), §3; Baydin et al. 2018, eq. 9.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    eta: Scalar = param(0.02, "η", "largest relative change per step", "[0, inf)", search="1e-4:1:log")

    def init(self, w: Points) -> State:
        """α = lr, and no last direction."""
        return State(per_run(self.lr, w), zeros_like(w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Scale α by the cosine, then step."""
        g = oracle.grad(w)
        cosine = ratio(oracle.dot(s.u, g), sqrt(oracle.dot(s.u, s.u)) * sqrt(oracle.dot(g, g)))
        alpha = s.alpha * (1 + self.eta * cosine)
        return w - alpha * u, State(alpha, u)
