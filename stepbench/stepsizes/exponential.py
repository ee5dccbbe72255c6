"""A step size that falls by the same factor every step."""

from dataclasses import dataclass

from stepbench.arrays import Array, where
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class Exponential(Schedule):
    """Multiplied by γ every step.

    Algorithm
        α_k = lr γ^k

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1); as torch's ExponentialLR.

    Deviations
        torch has no default for γ; 0.999 is the bench's.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    gamma: Scalar = param(0.999, "γ", "factor of each step", "(0, 1]", search="0.99:1")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """lr γ^k."""
        return where(k == 0, self.lr, last * self.gamma)
