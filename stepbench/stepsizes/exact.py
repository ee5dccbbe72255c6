"""The exact constant step size, from the smoothness of the loss."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, dot, maximum, ratio, sqrt
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param
from stepbench.stepsizes.constant import Constant


class State(NamedTuple):
    """The step size (none before the first step)."""

    alpha: Array | None


@dataclass(frozen=True)
class Exact(StepSize):
    """Constant, from an estimate of the smoothness of f.

    Algorithm
        K̂ = the largest |eigenvalue| of ∇²f over N random points, each by power iteration on Hessian-vector products
            law=normal:  each number of a point is standard normal
            law=init:    a point is drawn as the start is, by what initialises a network's weights
        α = √(2 (f(w₀) − f*) / (K̂ T))
        w ← w − α u

    Needs
        N × iterations Hessian-vector products at the first step, each charged as one gradient evaluation;
        and f*: the problem's, or given as f_star; with law=init, a start that is drawn at random.

    Source
        Adam with an exact constant step size (anonymous), §4.2, Theorem 4 and Algorithm 2. ``adam-exact`` is
        adam:bias=false+exact, with the Adam of its Algorithm 1.

    Deviations
        The paper says of the law of the points only that it must have all weights in its reach, for which the standard
        normal law stands here, and that networks are initialised uniformly, which has not. It leaves out f*, which is
        0 for its losses, and says neither N nor how many power iterations it takes. Its Theorem 1 has a factor 1/δ in
        α, which its experiments leave out, and so does this rule; ``theory`` gives the α of the theorem.
    """

    N: int = param(10, "N", "random points", "[1, inf)")
    iterations: int = param(20, "", "power iterations at each point", "[1, inf)")
    law: Literal["normal", "init"] = param("normal", "", "how the points are drawn: normal, or as the start is")
    T: int | None = param(None, "T", "the horizon in steps; none for the length of the run", "[1, inf)")
    f_star: Scalar | None = param(None, "f*", "the minimum of f; none to ask the problem", "(-inf, inf)")

    @staticmethod
    def theory(K: float, delta: float, T: int, gap: float) -> Constant:
        """The step size of Theorem 1, √(2 gap / (K δ² T)), for a K-smooth f, δ = γ/ρ and T steps.

        ``gap`` is f(w₀) − f*, γ a bound on the norm of the gradient, and ρ Adam's ε.
        """
        return Constant(lr=math.sqrt(2 * gap / (K * delta**2 * T)))

    @property
    def needs(self) -> tuple[str, ...]:
        """The minimum, Hessian-vector products, and with law=init other starts."""
        return ("f_star", "hvp", "random_start") if self.law == "init" else ("f_star", "hvp")

    def init(self, w: Points) -> State:
        """Nothing estimated yet."""
        return State(None)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Estimate once, then step."""
        alpha = s.alpha
        if alpha is None:
            f_star = oracle.f_star if self.f_star is None else self.f_star
            T = self.T or oracle.horizon
            alpha = sqrt(2 * (oracle.value(w) - f_star) / (self.smoothness(w, oracle) * T))
        return w - alpha * u, State(alpha)

    def smoothness(self, w: Points, oracle: AnyOracle) -> Array:
        """K̂, (R,): the largest spectral norm of the Hessian over the random points."""
        K = 0.0 * w[0]
        for j in range(self.N):
            point = oracle.gaussian(w, 2 * j) if self.law == "normal" else oracle.another_start(w, 2 * j)
            v = oracle.gaussian(w, 2 * j + 1)
            for _ in range(self.iterations):
                v = oracle.hvp(point, ratio(v, sqrt(dot(v, v))))
            K = maximum(K, sqrt(dot(v, v)))
        return K
