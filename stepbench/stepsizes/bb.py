"""Barzilai and Borwein's step size."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, per_run, ratio, where
from stepbench.contracts import AnyOracle, StepSize
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, and the last point and gradient (none before the first step)."""

    alpha: Array
    w: Array | None
    g: Array | None


@dataclass(frozen=True)
class BB(StepSize):
    """Fits α to the last change of the gradient (secant).

    Algorithm
        s = w_k − w_{k−1},  y = g_k − g_{k−1}
        form=long:   α = ⟨s, s⟩ / ⟨s, y⟩
        form=short:  α = ⟨s, y⟩ / ⟨y, y⟩
        the last α where ⟨s, y⟩ ≤ 0;  lr at the first step
        w ← w − α u

    Source
        Barzilai & Borwein, Two-point step size gradient methods, 1988, eq. 5 and 6.
    """

    per_component = True

    lr: Scalar = param(0.001, "α₀", "first step size", "(0, inf)", search="1e-6:10:log")
    form: Literal["long", "short"] = param("long", "", "which of the two least-squares fits")

    def init(self, x: Array) -> State:
        """α = lr, and no last point."""
        return State(per_run(self.lr, x), None, None)

    def move(self, x: Array, u: Array, oracle: AnyOracle, s: State) -> tuple[Array, State]:
        """Fit α to the last step, then step."""
        g, alpha = oracle.grad(x), s.alpha
        if s.w is not None:
            ds, dy = x - s.w, g - s.g
            sy = oracle.dot(ds, dy)
            fit = ratio(oracle.dot(ds, ds), sy) if self.form == "long" else ratio(sy, oracle.dot(dy, dy))
            alpha = where(sy > 0, fit, alpha)
        return x - alpha * u, State(alpha, x, g)
