"""The stochastic Polyak step size."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, minimum, per_run, power, ratio
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size (α_max before the first step)."""

    alpha: Array


@dataclass(frozen=True)
class SPS(StepSize):
    """Polyak's step size on the step's sample, bounded.

    Algorithm
        α = min((f − f*) / (c ‖g‖²), α_max),  0 where g = 0
        smooth=true:  α = min((f − f*) / (c ‖g‖²), γ^(b/n) α_{t−1}), α_max before the first step;
                      b/n is the part of the data in a mini-batch
        w ← w − α u

    Needs
        f*, the minimum of f: the problem's, or given as f_star.

    Source
        Loizou, Vaswani, Laradji & Lacoste-Julien, Stochastic Polyak step-size for SGD, AISTATS 2021, eq. 5 and §6.

    Deviations
        The paper subtracts each sample's own minimum; here it is the whole function's, which is the same where one
        point fits all the data, and can make the step size negative where none does.
    """

    per_component = True
    needs = ("f_star",)

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

    def init(self, w: Points) -> State:
        """α_max, from which smooth=true starts."""
        return State(per_run(self.alpha_max, w))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The bounded Polyak step."""
        g = oracle.grad(w)
        f_star = oracle.f_star if self.f_star is None else self.f_star
        bound = s.alpha * power(self.gamma, oracle.fraction) if self.smooth else self.alpha_max
        alpha = minimum(ratio(oracle.value(w) - f_star, self.c * oracle.dot(g, g)), bound)
        return w - alpha * u, State(alpha)
