"""Hypergradient descent with null steps."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stepbench.arrays import Array, Points, per_run, ratio, sqrt, where, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes P of the last trial and of the next, and the sum G of their squared hypergradients."""

    alpha: Array
    P: Array
    G: Array


@dataclass(frozen=True)
class HDM(Method):
    """Learns its step sizes online; goes only where f falls.

    Algorithm
        g ← ∇f(w),  w' = w − P g,  g' ← ∇f(w')
        form=diagonal:  h = −g' ⊙ g / ‖g‖²
        form=scalar:    h = −⟨g', g⟩ / ‖g‖²
        learner=gradient:  P ← P − η h
        learner=adagrad:   G ← G + h²,  P ← P − η h / √G
        w ← w' where f(w') < f(w), else w as it is (a null step);  P = 0 at first

    Source
        Gao, Chu, Ye & Udell, Gradient methods with online scaling, COLT 2025 (the hypergradient feedback and the null
        step), and Chu, Gao, Ye & Udell, Provable and practical online learning rate adaptation with hypergradient
        descent, 2025; learner=adagrad is what its HDM-Best and the published code take.

    Deviations
        η = 0.1 is the published code's, for learner=adagrad; learner=gradient needs one near 1/L². The heavy ball of
        HDM-Best, and the published code's estimate of L, by which it changes η and bounds P from
        below by 0, are left out. Each step asks for f and ∇f at both points, since it may see another sample than the
        step before; the published code, which sees all of f, asks at w' alone.
    """

    eta: Scalar = param(0.1, "η", "learning rate of the step sizes", "(0, inf)", search="1e-6:10:log")
    form: Literal["diagonal", "scalar"] = param("diagonal", "", "one step size per component, or one in all")
    learner: Literal["adagrad", "gradient"] = param("adagrad", "", "the online learner of the step sizes")

    def init(self, w: Points) -> State:
        """P = 0."""
        zero = zeros_like(w) if self.form == "diagonal" else per_run(0.0, w)
        return State(zero, zero, zero)

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """Try, learn from the trial, and keep it where it is better."""
        f, g = oracle.value(w), oracle.grad(w)
        trial = w - s.P * g
        f_trial, g_trial = oracle.value(trial), oracle.grad(trial)
        product = g_trial * g if self.form == "diagonal" else oracle.dot(g_trial, g)
        h = -ratio(product, oracle.dot(g, g))
        G = s.G + h * h
        P = s.P - self.eta * (ratio(h, sqrt(G)) if self.learner == "adagrad" else h)
        better = f_trial < f
        return where(better, trial, w), State(where(better, s.P, 0.0), P, G)
