"""DoG: distance over gradients."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, per_run, sqrt
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the first point, the largest distance r̄ from it (0 before the first step), and the sum G."""

    alpha: Array
    w0: Points
    r: Array
    G: Array


@dataclass(frozen=True)
class DoG(StepSize):
    """The distance gone over the root of the gradients' squares.

    Algorithm
        r̄_t = max_{i ≤ t} ‖w_i − w_0‖, and at least r_ε (1 + ‖w_0‖)
        G_t = Σ_{i ≤ t} ‖g_i‖²
        α = c r̄_t / √(G_t + ε)
        w ← w − α u

    Source
        Ivgi, Hinder & Carmon, DoG is SGD's best friend: a parameter-free dynamic step size schedule, ICML 2023.
        per=tensor is its L-DoG.

    Deviations
        None on the gradient, with the published code's ε. The paper reports an average of the points, which its theory
        is about and which its code keeps beside the run; here the points of the run itself are recorded. On another
        direction G still sums ‖g‖².
    """

    per_component = True

    r_eps: Scalar = param(1e-6, "r_ε", "the first distance, as a part of 1 + ‖w₀‖", "(0, inf)", search="1e-8:1:log")
    c: Scalar = param(1.0, "c", "scale of the step size", "(0, inf)", search="0.1:10:log")
    eps: Scalar = param(1e-8, "ε", "added to the sum of squares", "(0, inf)")

    def init(self, w: Points) -> State:
        """No gradient is seen yet."""
        return State(per_run(0.0, w), w, per_run(0.0, w), per_run(self.eps, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Add to both, then step."""
        g, way = oracle.grad(w), w - s.w0
        least = self.r_eps * (1 + sqrt(oracle.dot(s.w0, s.w0)))
        r = maximum(maximum(s.r, least), sqrt(oracle.dot(way, way)))
        G = s.G + oracle.dot(g, g)
        alpha = self.c * r / sqrt(G)
        return w - alpha * u, State(alpha, s.w0, r, G)
