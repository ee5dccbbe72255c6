"""Delta-bar-delta with one step size: the additive hypergradient."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param
from stepbench.stepsizes import _window


class State(NamedTuple):
    """The step size, and the last direction (0 before the first step)."""

    alpha: Array
    u: Array


@dataclass(frozen=True)
class DBD(StepSize):
    """Grows while the gradient agrees with the last direction.

    Algorithm
        α ← α + η ⟨g_t, u_{t−1}⟩,  u_0 = 0
        w ← w − α u_t
        with K or p, ū_k = the mean of the directions u of the k-th window of K steps, ū_0 = 0
            after each window:  α ← α + η ⟨ū_k, ū_{k−1}⟩

    Source
        Song & Yang 2023 (RDBD), Definition B.1; the additive hypergradient of Baydin et al. 2018. The windows are the
        first-order baseline of Retsinas et al. 2023 (TLR), Table 1. ``adam-hd`` is adam+dbd:eta=1e-8, Baydin's.

    Deviations
        On a direction other than the gradient ⟨g_t, u_{t−1}⟩ is that of Baydin et al., with the last direction in
        place of the last gradient; in windows both are directions, as in TLR. A network has one step size per tensor,
        as in Song & Yang; Baydin's and TLR's have one in all, which is per=run. ``adam-hd`` starts from this rule's
        lr, 0.005, and Baydin's from 0.001.
    """

    per_component = True
    per = "tensor"

    lr: Scalar = param(0.005, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    eta: Scalar = param(0.01, "η", "learning rate of the step size", "[0, inf)", search="1e-8:1:log")
    K: int | None = param(None, "K", "steps in a window; none for p, or without p for none", "[1, inf)")
    p: float | None = param(None, "p", "length of a window as a part of an epoch; none for no windows", "(0, inf)")

    def init(self, w: Points) -> State | _window.State:
        """α = lr, and no last direction."""
        return _window.start(self.lr, w) if self.K or self.p else State(per_run(self.lr, w), zeros_like(w))

    def move(
        self, w: Points, u: Points, oracle: AnyOracle, s: State | _window.State
    ) -> tuple[Points, State | _window.State]:
        """Correct α, then step; with windows, step, and correct α at the end of each."""
        if isinstance(s, State):
            alpha = s.alpha + self.eta * oracle.dot(oracle.grad(w), s.u)
            return w - alpha * u, State(alpha, u)
        steps = _window.steps_of(self.K, self.p or 0.0, oracle.fraction)

        def trained(alpha: Array, u_last: Points, u_sum: Points) -> Array:
            return alpha + self.eta * oracle.dot(u_last / steps, u_sum / steps)

        return _window.move(w, u, s, steps, trained)
