"""Grimmer's patterns of short steps and long ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stepbench.arrays import Array
from stepbench.fields import param
from stepbench.stepsizes._schedule import ScheduleOfL


def _between(within: Sequence[float], longer: Sequence[float]) -> tuple[float, ...]:
    """The longer steps, with the same shorter ones before, between and after them."""
    return (*(h for step in longer for h in (*within, step)), *within)


_THREE = (1.4, 2.0, 1.4)
_SEVEN = _between(_THREE, [3.9])

PATTERNS: dict[str, tuple[float, ...]] = {
    "2": (2.9, 1.5),
    "3": (1.5, 4.9, 1.5),
    "7": (1.5, 2.2, 1.5, 12.0, 1.5, 2.2, 1.5),
    "15": _between(_THREE, [4.5, 29.7, 4.5]),
    "31": _between(_SEVEN, [8.2, 72.3, 8.2]),
    "63": _between(_SEVEN, [7.2, 14.2, 7.2, 164.0, 7.2, 14.2, 7.2]),
    "127": _between(_SEVEN, _between([7.2, 12.6, 7.2], [23.5, 370.0, 23.5])),
}
"""The patterns of the paper's Table 1, by their length."""


@dataclass(frozen=True)
class LongSteps(ScheduleOfL):
    """A pattern of steps, some far beyond 2/L, over and over.

    Algorithm
        α_k = h_{k mod t} / L,  k = 0, 1, 2, …
        t = 2:   h = 2.9, 1.5
        t = 3:   h = 1.5, 4.9, 1.5
        t = 7:   h = 1.5, 2.2, 1.5, 12.0, 1.5, 2.2, 1.5
        t = 15, 31, 63, 127:  h in like manner, with steps of up to 29.7, 72.3, 164.0, 370.0
        w ← w − α u

    Needs
        L, the smoothness constant of f: the problem's, or given as L.

    Source
        Grimmer, Provably faster gradient descent via long steps, SIAM Journal on Optimization 2024, Table 1. On a
        convex f it proves f(w_T) − f* ≤ L D² / (avg(h) T) + O(1/T²), where D bounds the way to w*.
        It is a bound for the worst convex f: along an axis of curvature L, a period of t = 7 leaves 99 % of the way.

    Deviations
        None; for t = 2 the paper has (3 − η, 1.5) with any η in (0, 3), and η is 0.1 here.
    """

    t: Literal["2", "3", "7", "15", "31", "63", "127"] = param("7", "t", "length of the pattern in steps")

    def step_size(self, k: int, horizon: int, last: Array) -> Array:
        """h_{k mod t}."""
        pattern = PATTERNS[self.t]
        return pattern[k % len(pattern)]
