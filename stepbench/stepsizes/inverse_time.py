"""A step size that falls with the inverse of the step number."""

from dataclasses import dataclass

from stepbench.arrays import Array
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class InverseTime(Schedule):
    """Falls with the inverse of the step's number.

    Algorithm
        α_k = lr / (1 + decay k)

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1, which names it);
        the formula is the usual one (Robbins & Monro 1951).

    Deviations
        That paper's formula and parameters are not public.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    decay: Scalar = param(0.001, "", "how fast it falls per step", "[0, inf)", search="1e-5:1:log")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """lr / (1 + decay k)."""
        return self.lr / (1 + self.decay * k)
