"""A step size that falls along half a cosine."""

import math
from dataclasses import dataclass

from stepbench.arrays import Array, cos, minimum
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class Cosine(Schedule):
    """Falls along half a cosine over the horizon T.

    Algorithm
        α_k = lr (end + (1 − end) ½ (1 + cos(π min(k/T, 1))))

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1);
        Loshchilov & Hutter 2017, as torch's CosineAnnealingLR.

    Deviations
        Loshchilov and Hutter restart the cosine; here it is one, over the run, and then rests at its end.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    end: Scalar = param(0.0, "", "the last step size, as a part of the first", "[0, 1]")
    T: int | None = param(None, "T", "steps to the end of the schedule; none for the length of the run", "[1, inf)")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """Half a cosine from lr to end·lr."""
        done = minimum(k / (self.T or horizon), 1.0)
        return self.lr * (self.end + (1 - self.end) * 0.5 * (1 + cos(math.pi * done)))
