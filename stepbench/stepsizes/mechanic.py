"""Mechanic: it tunes the scale of another method's moves."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, per_run, sqrt, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param

BETAS = (0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
"""The six rates at which its six tuners forget."""


class Tuner(NamedTuple):
    """What one of the tuners knows: its scale s, the largest product m, the sum v of squares, and the reward r."""

    s: Array
    m: Array
    v: Array
    r: Array


class State(NamedTuple):
    """The step size, which is the sum of the scales, the first point, the sum Δ of the moves, and the six tuners."""

    alpha: Array
    w0: Points
    delta: Points
    tuners: tuple[Tuner, ...]


@dataclass(frozen=True)
class Mechanic(StepSize):
    """Scales the way gone so far by six online learners.

    Algorithm
        h = ⟨Δ, g + λ S ‖g‖ w / ‖w‖⟩,  S = Σ s
        for each β of 0.9, 0.99, …, 0.999999, with s, m, v, r of its own:
            m ← max(β m, |h|)
            v ← β² v + h²
            r ← max(0, β r − s h)
            s ← (s_init m / 6 + r) / (√v + ε)
        Δ ← Δ − u
        w ← w_0 + S Δ,  S = Σ s;  α = S

    Source
        Cutkosky, Defazio & Mehta, Mechanic: a learning rate tuner, NeurIPS 2023, Algorithm 1, and its published code.

    Deviations
        None: the defaults are the published code's, and as there m is 1e-6 before the first step. Since all of Δ is
        scaled anew, a step is not only −α u: it has the change of S times Δ as well.
    """

    s_init: Scalar = param(1e-8, "s_init", "the first scale, as a part of m/√v", "(0, inf)", search="1e-10:1:log")
    decay: Scalar = param(0.01, "λ", "how much the scale is drawn to 0", "[0, inf)")
    eps: Scalar = param(1e-8, "ε", "added to the denominators", "(0, inf)")

    def init(self, w: Points) -> State:
        """Nothing gone, and nothing learned."""
        zero = per_run(0.0, w)
        return State(zero, w, zeros_like(w), tuple(Tuner(zero, per_run(1e-6, w), zero, zero) for _ in BETAS))

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Tune the scales by the last moves, then move."""
        g = oracle.grad(w)
        pull = self.decay * s.alpha * sqrt(oracle.dot(g, g)) / (sqrt(oracle.dot(w, w)) + self.eps)
        h = oracle.dot(s.delta, g + pull * w)
        tuners = tuple(self._tuned(tuner, beta, h) for tuner, beta in zip(s.tuners, BETAS, strict=True))
        alpha = sum(tuner.s for tuner in tuners)
        delta = s.delta - u
        return s.w0 + alpha * delta, State(alpha, s.w0, delta, tuners)

    def _tuned(self, t: Tuner, beta: float, h: Array) -> Tuner:
        """A tuner after the product h, (R,)."""
        m = maximum(beta * t.m, abs(h))
        v = beta * beta * t.v + h * h
        r = maximum(beta * t.r - t.s * h, 0.0)
        return Tuner((self.s_init * m / len(BETAS) + r) / (sqrt(v) + self.eps), m, v, r)
