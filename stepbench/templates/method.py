"""A step-size rule. Compare it: stepbench compare rosenbrock ./FILE.py adam+./FILE.py adam."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench import StepSize, param
from stepbench.arrays import per_run, where, zeros_like
from stepbench.fields import Scalar


class State(NamedTuple):
    """What the rule remembers from step to step, in arrays and numbers: the step size, and the last direction."""

    alpha: float
    u: float


@dataclass(frozen=True)
class Name(StepSize):
    """Grow the step size while the direction holds, halve it where it turns.

    Algorithm
        α ← grow α where ⟨u_t, u_{t−1}⟩ > 0, and α / 2 where it is < 0
        w ← w − α u_t

    Source
        Made for this file.
    """

    # A field is an option: ./FILE.py:lr=0.1, or --lr 0.1. Scalar: it may be an array with one number per run. search is
    # the range that `stepbench tune` tries.
    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    grow: Scalar = param(1.05, "", "what the step size is multiplied by", "[1, 2]")

    def init(self, w):
        """The state before the first step from w, which has a row per parameter and a column per run."""
        return State(per_run(self.lr, w), zeros_like(w))

    def move(self, w, u, oracle, s):
        """The next point and the next state; u is the gradient, or the direction that the rule is joined to.

        Write no `if` on values: `where` decides for each run. Change no array in place. Ask the oracle for more:
        oracle.value(w), oracle.grad(w). It counts what it answers; with a mask, oracle.value(w, mask), for those runs.
        """
        h = oracle.dot(u, s.u)
        alpha = s.alpha * where(h > 0, self.grow, where(h < 0, 0.5, 1.0))
        return w - alpha * u, State(alpha, u)


# A direction derives from stepbench.Direction and gives init(w) and at(w, oracle, s) -> (u, s). A method that does not
# split in two derives from stepbench.Method and gives init(w) and step(w, oracle, s) -> (w, s).
