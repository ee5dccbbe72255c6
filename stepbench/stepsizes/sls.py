"""Stochastic line search."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, isfinite, minimum, per_run, power, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size of the last step, and the first one that the next search tries."""

    alpha: Array
    trial: Array


@dataclass(frozen=True)
class SLS(StepSize):
    """Backtracks on the step's sample until f falls enough.

    Algorithm
        α ← min(γ^(b/n) α, α_max), but α₀ at the first step; b/n is the part of the data in a mini-batch
        while f(w − α u) > f(w) − c α ⟨g, u⟩:  α ← β α
        w ← w − α u

    Source
        Vaswani et al., Painless stochastic gradient: interpolation, line-search, and convergence rates, NeurIPS 2019,
        Algorithm 1 with the resetting of its §7.

    Deviations
        There is no bound unless α_max is given, as in the published code; the paper's Algorithm 1 has one. The first
        trial is α₀, and the published code's is γ^(b/n) α₀. That code gives up after 100 trials, and steps with 1e-6;
        here a step size of 1e-16 α₀ or less is taken as it is, since along a direction that climbs the search would
        never end. Where the slope ⟨g, u⟩ is 0 nothing is searched, and α stays as it is.
    """

    c: Scalar = param(0.1, "c", "how much of the promised decrease must come", "(0, 1)", search="0.01:0.9")
    beta: Scalar = param(0.9, "β", "factor of each reduction", "(0, 0.999]")
    gamma: Scalar = param(2.0, "γ", "growth of the next search's first step size, per epoch", "[1, inf)")
    alpha0: Scalar = param(1.0, "α₀", "first step size tried", "(0, inf)", search="1e-3:100:log")
    alpha_max: Scalar = param(math.inf, "α_max", "largest step size tried", "(0, inf]")

    def init(self, w: Points) -> State:
        """The first search begins at α₀."""
        first = minimum(per_run(self.alpha0, w), self.alpha_max)
        return State(first, first)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Backtrack, then step."""
        f, slope = oracle.value(w), oracle.dot(oracle.grad(w), u)

        def attempt(searching: Array, alpha: Array, _: Points) -> tuple[Array, Array, Points]:
            w_next = w - alpha * u
            enough = oracle.value(w_next, where=searching) <= f - self.c * alpha * slope
            searching = searching & ~enough & (alpha > 1e-16 * self.alpha0) & isfinite(alpha)
            return searching, where(searching, alpha * self.beta, alpha), w_next

        alpha, w_next = oracle.repeat(attempt, slope != 0, s.trial, w)
        grown = minimum(alpha * power(self.gamma, oracle.fraction), self.alpha_max)
        return w_next, State(alpha, where(slope == 0, alpha, grown))
