"""The exact constant step size, from the smoothness of the loss."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, dot, maximum, ratio, sqrt
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size (none before the first step)."""

    alpha: Array | None


@dataclass(frozen=True)
class Exact(StepSize):
    """Constant, from an estimate of the smoothness of f.

    Algorithm
        K̂ = the largest |eigenvalue| of ∇²f over N random points, each by power iteration on Hessian-vector products
        α = √(2 (f(w₀) − f*) / (K̂ T))
        w ← w − α u

    Needs
        N × iterations Hessian-vector products at the first step, each charged as one gradient evaluation;
        and f*: the problem's, or given as f_star.

    Source
        Adam with an exact constant step size (anonymous), §4.2 and Algorithm 2; ``adam-exact`` is adam+exact.

    Deviations
        The paper draws the N points from the distribution that initialises a network's weights. The same is
        done here on a network; on a function the points are normal around the start, with standard deviation
        ``spread``. The paper leaves out f*, which is 0 for its losses.
    """

    needs = ("f_star", "hvp")

    N: int = param(10, "N", "random points", "[1, inf)")
    iterations: int = param(20, "", "power iterations at each point", "[1, inf)")
    spread: Scalar = param(1.0, "", "standard deviation of the points around the start of a function", "[0, inf)")
    T: int | None = param(None, "T", "the horizon in steps; none for the length of the run", "[1, inf)")
    f_star: Scalar | None = param(None, "f*", "the minimum of f; none to ask the problem", "(-inf, inf)")

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
            point = oracle.elsewhere(w, self.spread, 2 * j)
            v = oracle.gaussian(w, 2 * j + 1)
            for _ in range(self.iterations):
                v = oracle.hvp(point, ratio(v, sqrt(dot(v, v))))
            K = maximum(K, sqrt(dot(v, v)))
        return K
