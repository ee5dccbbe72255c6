"""Grimmer's patterns of short steps and long ones."""

from dataclasses import dataclass
from typing import Literal

from stepbench.arrays import Array, where
from stepbench.fields import param
from stepbench.stepsizes._schedule import ScheduleOfL

LENGTHS: dict[str, tuple[float, ...]] = {
    "2": (2.9, 1.5),
    "3": (1.5, 4.9),
    "7": (1.5, 2.2, 12.0),
    "15": (1.4, 2.0, 4.5, 29.7),
    "31": (1.4, 2.0, 3.9, 8.2, 72.3),
    "63": (1.4, 2.0, 3.9, 7.2, 14.2, 164.0),
    "127": (1.4, 2.0, 3.9, 7.2, 12.6, 23.5, 370.0),
}
"""The different steps of each pattern of the paper's Table 1, by the pattern's length."""


@dataclass(frozen=True)
class LongSteps(ScheduleOfL):
    """A pattern of steps, some far beyond 2/L, over and over.

    Algorithm
        α_k = h_ν / L,  k = 0, 1, 2, …,  where ν is how often 2 divides k mod t + 1
        t = 2:    h = 2.9, 1.5
        t = 3:    h = 1.5, 4.9
        t = 7:    h = 1.5, 2.2, 12.0, so that L α is 1.5, 2.2, 1.5, 12.0, 1.5, 2.2, 1.5
        t = 15:   h = 1.4, 2.0, 4.5, 29.7
        t = 31:   h = 1.4, 2.0, 3.9, 8.2, 72.3
        t = 63:   h = 1.4, 2.0, 3.9, 7.2, 14.2, 164.0
        t = 127:  h = 1.4, 2.0, 3.9, 7.2, 12.6, 23.5, 370.0
        w ← w − α u

    Needs
        L, the smoothness constant of f: the problem's, or given as L.

    Source
        Grimmer, Provably faster gradient descent via long steps, SIAM Journal on Optimization 2024, Table 1. On a
        convex f it proves f(w_T) − f* ≤ L D² / (c T) + O(1/T²), where D bounds the way to w* and c is the mean of a
        pattern. It is a bound for the worst convex f: along an axis of curvature L, a period of t = 7 leaves 99 % of
        the way.

    Deviations
        None; for t = 2 the paper has (3 − η, 1.5) with any η in (0, 3), and η is 0.1 here.
    """

    t: Literal["2", "3", "7", "15", "31", "63", "127"] = param("7", "t", "length of the pattern in steps")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """h_ν."""
        i = k % int(self.t) + 1
        h, *longer = LENGTHS[self.t]
        for nu, step in enumerate(longer, 1):
            h = where(i % 2**nu == 0, step, h)
        return h
