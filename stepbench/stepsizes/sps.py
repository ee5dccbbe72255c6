"""The stochastic Polyak step size."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, maximum, minimum, per_run, power, ratio, sqrt, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and the one that bounds the next, with smooth=true (α_max before the first step)."""

    alpha: Array
    last: Array


@dataclass(frozen=True)
class SPS(StepSize):
    """Polyak's step size on the step's sample, bounded.

    Algorithm
        α = min((f − f*) / (c ‖g‖²), α_max),  0 where f < f*, and where g = 0
        smooth=true:  α = min(f / (c ‖g‖²), γ^(b/n) α_{t−1}),  α_0 = α_max;  0 where f < 0, and where g = 0;
                      b/n is the part of the data in a mini-batch
        w ← w − α u

    Needs
        f*, the minimum of f: the problem's, or given as f_star. smooth=true does without.

    Source
        Loizou, Vaswani, Laradji & Lacoste-Julien, Stochastic Polyak step-size for SGD, AISTATS 2021, eq. 5 and §6.

    Deviations
        The paper subtracts each sample's own minimum; here it is the whole function's, which is the same where one
        point fits all the data. Where none does, a sample's f may be below it, and the step is 0, as in the published
        code. The paper tunes α_max; the default here is 1, the α_0 of the published code. With smooth=true a step of 0
        does not become the next step's bound, since α would stay 0 for good.

        variant=reference is the published code with its defaults: smooth, ε = 1e-8 added to the denominator, and 0
        where ‖g‖ < 1e-8, after which α stays 0. There, f < 0 gives a negative step; here it gives 0.
    """

    per_component = True

    c: Scalar = param(0.5, "c", "how cautious the step is", "(0, inf)", search="0.1:2")
    alpha_max: Scalar = param(
        1.0,
        "α_max",
        "upper bound of the step size; with smooth=true, its value before the first step",
        "(0, inf]",
        search="1e-3:100:log",
    )
    gamma: Scalar = param(2.0, "γ", "growth of the bound per epoch, with smooth=true", "[1, inf)")
    smooth: bool = param(False, "", "let the step size grow only slowly")
    f_star: Scalar | None = param(None, "f*", "the minimum of f; none to ask the problem", "(-inf, inf)")
    variant: Literal["paper", "reference"] = param(
        "paper", "", "the paper's rule, or its published code's, which is smooth"
    )

    @property
    def needs(self) -> tuple[str, ...]:
        """The minimum, which the smooth form takes to be 0."""
        return () if self._is_smooth else ("f_star",)

    @property
    def _is_smooth(self) -> bool:
        return self.smooth or self.variant == "reference"

    def init(self, w: Points) -> State:
        """α_max, from which smooth=true starts."""
        return State(per_run(self.alpha_max, w), per_run(self.alpha_max, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The bounded Polyak step."""
        f, g = oracle.value(w), oracle.grad(w)
        square = oracle.dot(g, g)
        if self.variant == "reference":
            fit = where(sqrt(square) < 1e-8, 0.0, f / (self.c * square + 1e-8))
        else:
            f_star = 0.0 if self._is_smooth else oracle.f_star if self.f_star is None else self.f_star
            fit = ratio(f - f_star, self.c * square)
        bound = s.last * power(self.gamma, oracle.fraction) if self._is_smooth else self.alpha_max
        alpha = maximum(minimum(fit, bound), 0.0)
        last = where(alpha > 0, alpha, s.last) if self.variant == "paper" else alpha
        return w - alpha * u, State(alpha, last)
