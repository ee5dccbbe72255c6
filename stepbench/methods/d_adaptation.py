"""D-Adaptation: it learns how far the minimum is."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, maximum, mix, per_run, ratio, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the estimate d, the weighted sum s, the sum r; z and ‖g_0‖ (form=sgd); m and v (form=adam)."""

    alpha: Array
    d: Array
    s: Array
    r: Array
    z: Points
    g0: Array | None
    m: Array
    v: Array


@dataclass(frozen=True)
class DAdaptation(Method):
    """Steps in proportion to a growing bound below ‖w₀ − w*‖.

    Algorithm
        g ← ∇f(w)
        form=sgd:   λ = γ d / ‖g_0‖
                    r ← r + λ ⟨g, s⟩,  s ← s + λ g
                    z ← z − λ g,  w ← β w + (1 − β) z
                    d ← max(d, 2 r / ‖s‖)
        form=adam:  λ = γ d
                    r ← √β₂ r + (1 − √β₂) λ ⟨g, s / (√v + ε)⟩
                    m ← β₁ m + (1 − β₁) λ g,  v ← β₂ v + (1 − β₂) g²
                    s ← √β₂ s + (1 − √β₂) λ g
                    w ← w − m / (√v + ε)
                    d ← max(d, r / ((1 − √β₂) ‖s‖₁))

    Source
        Defazio & Mishchenko, Learning-rate-free learning by D-Adaptation, ICML 2023, Algorithm 4 (form=sgd) and
        Algorithm 5 (form=adam, ``d-adapt-adam``).

    Deviations
        None, with the defaults of the published code: γ = 1, d_0 = 1e-6, and with form=sgd no momentum. d never falls,
        so that form=adam needs γ well below 1 where its first estimates are too large.
    """

    lr: Scalar = param(1.0, "γ", "scale of the step size", "(0, inf)", search="1e-4:10:log")
    form: Literal["sgd", "adam"] = param("sgd", "", "along the gradient, or along Adam's direction")
    d0: Scalar = param(1e-6, "d₀", "first estimate of the way to the minimum", "(0, inf)")
    beta1: Scalar = param(0.9, "β₁", "how much of the mean gradient is kept per step, with form=adam", "[0, 1)")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step, with form=adam", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the root, with form=adam", "[0, inf)")
    momentum: Scalar = param(0.0, "β", "how much of the point is kept per step, with form=sgd", "[0, 1)")

    def init(self, w: Points) -> State:
        """d = d_0, and no gradient is seen yet."""
        zero, none = per_run(0.0, w), zeros_like(w)
        return State(zero, per_run(self.d0, w), none, zero, w, None, none, none)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """One step of either algorithm."""
        return (self._sgd if self.form == "sgd" else self._adam)(w, oracle.grad(w), oracle, s)

    def _sgd(self, w: Points, g: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        g0 = sqrt(oracle.dot(g, g)) if s.g0 is None else s.g0
        lam = self.lr * ratio(s.d, g0)
        r = s.r + lam * oracle.dot(g, s.s)
        s_sum = s.s + lam * g
        z = s.z - lam * g
        d = maximum(s.d, ratio(2 * r, sqrt(oracle.dot(s_sum, s_sum))))
        return mix(self.momentum, w, z), s._replace(alpha=lam, d=d, s=s_sum, r=r, z=z, g0=g0)

    def _adam(self, w: Points, g: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        lam = self.lr * s.d
        keep = sqrt(per_run(self.beta2, w))
        r = mix(keep, s.r, lam * oracle.dot(g, ratio(s.s, sqrt(s.v) + self.eps)))
        m, v = mix(self.beta1, s.m, lam * g), mix(self.beta2, s.v, g * g)
        s_sum = mix(keep, s.s, lam * g)
        length = oracle.dot(s_sum, ratio(s_sum, abs(s_sum)))
        d = maximum(s.d, ratio(r, (1 - keep) * length))
        return w - ratio(m, sqrt(v) + self.eps), s._replace(alpha=lam, d=d, s=s_sum, r=r, m=m, v=v)
