"""The silver step sizes."""

import math
from dataclasses import dataclass

from stepbench.arrays import Array, where
from stepbench.stepsizes._schedule import ScheduleOfL

RHO = 1 + math.sqrt(2)
"""The silver ratio ρ."""

DOUBLINGS = 40
"""How often 2 is tried as a divisor: no run has as many as 2⁴⁰ steps."""


@dataclass(frozen=True)
class Silver(ScheduleOfL):
    """A fractal of short and long steps, in units of 1/L.

    Algorithm
        α_k = (1 + ρ^{ν(k+1) − 1}) / L,  k = 0, 1, 2, …,  ρ = 1 + √2
        ν(i) is how often 2 divides i, so that L α is √2, 2, √2, 2 + √2, √2, 2, √2, 1 + ρ², …
        w ← w − α u

    Needs
        L, the smoothness constant of f: the problem's, or given as L.

    Source
        Altschuler & Parrilo, Acceleration by stepsize hedging II: silver stepsize schedule for smooth convex
        optimization, Mathematical Programming 2025. After n = 2^k − 1 steps on a convex f its Theorem 1.1 has
        f(w_n) − f* ≤ L ‖w_0 − w*‖² / (1 + √(4 ρ^{2k} − 3)).

    Deviations
        None. Part I of the paper has another schedule, for strongly convex f, which also depends on μ and on the
        horizon.
    """

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """1 + ρ^{ν(k+1) − 1}."""
        h = 1 + 1 / RHO
        for nu in range(1, DOUBLINGS):
            h = where((k + 1) % 2**nu == 0, 1 + RHO ** (nu - 1), h)
        return h
