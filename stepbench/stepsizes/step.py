"""A step size that drops every so many steps."""

from dataclasses import dataclass

from stepbench.arrays import Array, where
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class Step(Schedule):
    """Multiplied by γ after every so many steps.

    Algorithm
        α_k = lr γ^⌊k/every⌋

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1); as torch's StepLR.

    Deviations
        torch has no default for every; 1000 is the bench's.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    gamma: Scalar = param(0.1, "γ", "factor of each drop", "(0, 1]", search="0.01:1:log")
    every: int = param(1000, "", "steps between drops", "[1, inf)")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """lr γ^⌊k/every⌋."""
        later = where(k % self.every == 0, last * self.gamma, last)
        return where(k == 0, self.lr, later)
