"""Prodigy: D-Adaptation that learns faster."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, maximum, mix, per_run, ratio, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the estimate d, the first point, the sum r; ‖g_0‖ and Q (form=sgd); s, m and v (form=adam)."""

    alpha: Array
    d: Array
    w0: Points
    r: Array
    g0: Array | None
    Q: Array
    s: Array
    m: Array
    v: Array


@dataclass(frozen=True)
class Prodigy(Method):
    """Adam scaled by a growing bound below ‖w₀ − w*‖.

    Algorithm
        g ← ∇f(w)
        form=adam:  m ← β₁ m + (1 − β₁) d g,  v ← β₂ v + (1 − β₂) d² g²
                    r ← √β₂ r + (1 − √β₂) γ d² ⟨g, w_0 − w⟩
                    s ← √β₂ s + (1 − √β₂) γ d² g
                    w ← w − γ d m / (√v + d ε)
                    d ← max(d, r / ‖s‖₁)
        form=sgd:   Q ← Q + d² ‖g‖²
                    α = γ d² / √(d² G² + Q)
                    r ← r + α ⟨g, w_0 − w⟩
                    w ← w − α g
                    d ← max(d, r / ‖w − w_0‖)

    Source
        Mishchenko & Defazio, Prodigy: an expeditiously adaptive parameter-free learner, ICML 2024, Algorithm 4
        (form=adam) and Algorithm 1 (form=sgd).

    Deviations
        form=sgd takes ‖g_0‖ for G, which in the paper is a bound on all gradients; D-Adaptation takes the same. The
        published code has the new d, and not the old one, before ε. The defaults are that code's; like it, form=adam
        does not correct Adam's bias.
    """

    lr: Scalar = param(1.0, "γ", "scale of the step size", "(0, inf)", search="1e-4:10:log")
    form: Literal["adam", "sgd"] = param("adam", "", "along Adam's direction, or along the gradient")
    d0: Scalar = param(1e-6, "d₀", "first estimate of the way to the minimum", "(0, inf)")
    beta1: Scalar = param(0.9, "β₁", "how much of the mean gradient is kept per step, with form=adam", "[0, 1)")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step, with form=adam", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the root, in units of d, with form=adam", "[0, inf)")

    def init(self, w: Points) -> State:
        """d = d_0, and no gradient is seen yet."""
        zero, none = per_run(0.0, w), zeros_like(w)
        return State(zero, per_run(self.d0, w), w, zero, None, zero, none, none, none)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """One step of either algorithm."""
        return (self._sgd if self.form == "sgd" else self._adam)(w, oracle.grad(w), oracle, s)

    def _adam(self, w: Points, g: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        keep, weight = sqrt(per_run(self.beta2, w)), self.lr * s.d * s.d
        m, v = mix(self.beta1, s.m, s.d * g), mix(self.beta2, s.v, (s.d * g) * (s.d * g))
        r = mix(keep, s.r, weight * oracle.dot(g, s.w0 - w))
        s_sum = mix(keep, s.s, weight * g)
        alpha = self.lr * s.d
        w_next = w - alpha * ratio(m, sqrt(v) + s.d * self.eps)
        d = maximum(s.d, ratio(r, oracle.dot(s_sum, ratio(s_sum, abs(s_sum)))))
        return w_next, s._replace(alpha=alpha, d=d, r=r, s=s_sum, m=m, v=v)

    def _sgd(self, w: Points, g: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        square = oracle.dot(g, g)
        g0 = sqrt(square) if s.g0 is None else s.g0
        Q = s.Q + s.d * s.d * square
        alpha = self.lr * ratio(s.d * s.d, sqrt((s.d * g0) * (s.d * g0) + Q))
        r = s.r + alpha * oracle.dot(g, s.w0 - w)
        w_next = w - alpha * g
        way = w_next - s.w0
        d = maximum(s.d, ratio(r, sqrt(oracle.dot(way, way))))
        return w_next, s._replace(alpha=alpha, d=d, r=r, g0=g0, Q=Q)
