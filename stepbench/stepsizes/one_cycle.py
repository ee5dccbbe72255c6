"""A step size that warms up and then anneals to nothing."""

import math
from dataclasses import dataclass

from stepbench.arrays import Array, cos, minimum, where
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rises to lr, then falls to nothing, along cosines.

    Algorithm
        for the first part of the horizon T, from lr/div up to lr; for the rest, from lr down to lr/(div final_div);
        between two ends a and b, a part p ∈ [0, 1] of the way: α = b + ½ (a − b)(1 + cos πp)

    Source
        One of the seven schedules that the exact-step paper compares with (its §5.1);
        Smith & Topin 2019, as torch's OneCycleLR.

    Deviations
        Smith and Topin rise and fall along lines, and let the momentum fall and rise against α; torch's default is the
        cosine, and the momentum stays here. The exact-step paper does not print its own parameters.
    """

    lr: Scalar = param(0.001, "α_max", "largest step size", "(0, inf)", search="1e-6:10:log")
    warmup: float = param(0.3, "", "part of the horizon spent rising", "(0, 1)")
    div: Scalar = param(25.0, "", "the first step size is lr/div", "[1, inf)")
    final_div: Scalar = param(1e4, "", "the last step size is lr/(div·final_div)", "[1, inf)")
    T: int | None = param(None, "T", "steps to the end of the schedule; none for the length of the run", "[1, inf)")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """Up along half a cosine, then down along another."""
        last_step = (self.T or horizon) - 1
        peak = self.warmup * (last_step + 1) - 1
        rising = k < peak
        start = where(rising, self.lr / self.div, self.lr)
        end = where(rising, self.lr, self.lr / self.div / self.final_div)
        part = minimum(where(rising, k, k - peak) / where(rising, peak, last_step - peak), 1.0)
        return end + 0.5 * (start - end) * (1 + cos(math.pi * part))
