"""Stochastic line search."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, minimum, per_run, power, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size of the last step."""

    alpha: Array


@dataclass(frozen=True)
class SLS(StepSize):
    """Backtracks on the step's sample until f falls enough.

    Algorithm
        α ← min(γ^(b/n) α, α_max), from α_max at the first step; b/n is the part of the data in a mini-batch
        while f(w − α u) > f(w) − c α ⟨g, u⟩:  α ← β α
        w ← w − α u

    Source
        Vaswani et al., Painless stochastic gradient: interpolation, line-search, and convergence rates, NeurIPS 2019,
        Algorithm 1 with the resetting of its §7.

    Deviations
        A step size of 1e-16 α_max or less is taken as it is: along a direction that climbs the search would never end.
    """

    c: Scalar = param(0.1, "c", "how much of the promised decrease must come", "(0, 1)", search="0.01:0.9")
    beta: Scalar = param(0.9, "β", "factor of each reduction", "(0, 0.999]")
    gamma: Scalar = param(2.0, "γ", "growth of the next search's first step size, per epoch", "[1, inf)")
    alpha_max: Scalar = param(1.0, "α_max", "largest step size tried", "(0, inf)", search="1e-3:100:log")

    def init(self, w: Points) -> State:
        """The first search begins at α_max."""
        return State(per_run(self.alpha_max, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Backtrack, then step."""
        f, slope = oracle.value(w), oracle.dot(oracle.grad(w), u)
        alpha = minimum(s.alpha * power(self.gamma, oracle.fraction), self.alpha_max)
        searching = alpha > 0
        while True:
            w_next = w - alpha * u
            enough = oracle.value(w_next, where=searching) <= f - self.c * alpha * slope
            searching = searching & ~enough & (alpha > 1e-16 * self.alpha_max)
            if not searching.any():
                return w_next, State(alpha)
            alpha = where(searching, alpha * self.beta, alpha)
