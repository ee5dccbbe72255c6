"""A step size that falls with the root of the step number."""

from dataclasses import dataclass

from stepbench.arrays import Array, sqrt
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class Sqrt(Schedule):
    """Falls with the root of the step's number.

    Algorithm
        α_k = lr / √(k + 1)

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1, which names it);
        the formula is the usual one.

    Deviations
        That paper's formula and parameters are not public.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """lr / √(k + 1)."""
        return self.lr / sqrt(k + 1)
