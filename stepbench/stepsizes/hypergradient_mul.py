"""The multiplicative hypergradient."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio, sqrt, zeros_like
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param
from stepbench.stepsizes import _window


class State(NamedTuple):
    """The step size, and the last direction (0 before the first step)."""

    alpha: Array
    u: Array


@dataclass(frozen=True)
class HypergradientMul(StepSize):
    """Scaled by the angle between g and the last direction.

    Algorithm
        α ← α (1 + η cos(u_{t−1}, g_t)),  the cosine 0 where either is 0
        w ← w − α u_t
        with K or p, ū_k = the mean of the directions u of the k-th window of K steps, ū_0 = 0
            after each window:  α ← α (1 + η cos(ū_{k−1}, ū_k))

    Source
        Retsinas et al. 2023 (TLR), §3, whose Table 1 has the windows; Baydin et al. 2018, eq. 9.

    Deviations
        On a direction other than the gradient, the last direction takes the place of the last gradient; in windows
        both are directions, as in TLR. TLR tries η of 10⁻¹ … 10⁻⁵; the default here is 0.02, and is nobody's.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    eta: Scalar = param(0.02, "η", "largest relative change per step or window", "[0, inf)", search="1e-5:1:log")
    K: int | None = param(None, "K", "steps in a window; none for p, or without p for none", "[1, inf)")
    p: float | None = param(None, "p", "length of a window as a part of an epoch; none for no windows", "(0, inf)")

    def init(self, w: Points) -> State | _window.State:
        """α = lr, and no last direction."""
        return _window.start(self.lr, w) if self.K or self.p else State(per_run(self.lr, w), zeros_like(w))

    def move(
        self, w: Points, u: Points, oracle: AnyOracle, s: State | _window.State
    ) -> tuple[Points, State | _window.State]:
        """Scale α by the cosine, then step; with windows, step, and scale α at the end of each."""

        def scaled(alpha: Array, last: Points, now: Points) -> Array:
            norms = sqrt(oracle.dot(last, last)) * sqrt(oracle.dot(now, now))
            return alpha * (1 + self.eta * ratio(oracle.dot(last, now), norms))

        if isinstance(s, State):
            alpha = scaled(s.alpha, s.u, oracle.grad(w))
            return w - alpha * u, State(alpha, u)
        return _window.move(w, u, s, _window.steps_of(self.K, self.p or 0.0, oracle.fraction), scaled)
