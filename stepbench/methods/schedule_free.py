"""Schedule-Free: an average in place of a schedule."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, minimum, mix, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step size, the point z that takes the steps, the sum of the weights, the mean square v, β₂^t, and t."""

    alpha: Array
    z: Points
    weights: Array
    v: Array
    beta2_t: Array
    t: int


@dataclass(frozen=True)
class ScheduleFree(Method):
    """Steps at z; the point w is the average of all z.

    Algorithm
        y = (1 − β) z + β w
        g ← ∇f(y)
        form=sgd:   γ_t = γ min(1, t/T_warmup),  u = g
        form=adam:  v ← β₂ v + (1 − β₂) g²
                    γ_t = γ min(1, t/T_warmup) √(1 − β₂^t),  u = g / (√v + ε)
        z ← z − γ_t (u + λ y)
        c = γ_t² / Σ_{i ≤ t} γ_i²
        w ← (1 − c) w + c z

    Source
        Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky, The road less scheduled, NeurIPS 2024: its SGD
        form, and its Algorithm 1 (form=adam, ``schedule-free-adam``).

    Deviations
        None. The defaults are the published code's of form=adam; its form=sgd begins from γ = 1, which is to be tuned.
        As in that code γ_t in c is the largest so far, which is γ_t itself since γ_t never falls.
    """

    lr: Scalar = param(0.0025, "γ", "step size", "(0, inf)", search="1e-6:10:log")
    form: Literal["sgd", "adam"] = param(
        "sgd", "", "what the steps are along: the gradient, or Adam's without momentum"
    )
    beta: Scalar = param(0.9, "β", "how far y is from z towards the average", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step, with form=adam", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the root, with form=adam", "[0, inf)")
    decay: Scalar = param(0.0, "λ", "weight decay, taken at y", "[0, inf)")
    warmup: int = param(0, "T_warmup", "steps in which the step size rises to lr", "[0, inf)")

    def init(self, w: Points) -> State:
        """The average begins at z."""
        return State(self.lr, w, 0.0, zeros_like(w), 1.0, 0)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """A step at z, and its part in the average."""
        t = s.t + 1
        y = mix(self.beta, w, s.z)
        g = oracle.grad(y)
        gamma = self.lr * minimum(t / self.warmup, 1.0) if self.warmup else self.lr
        u, v, beta2_t = g, s.v, s.beta2_t
        if self.form == "adam":
            v, beta2_t = mix(self.beta2, v, g * g), beta2_t * self.beta2
            gamma = gamma * sqrt(1 - beta2_t)
            u = g / (sqrt(v) + self.eps)
        z = s.z - gamma * (u + self.decay * y)
        weights = s.weights + gamma * gamma
        return mix(1 - gamma * gamma / weights, w, z), State(gamma, z, weights, v, beta2_t, t)
