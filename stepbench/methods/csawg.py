"""Csawg: step-size planning."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from stepbench.arrays import Array, Points, ratio, zeros_like
from stepbench.contracts import AnyOracle, Method
from stepbench.fields import Scalar, param


class State(NamedTuple):
    """The step sizes learned last (NaN before the first plan), and the two buffers of pairs of w and g."""

    alpha: Array
    B1: tuple[tuple[Array, Array], ...]
    B2: tuple[tuple[Array, Array], ...]


@dataclass(frozen=True)
class Csawg(Method):
    """Gradient descent that learns and takes its next K steps.

    Algorithm
        each iteration:
            g = ∇f(w),  w ← w − lr g
            put the pair (w, g), or with pairs=same (w, ∇f(w)), into B1, or where that holds K pairs, into B2
            when B2 holds K pairs:
                α(i) = Σ_s g_s(i) (w_s(i) − w_{s+K}(i)) / Σ_s g_s(i)²,  s over B1;  0 where the denominator is 0
                P times:
                    w ← w − α ⊙ ∇f(w), a fresh gradient
                    M times:  w ← w − lr ∇f(w)
                B1 ← B2,  B2 ← empty

    Source
        Yao, Learning to accelerate by the methods of step-size planning, 2022: Algorithm 1 is P = 1, M = 0;
        Algorithm 2 is any P and M. ``csawg-p5`` is P = 5, M = 10, as in its §4.

    Deviations
        The paper leaves open which w and g make a pair. The pair here, w after a step with the gradient before it, is
        the one that gives the speed-ups of its Figure 5, which are hundreds. With it α(1) of its Figure 4 rises to
        K/(K+1) and not to exactly 1. §3 defines g_k as the gradient at w_k, which is pairs=same: with it α(1) goes to
        1, and Figure 7's numbers stay as they are, but Figure 5's speed-ups become more than 10¹⁰. Where a step sees a
        sample, pairs=same asks for a second gradient per step.

        Planning takes a fresh gradient, which counts, before each of the P plans and of the M plain steps; Algorithms 1
        and 2 write g_k there, the gradient of the last step.
    """

    lr: Scalar = param(0.001, "α", "step size of the plain steps", "(0, inf)", search="1e-6:10:log")
    K: int = param(2, "K", "steps that a plan looks ahead, and pairs in a buffer", "[1, inf)", search="1,2,3,5,10")
    P: int = param(1, "P", "plans made at once", "[1, inf)")
    M: int = param(0, "M", "plain steps after each plan, to come back on track", "[0, inf)")

    pairs: Literal["after", "same"] = param("after", "", "w after a step with the gradient before it, or with its own")

    plans: ClassVar[bool] = True
    steady: ClassVar[bool] = True

    def init(self, w: Points) -> State:
        """Both buffers are empty, and no step sizes are learned yet."""
        return State(zeros_like(w) + math.nan, (), ())

    def step(self, w: Points, oracle: AnyOracle, s: State) -> tuple[Points, State]:
        """One iteration of the main loop."""
        g = oracle.grad(w)
        w = w - self.lr * g
        pair = (w, g if self.pairs == "after" else oracle.grad(w))
        if len(s.B1) < self.K:
            return w, State(s.alpha, (*s.B1, pair), ())
        B2 = (*s.B2, pair)
        if len(B2) < self.K:
            return w, State(s.alpha, s.B1, B2)
        alpha = ratio(
            sum(g_s * (w_s - w_sK) for (w_s, g_s), (w_sK, _) in zip(s.B1, B2, strict=True)),
            sum(g_s * g_s for _, g_s in s.B1),
        )
        for _ in range(self.P):
            w = w - alpha * oracle.grad(w)
            for _ in range(self.M):
                w = w - self.lr * oracle.grad(w)
        return w, State(alpha, B2, ())
