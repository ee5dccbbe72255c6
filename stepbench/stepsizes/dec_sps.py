"""DecSPS: Polyak's stochastic step size that falls."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, minimum, per_run, ratio, sqrt, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the number c_{k−1} α_{k−1} that bounds the next, and the number of steps taken."""

    alpha: Array
    bound: Array
    k: int


@dataclass(frozen=True)
class DecSPS(StepSize):
    """Polyak's step size on the sample, falling as 1/√k.

    Algorithm
        c_k = c₀ √(k + 1),  k = 0, 1, 2, …
        α_k = min((f(w) − ℓ*) / ‖g‖², c_{k−1} α_{k−1}) / c_k,  where c_{−1} α_{−1} = c₀ γ_b
        w ← w − α u

    Source
        Orvieto, Lacoste-Julien & Loizou, Dynamics of SGD with stochastic Polyak stepsizes: truly adaptive variants and
        convergence to exact solution, NeurIPS 2022.

    Deviations
        A sample whose f is ℓ* or below, or whose gradient is 0, has a step of 0, and does not bound the next one: the
        rule as published would rest for good. c₀ = 1 and γ_b = 10 are the paper's; it takes ℓ* = 0, as here. The
        published code adds 1e-4 to each component of g in the denominator.
    """

    per_component = True

    c0: Scalar = param(1.0, "c₀", "how cautious the steps are", "(0, inf)", search="0.1:10:log")
    gamma_b: Scalar = param(10.0, "γ_b", "bound of the first step size", "(0, inf)", search="1e-3:100:log")
    f_star: Scalar | None = param(None, "ℓ*", "a bound below every sample's f; none for 0", "(-inf, inf)")

    def init(self, w: Points) -> State:
        """c₀ γ_b bounds the first step."""
        return State(per_run(0.0, w), per_run(self.c0 * self.gamma_b, w), 0)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """The bounded step."""
        f, g = oracle.value(w), oracle.grad(w)
        fit = minimum(ratio(maximum(f - (0.0 if self.f_star is None else self.f_star), 0.0), oracle.dot(g, g)), s.bound)
        alpha = fit / (self.c0 * sqrt(s.k + 1))
        return w - alpha * u, State(alpha, where(fit > 0, fit, s.bound), s.k + 1)
