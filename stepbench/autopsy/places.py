"""Where a run stands: at a saddle or another stationary point, around a minimum, or on a way that never ends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stepbench.arrays import dot
from stepbench.autopsy.steps import EPS, Steps
from stepbench.engine.columns import Record
from stepbench.engine.result import Result

NEAR = 1e-3
"""How near a stationary point is near, as a part of how far the steps of the span went from there."""


class Cause(NamedTuple):
    """One thing that the numbers of a span show, with the numbers."""

    kind: str
    numbers: dict[str, float]


def stationary(result: Result, steps: Steps) -> Cause | None:
    """The stationary point that these steps came near to, by the signs of the Hessian's eigenvalues there.

    A "saddle" has eigenvalues of both signs, and a "maximum" only such below 0. A "minimum" has only such above 0, and
    is told only where most of the steps were near it and, if the error is known, it is not what is left of the way
    there. "zero" is a gradient of exactly 0 where the eigenvalues are unknown or 0. All numbers are of the step with
    the smallest gradient.
    """
    gradient = result.gradient_norm[steps.record]
    if not gradient.size:
        return None
    k = int(gradient.argmin())
    record = steps.record[k]
    low, high = float(steps.lowest[k]), float(steps.steepest[k])
    numbers = {"gradient": float(gradient[k]), "low": low, "high": high, "step": float(result.iteration[record])}
    numbers["known"] = float(result.error is not None)
    near = steps.newton <= NEAR * np.linalg.norm(result.x[steps.record] - result.x[record], axis=1).max()
    if near[k]:
        rounding = _rounding(result) * max(abs(low), abs(high))
        if low < -rounding and high > rounding:
            return Cause("saddle", numbers)
        if high < -rounding:
            return Cause("maximum", numbers)
        left_over = result.error is None or steps.gain[k] <= NEAR * result.error[record]
        if low > rounding and left_over and near.mean() > 0.5:
            return Cause("minimum", numbers)
    if 2 * np.count_nonzero(gradient == 0) > gradient.size:
        return Cause("zero", numbers)
    return None


def _rounding(result: Result) -> float:
    """The part of the largest eigenvalue below which an eigenvalue may be the error of derived derivatives."""
    twice = {"grad", "hessian"} <= {*result.problem.derived}
    return 1e-4 if twice else 1e-6


def ahead(result: Result) -> Cause | None:
    """What f does on and on along the way that the run took over its second half; None where it does not fall for ever.

    It is looked at from the last point, at distances of 1 to 1e9 times 1 + ‖w‖. "unbounded": it falls at least as much
    over the last factor of ten as over the one before, as −log x does. "infinity": it falls less and less, as exp(−x)
    does. "declared": it falls below the minimum that the problem declares.
    """
    n = len(result.f) - 1
    way = result.x[n] - result.x[n // 2]
    length = float(np.linalg.norm(way))
    if n < 1 or not 0 < length < np.inf:
        return None
    far = (1 + float(np.linalg.norm(result.x[n]))) * 10.0 ** np.arange(10)
    points = result.x[n][:, None] + (way / length)[:, None] * far
    try:
        f = np.where(result.problem.within(points), result.problem.f(points), np.nan)
    except Exception:  # f refuses points so far away
        return None
    f = np.concatenate([result.f[n:], f])
    if np.isnan(f).any():  # it overflows there, or that is outside the domain
        f = f[: int(np.isnan(f).argmax())]
    sunk = f == -np.inf
    falls = -np.diff(f[~sunk])
    rises = falls < -8 * EPS * np.abs(f[0])
    if len(f) < 4 or not np.isfinite(f[~sunk]).all() or rises.any():
        return None
    least = float(f.min())
    numbers = {"f": least, "far": float(far[len(f) - 2])}
    f_star = result.problem.f_star
    if f_star is not None and least < f_star - 1e-9 * max(1.0, abs(f_star)):
        return Cause("declared", {**numbers, "f_star": f_star})
    if sunk.any() or falls[-1] >= 0.999 * falls[-2] > 0:
        return Cause("unbounded", numbers)
    return Cause("infinity", numbers) if falls.sum() > 8 * EPS * abs(f[0]) else None


def hovering(result: Result, steps: Steps, first: int, last: int) -> Cause | None:
    """Whether the run goes to and fro around one point between these records.

    f rises at a quarter of the steps or more (from one record to the next where steps were left out), and the middle of
    the points is nearer to a minimum than they are: the gradient there, or the distance to the minimum, is less than
    half as large, or f is lower than at any of them.
    """
    points, f = result.x[first : last + 1], result.f[first : last + 1]
    rising = float((np.diff(f) > 0).mean())
    if rising < 0.25 or not steps.record.size:
        return None
    middle = points.mean(axis=0)
    twice = np.stack([middle, middle], axis=1)
    slope = float(np.linalg.norm(result.problem.grad(twice)[:, 0]))
    around = slope < 0.5 * float(np.median(result.gradient_norm[first : last + 1]))
    around = around or bool(result.problem.f(twice)[0] < f.min())
    left = np.full(len(steps.record), np.nan)
    if result.distance is not None and result.problem.x_star is not None:
        left = steps.length / result.distance[steps.record]
        minima = np.reshape(result.problem.x_star, (len(middle), -1))
        apart = middle[:, None] - minima
        nearest = float(np.sqrt(dot(apart, apart)).min())
        around = around or nearest < 0.5 * float(np.median(result.distance[first : last + 1]))
    if not around:
        return None
    numbers = {"part": rising, "length": np.nan, "left": np.nan}
    numbers["noisy"] = float(result.noise > 0 or result.problem.stochastic)
    if np.isfinite(steps.length).any():
        k = in_the_middle(steps.length if np.isnan(left).all() else left)
        numbers |= {"length": float(steps.length[k]), "left": float(left[k])}
    return Cause("hovers", numbers)


def in_the_middle(amounts: Record) -> int:
    """The place of the median among the known amounts; of the lower one of two."""
    known = np.flatnonzero(np.isfinite(amounts))
    return int(known[np.argsort(amounts[known], kind="stable")[(known.size - 1) // 2]])
