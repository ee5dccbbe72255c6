"""MetaOptimize: the step size learned from where all past moves have led."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, exp, log, mix, per_run, ratio, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size of the last move, β of the next, the trace h of the moves, and the mean m̄ of ⟨h, g⟩."""

    alpha: Array
    beta: Array
    h: Points
    m: Array


@dataclass(frozen=True)
class MetaOptimize(StepSize):
    """Lion learns log α, by a trace of all past moves.

    Algorithm
        α = e^β
        Δ = −α (u + κ w)
        β ← β − η sign(c̄ m̄ + (1 − c̄) ⟨h, g⟩)
        m̄ ← ρ̄ m̄ + (1 − ρ̄) ⟨h, g⟩
        h ← γ (1 − κ α) h + Δ,  h = 0 at first: dw/dβ without its Hessians
        w ← w + Δ

    Source
        Sharifnassab, Salehkaleybar & Sutton, MetaOptimize: a framework for optimizing step sizes and other
        meta-parameters, ICML 2025: its Hessian-free form with Lion for the meta-update, as the code of the paper's
        experiments has it; per=tensor is the authors' layerwise form.

    Deviations
        Any direction is the base: ``lion+metaoptimize`` and ``metaoptimize`` are that code's Lion and SGD; its AdamW
        is Adam with a sum for the mean gradient, and its SGDm moves along the mean before the present gradient. A
        package that the authors published later has Adam alone, α g / (√v̂ + ε) for −Δ in h, and in the sign the m̄ of
        the present step. Other meta-updates, and the forms with Hessians, are left out. A decay by κ is known to h,
        one by wd is not. η, ρ̄, c̄ and γ are those of that code's example, whose α₀ is 1e-6; the default here is the
        bench's.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    eta: Scalar = param(
        0.001, "η", "meta step size: by how much log α changes per step", "[0, inf)", search="1e-4:1:log"
    )
    gamma: Scalar = param(1.0, "γ", "how much of the trace is kept per step", "[0, 1]", search="0:1")
    decay: Scalar = param(0.0, "κ", "weight decay, which the trace knows of", "[0, inf)")
    rho: Scalar = param(0.99, "ρ̄", "how much of the mean meta-gradient is kept per step", "[0, 1)")
    c: Scalar = param(0.9, "c̄", "how much of that mean is in the sign", "[0, 1)")

    def init(self, w: Points) -> State:
        """β = log lr, and no move has been made."""
        zero = per_run(0.0, w)
        return State(zero, zero + log(self.lr), zeros_like(w), zero)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Move by the α that is known, then learn from the moves before."""
        alpha, slope = exp(s.beta), oracle.dot(s.h, oracle.grad(w))
        move = -alpha * (u + self.decay * w)
        blend = mix(self.c, s.m, slope)
        beta = s.beta - self.eta * ratio(blend, abs(blend))
        h = self.gamma * (1 - self.decay * alpha) * s.h + move
        return w + move, State(alpha, beta, h, mix(self.rho, s.m, slope))
