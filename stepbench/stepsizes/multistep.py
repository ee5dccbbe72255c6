"""A step size that drops at given parts of the run."""

from dataclasses import dataclass

from stepbench.arrays import Array, where
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class Multistep(Schedule):
    """Multiplied by γ at two given parts of the horizon T.

    Algorithm
        α_k = lr γ^n,  n = how many of ⌊first T⌋ and ⌊second T⌋ are at most k

    Source
        The "sgd-mstep" of Retsinas et al. 2023 (TLR), §3, which starts from 0.1 and drops to a tenth after a half and
        after three quarters of the epochs: ``sgd-mstep`` is gradient+multistep:lr=0.1. As torch's MultiStepLR.

    Deviations
        The published code drops between two epochs, and this rule at the step itself. MultiStepLR takes any number
        of drops, and this rule has two.
    """

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    gamma: Scalar = param(0.1, "γ", "factor of each drop", "(0, 1]", search="0.01:1:log")
    first: float = param(0.5, "", "part of the horizon before the first drop", "[0, 1]")
    second: float = param(0.75, "", "part of the horizon before the second drop", "[0, 1]")
    T: int | None = param(None, "T", "steps of the whole schedule; none for the length of the run", "[1, inf)")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """lr, multiplied by γ after the first and again after the second part."""
        alpha, T = self.lr, self.T or horizon
        for part in (self.first, self.second):
            alpha = where(k >= int(part * T), alpha * self.gamma, alpha)
        return alpha
