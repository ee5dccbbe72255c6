"""RDBD: delta-bar-delta that takes a biased correction back."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, minimum, per_run, where, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the last direction, and the last correlation h (both 0 before the first step)."""

    alpha: Array
    u: Array
    h: Array


@dataclass(frozen=True)
class RDBD(StepSize):
    """Delta-bar-delta that takes a wrong correction back.

    Algorithm
        h_t = ⟨u_t, u_{t−1}⟩,  u_0 = 0, h_0 = 0
        if h_t h_{t−1} < 0:
            w ← w + η h_{t−1} u_{t−1}
            α ← α − η h_{t−1}
        α ← α + η h_t
        w ← w − α u_t

    Source
        Song & Yang 2023, Algorithm 1; alpha_max is the upper bound of its Appendix D. With Adam the paper sets
        β₁ = 0.05, β₂ = 0.99, η = 5e-7: those are the defaults of ``adam+rdbd``.

    Deviations
        In ``adam+rdbd`` the paper bounds α as well (its Appendix D), and does not say by how much: here there is no
        bound unless alpha_max is given. u_t was computed before w was corrected, as the algorithm's lines stand.
    """

    per_component = True
    per = "tensor"

    lr: Scalar = param(0.005, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    eta: Scalar = param(0.01, "η", "learning rate of the step size", "[0, inf)", search="1e-8:1:log")
    alpha_max: Scalar = param(math.inf, "", "upper bound of the step size", "(0, inf]")

    def init(self, w: Points) -> State:
        """α = lr, no last direction, and no correlation."""
        return State(per_run(self.lr, w), zeros_like(w), per_run(0.0, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Algorithm 1, line by line."""
        h = oracle.dot(u, s.u)
        regret = where(h * s.h < 0, self.eta * s.h, 0.0)
        w = w + regret * s.u
        alpha = minimum(s.alpha - regret + self.eta * h, self.alpha_max)
        return w - alpha * u, State(alpha, u, h)

    @classmethod
    def theory(cls, L: float, sigma: float, T: int, gamma: float, gap: float) -> "RDBD":
        """The α₀ and η of Theorem 4.4, for an L-smooth f, gradients of norm at most sigma, T steps, γ ∈ (0, 1).

        ``gap`` is f(w₀) − f*. α₀ = √gap / (σ √(L T)) and η = γ √gap / (T σ³ √(L T)).
        """
        lr = math.sqrt(gap) / (sigma * math.sqrt(L * T))
        return cls(lr=lr, eta=gamma * lr / (T * sigma**2))
