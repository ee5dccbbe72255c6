"""MoMo: a model of f that has momentum."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, maximum, minimum, mix, per_run, ratio, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size; the means of g, g², f and ⟨g, w⟩; and the powers β₁^k and β₂^k."""

    alpha: Array
    d: Points
    v: Array
    f: Array
    gamma: Array
    beta1_k: Array
    beta2_k: Array


@dataclass(frozen=True)
class MoMo(Method):
    """Polyak's step on an average of the past tangents of f.

    Algorithm
        f̄ ← β₁ f̄ + (1 − β₁) f(w)
        d ← β₁ d + (1 − β₁) g
        γ ← β₁ γ + (1 − β₁) ⟨g, w⟩
        form=sgd:   D = 1
        form=adam:  v ← β₂ v + (1 − β₂) g²,  D = √(v / (1 − β₂^k)) + ε
        ρ = 1 − β₁^k
        τ = min(α / ρ, [f̄ + ⟨d, w⟩ − γ − ρ f*]₊ / ⟨d, d / D⟩)
        w ← w − τ d / D

    Source
        Schaipp, Ohana, Eickenberg, Defazio & Gower, MoMo: momentum models for adaptive learning rates, ICML 2024,
        Algorithm 1 with bias correction (form=sgd) and Algorithm 2 (form=adam, ``momo-adam``), without weight decay.

    Deviations
        The published code of form=sgd begins with f̄ = f, d = g and γ = ⟨g, w⟩ of the first step unless bias_correction
        is set; here the means are always corrected, as those of form=adam are. lr = 1 is that code's of form=sgd, and
        its form=adam has 0.01, as has ``momo-adam``. Its estimate of f* is left out.
    """

    lr: Scalar = param(1.0, "α", "the largest step size", "(0, inf]", search="1e-4:100:log")
    form: Literal["sgd", "adam"] = param("sgd", "", "along the mean gradient, or along Adam's direction")
    beta1: Scalar = param(0.9, "β₁", "how much of the means is kept per step", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step, with form=adam", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the root, with form=adam", "[0, inf)")
    f_star: Scalar | None = param(None, "f*", "a bound below f; none for 0", "(-inf, inf)")

    def init(self, w: Points) -> State:
        """The means start at zero, and the powers at 1."""
        zero = per_run(0.0, w)
        return State(zero, zeros_like(w), zeros_like(w), zero, zero, 1.0, 1.0)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Average the tangents, then step to where their mean meets f*, or as far as lr lets."""
        f, g = oracle.value(w), oracle.grad(w)
        f_mean, d = mix(self.beta1, s.f, f), mix(self.beta1, s.d, g)
        gamma = mix(self.beta1, s.gamma, oracle.dot(g, w))
        rho, v, beta2_k, u = 1 - s.beta1_k * self.beta1, s.v, s.beta2_k, d
        if self.form == "adam":
            v, beta2_k = mix(self.beta2, v, g * g), beta2_k * self.beta2
            u = ratio(d, sqrt(v / (1 - beta2_k)) + self.eps)
        gap = f_mean + oracle.dot(d, w) - gamma - rho * (0.0 if self.f_star is None else self.f_star)
        alpha = minimum(self.lr / rho, ratio(maximum(gap, 0.0), oracle.dot(d, u)))
        return w - alpha * u, State(alpha, d, v, f_mean, gamma, 1 - rho, beta2_k)
