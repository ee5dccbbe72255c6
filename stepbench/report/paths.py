"""What of a path can be seen in a window: its steps, cut where they cross the edge, and where it is lost from sight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from stepbench.contracts import Window
from stepbench.engine.result import Result
from stepbench.report.numbers import counted

FAR = 1e9
"""Windows away: where both ends of a step lie farther out, rounding decides where it would cross the window."""


def inside(window: Window, w: Any) -> Any:
    """Whether points, on the last axis, lie in the window."""
    low, high = np.transpose(window)
    return ((w >= low) & (w <= high)).all(axis=-1)


def out_of_sight(window: Window, results: Sequence[Result]) -> list[str]:
    """A line for each run of which some points lie outside the window, with how many; of several runs with its name."""
    counts = [(r, int(np.count_nonzero(~inside(window, r.x)))) for r in results]
    return [
        f"{f'{r.label}: ' if len(results) > 1 else ''}{n:,} of {counted(len(r.x), 'point')} outside"
        for r, n in counts
        if n
    ]


def steps_in_sight(window: Window, path: Any, joined: Any = True) -> Any:
    """The parts of a path's steps that lie in the window, as the vertices of one line, (n, 3, 2), for n points.

    Of each point there are: the two ends of the step that led to it, cut at the edge, and the point again, so that the
    next step goes on from there. What lies outside is NaN, which breaks the line. ``joined`` says of each point whether
    one step led to it from the point before, (n,); where it is False there is no step to draw, and only the point.
    """
    path = np.asarray(path, dtype=float)
    low, high = np.transpose(window)
    before = np.concatenate([path[:1], path[:-1]])
    with np.errstate(all="ignore"):
        away, away_before = (np.abs((w - (low + high) / 2) / (high - low)).max(axis=1) for w in (path, before))
        turned = (away < away_before)[:, None]  # measured from the end that is nearer, rounding does the least
        near, far = np.where(turned, path, before), np.where(turned, before, path)
        step = far - near
        edges = np.sort([(low - near) / step, (high - near) / step], axis=0)
        between = np.where((near >= low) & (near <= high), math.inf, -math.inf)
        enters = np.where(step == 0, -between, edges[0]).max(axis=1, keepdims=True).clip(0, None)
        leaves = np.where(step == 0, between, edges[1]).min(axis=1, keepdims=True).clip(None, 1)
        seen = (enters <= leaves) & (np.minimum(away, away_before) <= FAR)[:, None] & np.reshape(joined, (-1, 1))
        first, last = (
            np.where(seen, np.where(share == 1, far, np.clip(near + share * step, low, high)), math.nan)
            for share in (enters, leaves)
        )
    point = np.where(inside(window, path)[:, None], path, math.nan)
    return np.stack([np.where(turned, last, first), np.where(turned, first, last), point], axis=1)


def last_in_sight(window: Window, path: Any, joined: Any = True) -> Any:
    """Of each point of a path: itself, or where the path was last seen in the window; NaN before it was, (n, 2)."""
    _, end, point = np.moveaxis(steps_in_sight(window, path, joined), 1, 0)
    place = np.where(np.isnan(end), point, end)
    latest = np.maximum.accumulate(np.where(np.isnan(place).any(axis=1), 0, np.arange(len(place))))
    return place[latest]


def one_step_each(iteration: Any) -> Any:
    """Whether one step led to each record from the one before, (n,): not where only some records are kept."""
    return np.diff(iteration, prepend=iteration[:1] - 1) == 1


def trace(window: Window, r: Result) -> Any:
    """``steps_in_sight`` of a run."""
    return steps_in_sight(window, r.x, one_step_each(r.iteration))


def heads(window: Window, r: Result) -> Any:
    """``last_in_sight`` of a run."""
    return last_in_sight(window, r.x, one_step_each(r.iteration))
