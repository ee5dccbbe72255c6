"""Mechanic: it tunes the scale of another method's moves."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, per_run, sqrt, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param

BETAS = (0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
"""The six rates at which its six tuners forget."""


class State(NamedTuple):
    """The step size, which is the sum S of the scales s, and the sum Δ of the moves.

    Of each of the six tuners: the scale s, the largest product m, the sum v of squares, and the reward r.
    """

    alpha: Array
    delta: Points
    s: tuple[Array, ...]
    m: tuple[Array, ...]
    v: tuple[Array, ...]
    r: tuple[Array, ...]


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
        w ← w_0 + S (Δ − u),  Δ ← Δ − u,  with the new S = Σ s, which is α

    Source
        Cutkosky, Defazio & Mehta, Mechanic: a learning rate tuner, NeurIPS 2023, Algorithm 1, and its published code.

    Deviations
        The published code takes w − u in the place of w in the pull of λ. The defaults are that code's, and as there m
        is 1e-6 before the first step. Since all of Δ is scaled anew, a step is not only −α u: it has the change of S
        times Δ as well. What stands for w_0 + S Δ before the step is w itself: a weight decay beside it is kept.
    """

    s_init: Scalar = param(1e-8, "s_init", "the first scale, as a part of m/√v", "(0, inf)", search="1e-10:1:log")
    decay: Scalar = param(0.01, "λ", "how much the scale is drawn to 0", "[0, inf)")
    eps: Scalar = param(1e-8, "ε", "added to the denominators", "(0, inf)")

    def init(self, w: Points) -> State:
        """Nothing gone, and nothing learned."""
        zero = per_run(0.0, w)
        zeros, least = (zero,) * len(BETAS), (per_run(1e-6, w),) * len(BETAS)
        return State(zero, zeros_like(w), zeros, least, zeros, zeros)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Tune the scales by the last moves, then move."""
        g = oracle.grad(w)
        pull = self.decay * s.alpha * sqrt(oracle.dot(g, g)) / (sqrt(oracle.dot(w, w)) + self.eps)
        h = oracle.dot(s.delta, g + pull * w)
        m = tuple(maximum(beta * m, abs(h)) for beta, m in zip(BETAS, s.m, strict=True))
        v = tuple(beta * beta * v + h * h for beta, v in zip(BETAS, s.v, strict=True))
        r = tuple(maximum(beta * r - s_i * h, 0.0) for beta, r, s_i in zip(BETAS, s.r, s.s, strict=True))
        scales = tuple(
            (self.s_init * m_i / len(BETAS) + r_i) / (sqrt(v_i) + self.eps)
            for m_i, v_i, r_i in zip(m, v, r, strict=True)
        )
        alpha, delta = sum(scales), s.delta - u
        return w + (alpha * delta - s.alpha * s.delta), State(alpha, delta, scales, m, v, r)
