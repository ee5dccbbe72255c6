"""L4: a step towards an estimate of the minimum."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, minimum, mix, per_run, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the estimate F of the minimum (none before the first step), the mean gradient, and its β^k."""

    alpha: Array
    F: Array | None
    m: Array
    beta_k: Array


@dataclass(frozen=True)
class L4(StepSize):
    """Aims the linearised loss at an estimate of its minimum.

    Algorithm
        g ← ∇f(w),  β = 1 − 1/time
        m ← β m + (1 − β) g,  ĝ = m / (1 − β^k)
        F ← 0.75 f(w) at the first step;  then  F ← min(F, f(w))
        α = a (f(w) − γ F) / (⟨ĝ, u⟩ + ε)
        w ← w − α u
        F ← (1 + 1/τ) F
        known=true:  α = (f(w) − f*) / (⟨g, u⟩ + ε), with the minimum f* in place of the estimate

    Needs
        a loss of 0 or more; with known=true, f*: the problem's, or given as f_star.

    Source
        Rolinek & Martius, L4: practical loss-based stepsize adaptation, NeurIPS 2018, Algorithm 1, with the gradient
        estimator ĝ of the published code; known=true is the formula of Yao 2022, §2.2. ``l4-mom`` is ema+l4 and
        ``l4-adam`` is adam:eps=1e-4+l4.

    Deviations
        The published code has two directions: l4-mom's and l4-adam's. In both, ⟨ĝ, u⟩ and so α are never negative,
        since u is ĝ but for a positive scale. On another direction, the gradient included, ĝ and u may disagree, and α
        may be negative. A run that meets a loss below 0 fails, as the published code does. With known=true, the
        gradient is that of the step and no mean, and neither a nor γ is used, as in the review.
    """

    per_component = True

    a: Scalar = param(0.15, "a", "part of the linearised loss to remove per step", "(0, inf)", search="0.01:1:log")
    gamma: Scalar = param(0.9, "γ", "the minimum aimed at, as a part of F", "[0, 1]")
    tau: Scalar = param(1000.0, "τ", "steps in which the estimate is forgotten", "(0, inf)")
    eps: Scalar = param(1e-12, "ε", "added to the denominator", "[0, inf)")
    time: Scalar = param(10.0, "", "steps over which ĝ is the mean of the gradient", "[1, inf)")
    known: bool = param(False, "", "use the minimum f* itself, without a and γ")
    f_star: Scalar | None = param(None, "f*", "the minimum of f; none to ask the problem", "(-inf, inf)")

    @property
    def needs(self) -> tuple[str, ...]:
        """The minimum, where the step is towards it and not towards an estimate."""
        return ("f_star",) if self.known else ()

    def init(self, w: Points) -> State:
        """No estimate yet, and no gradient to average."""
        return State(per_run(0.0, w), None, zeros_like(w), 1.0)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Towards γ F, or towards f* where it is known."""
        f, g = oracle.value(w), oracle.grad(w)
        if self.known:
            f_star = oracle.f_star if self.f_star is None else self.f_star
            alpha = (f - f_star) / (oracle.dot(g, u) + self.eps)
            return w - alpha * u, s._replace(alpha=alpha)
        oracle.refuse(f < 0, "the loss is below 0, and L4 aims at a part of the lowest loss: add a constant to f")
        beta = 1 - 1 / self.time
        m, beta_k = mix(beta, s.m, g), s.beta_k * beta
        F = 0.75 * f if s.F is None else minimum(s.F, f)
        alpha = self.a * (f - self.gamma * F) / (oracle.dot(m / (1 - beta_k), u) + self.eps)
        return w - alpha * u, State(alpha, (1 + 1 / self.tau) * F, m, beta_k)
