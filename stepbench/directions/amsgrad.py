"""Adam with a mean square that never shrinks."""

from dataclasses import dataclass
from typing import NamedTuple

from stepbench.arrays import Array, Points, maximum, mix, sqrt, zeros_like
from stepbench.contracts import AnyOracle, Direction
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The moving averages of g and g², the largest of the latter so far, and the powers β^k that correct their bias."""

    m: Array
    v: Array
    v_max: Array
    beta1_k: Array
    beta2_k: Array


@dataclass(frozen=True)
class AMSGrad(Direction):
    """Adam over the largest mean square seen so far.

    Algorithm
        g ← ∇f(w)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        v̂ ← max(v̂, v)
        u = m / (√v̂ + ε)

    Source
        Reddi, Kale & Kumar, On the convergence of Adam and beyond, ICLR 2018, Algorithm 2.

    Deviations
        ε keeps the first steps finite where a gradient is 0; the paper has none. The paper's projection onto a
        feasible set is left out, since there is none, and its β₁ may change from step to step. bias=true divides m
        and v̂ as Adam does, which is what torch.optim.Adam(amsgrad=True) runs. The paper tunes β₂ between 0.99 and
        0.999; the defaults here are Adam's.
    """

    beta1: Scalar = param(0.9, "β₁", "how much of the mean gradient is kept per step", "[0, 1)", search="0:0.99")
    beta2: Scalar = param(0.999, "β₂", "how much of the mean square is kept per step", "[0, 1)")
    eps: Scalar = param(1e-8, "ε", "added to the denominator, outside the root", "[0, inf)")
    bias: bool = param(False, "", "correct the bias of the averages, which start at zero, as Adam does")

    def init(self, w: Points) -> State:
        """The averages start at zero, and the powers at 1."""
        return State(zeros_like(w), zeros_like(w), zeros_like(w), 1.0, 1.0)

    def at(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """u = m / (√v̂ + ε)."""
        g, beta1_k, beta2_k = oracle.grad(w), s.beta1_k * self.beta1, s.beta2_k * self.beta2
        m = mix(self.beta1, s.m, g)
        v = mix(self.beta2, s.v, g * g)
        v_max = maximum(s.v_max, v)
        m_hat, v_hat = (m / (1 - beta1_k), v_max / (1 - beta2_k)) if self.bias else (m, v_max)
        return m_hat / (sqrt(v_hat) + self.eps), State(m, v, v_max, beta1_k, beta2_k)
