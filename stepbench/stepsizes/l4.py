"""L4: a step towards an estimate of the minimum."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, minimum, per_run
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and the estimate F of the minimum (none before the first step)."""

    alpha: Array
    F: Array | None


@dataclass(frozen=True)
class L4(StepSize):
    """Aims the linearised loss at an estimate of its minimum.

    Algorithm
        F ← 0.75 f(w) at the first step;  then  F ← min(F, f(w))
        α = a (f(w) − γ F) / (⟨g, u⟩ + ε)
        w ← w − α u
        F ← (1 + 1/τ) F
        known=true:  α = (f(w) − f*) / (⟨g, u⟩ + ε), with the minimum f* in place of the estimate

    Needs
        with known=true, f*: the problem's, or given as f_star.

    Source
        Rolinek & Martius, L4: practical loss-based stepsize adaptation, NeurIPS 2018, Algorithm 1; known=true is the
        formula of Yao 2022, §2.2. ``l4-mom`` is ema+l4, ``l4-adam`` is adam:eps=1e-4+l4.
    """

    per_component = True

    a: Scalar = param(0.15, "a", "part of the linearised loss to remove per step", "(0, inf)", search="0.01:1:log")
    gamma: Scalar = param(0.9, "γ", "the minimum aimed at, as a part of F", "[0, 1]")
    tau: Scalar = param(1000.0, "τ", "steps in which the estimate is forgotten", "(0, inf)")
    eps: Scalar = param(1e-12, "ε", "added to the denominator", "[0, inf)")
    known: bool = param(False, "", "use the minimum f* itself, without a and γ")
    f_star: Scalar | None = param(None, "f*", "the minimum of f; none to ask the problem", "(-inf, inf)")

    @property
    def needs(self) -> tuple[str, ...]:
        """The minimum, where the step is towards it and not towards an estimate."""
        return ("f_star",) if self.known else ()

    def init(self, w: Points) -> State:
        """No estimate yet."""
        return State(per_run(0.0, w), None)

    def move(self, w: Points, u: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Towards γ F, or towards f* where it is known."""
        f, slope = oracle.value(w), oracle.dot(oracle.grad(w), u)
        if self.known:
            f_star = oracle.f_star if self.f_star is None else self.f_star
            alpha = (f - f_star) / (slope + self.eps)
            return w - alpha * u, State(alpha, None)
        F = 0.75 * f if s.F is None else minimum(s.F, f)
        alpha = self.a * (f - self.gamma * F) / (slope + self.eps)
        return w - alpha * u, State(alpha, (1 + 1 / self.tau) * F)
