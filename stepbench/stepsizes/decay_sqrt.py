"""The decaying step size that AdaLoss is compared with."""

from dataclasses import dataclass
from typing import Literal

from stepbench.arrays import Array, sqrt
from stepbench.fields import Scalar, param
from stepbench.stepsizes._schedule import Schedule


@dataclass(frozen=True)
class DecaySqrt(Schedule):
    """Decays with √t: what AdaLoss is compared with.

    Algorithm
        form=sum:   α_t = η / (b₀ + c √t),  t = 1, 2, …
        form=root:  α_t = η / √(b₀ + t)

    Source
        Wu et al. 2022 (AdaLoss): "SGD-DecaySqrt" of §3 is form=sum, and the step size of "AdamSqrt" of §5 is
        form=root; ``adam-sqrt`` is adam:beta2=0.99+decay-sqrt:form=root, with the β₂ of ``adamloss``.

    Deviations
        §5 has the step size 1/√(b₀ + t), without η. The paper tries many η, b₀ and c; the defaults of 1 are the
        bench's.
    """

    eta: Scalar = param(1.0, "η", "scale of the step size", "(0, inf)", search="1e-6:10:log")
    b0: Scalar = param(1.0, "b₀", "start of the denominator", "(0, inf)", search="1e-2:1e4:log")
    c: Scalar = param(1.0, "c", "growth of the denominator with √t, in form=sum", "[0, inf)")
    form: Literal["sum", "root"] = param("sum", "", "b₀ + c √t, or √(b₀ + t)")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """η / (b₀ + c √t), or η / √(b₀ + t)."""
        t = k + 1
        if self.form == "root":
            return self.eta / sqrt(self.b0 + t)
        return self.eta / (self.b0 + self.c * sqrt(t))
