"""DoWG: distance over weighted gradients."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, per_run, ratio, sqrt
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the first point, the largest distance r̄ from it, and the weighted sum v."""

    alpha: Array
    w0: Points
    r: Array
    v: Array


@dataclass(frozen=True)
class DoWG(StepSize):
    """DoG whose sum weighs each gradient by the distance then.

    Algorithm
        r̄_t = max(r̄_{t−1}, ‖w_t − w_0‖),  r̄_{−1} = r_ε
        v_t = v_{t−1} + r̄_t² ‖g_t‖²
        α = r̄_t² / √v_t,  0 where v_t = 0
        w ← w − α u

    Source
        Khaled, Mishchenko & Jin, DoWG unleashed: an efficient universal parameter-free gradient descent method,
        NeurIPS 2023, Algorithm 1.

    Deviations
        The published code adds 1e-4 to the root of v, which the paper does not. r_ε = 0.01 is that code's, which sets
        r̄² to 1e-4 at first. The paper's bound is about an average of the points, weighted by r̄²; here the points of
        the run itself are recorded. On another direction v still sums ‖g‖².
    """

    per_component = True

    r_eps: Scalar = param(0.01, "r_ε", "the first distance, in the units of w", "(0, inf)", search="1e-6:10:log")

    def init(self, w: Points) -> State:
        """r̄ = r_ε, and no gradient is seen yet."""
        return State(per_run(0.0, w), w, per_run(self.r_eps, w), per_run(0.0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Add to both, then step."""
        g, way = oracle.grad(w), w - s.w0
        r = maximum(s.r, sqrt(oracle.dot(way, way)))
        v = s.v + r * r * oracle.dot(g, g)
        alpha = ratio(r * r, sqrt(v))
        return w - alpha * u, State(alpha, s.w0, r, v)
