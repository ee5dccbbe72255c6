"""COCOB: learning by betting on coins."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, ratio, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The first point; per component the largest gradient L, the sums G of |g| and θ of −g, and the reward."""

    w0: Points
    L: Array
    G: Array
    theta: Array
    reward: Array


@dataclass(frozen=True)
class COCOB(Method):
    """Bets a part of its wealth on each component's next −g.

    Algorithm
        in each component, with g the gradient:
            L ← max(L, |g|)
            G ← G + |g|
            reward ← max(reward − (w − w_0) g, 0)
            θ ← θ − g
            w ← w_0 + θ / (L max(G + L, α L)) (L + reward),  w_0 where L = 0

    Source
        Orabona & Tommasi, Training deep networks without learning rates through coin betting, NeurIPS 2017, Algorithm 2
        (COCOB-Backprop).

    Deviations
        None. Published codes begin with L = 1e-8 in the place of 0. There is no step size.
    """

    elementwise = True

    alpha: Scalar = param(
        100.0, "α", "how small a part of the wealth the first bets are", "(0, inf)", search="1:1e4:log"
    )

    def init(self, w: Points) -> State:
        """No gradient is seen yet."""
        zero = zeros_like(w)
        return State(w, zero, zero, zero, zero)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Algorithm 2, line by line."""
        g = oracle.grad(w)
        L = maximum(s.L, abs(g))
        G = s.G + abs(g)
        reward = maximum(s.reward - (w - s.w0) * g, 0.0)
        theta = s.theta - g
        bet = ratio(theta, L * maximum(G + L, self.alpha * L))
        return s.w0 + bet * (L + reward), State(s.w0, L, G, theta, reward)
