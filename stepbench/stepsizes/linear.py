"""A step size that falls in a straight line."""

from dataclasses import dataclass

from stepbench.arrays import Array, minimum
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class Linear(Schedule):
    """Falls in a straight line over the horizon T.

    Algorithm
        α_k = lr (1 − (1 − end) min(k/T, 1))

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1); as torch's LinearLR.

    Deviations
        torch's default rises from a third of lr to lr in 5 steps; here α falls from lr to 0 over the run.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    end: Scalar = param(0.0, "", "the last step size, as a part of the first", "[0, inf)")
    T: int | None = param(None, "T", "steps to the end of the schedule; none for the length of the run", "[1, inf)")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """lr (1 − (1 − end) min(k/T, 1))."""
        done = minimum(k / (self.T or horizon), 1.0)
        return self.lr * (1 - (1 - self.end) * done)
