"""The spans of a run of which there is something to say, and the numbers that show their causes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # whose parts are loaded when they are used

from stepbench.autopsy.places import Cause, ahead, hovering, in_the_middle, stationary
from stepbench.autopsy.steps import EPS, Steps, has_plain_steps, last_held, smoothed, worst_jump, worst_rise
from stepbench.contracts import Runnable, values_of
from stepbench.engine.columns import Record
from stepbench.engine.result import Result


@dataclass(frozen=True)
class Span:
    """A part of a run, from one iteration to another, and what its numbers show.

    ``kind`` is "lost" (the error grew to the end, to more than it began with), "undone" (it grew to the end, above what
    the run had reached and held), "unbounded" (f fell, and has no minimum), "jump" (one step up, soon made good),
    "rise" (the error grew over many steps, and came back),
    "stalled", "rounding" (there was nothing left to gain), "falling" (slow to the end of the budget) or "slowest" (of a
    run that converged, the power of ten of the error that took longest).
    """

    kind: str
    first: int
    last: int
    numbers: dict[str, float]
    causes: tuple[Cause, ...]


def spans_of(result: Result, method: Runnable, steps: Steps) -> Iterator[Span]:
    """The parts of the run of which there is something to say."""
    value, smooth, n = result.value, smoothed(result), len(result.f) - 1  # n is the last record
    if n < 1:
        return
    known = result.error is not None
    least = int(n - np.argmin(value[::-1]))  # the last time that it was least
    onward = ahead(result)
    lost = result.status == "diverged" or (value[-1] > 10 * abs(value[0]) and result.status == "budget")
    left = None if lost else _left(result, steps)
    end = least if lost else n if left is None else left
    stalls = _stalls(smooth, 0, end, known=known)
    if left is not None:
        stalls += _stalls(smooth, left, n, known=known)
    if onward and onward.kind == "unbounded" and value[n] < value[0] and not any(last == n for _, last in stalls):
        yield _span("unbounded", result, method, steps, 0, n, numbers=onward.numbers)
        return
    if lost:
        yield _span("lost", result, method, steps, least, n)
    elif left is not None:
        yield _span("undone", result, method, steps, least, n, left=left)
    rise = worst_rise(result)
    if rise is not None and rise.level > (_floor(result, steps) if known else -math.inf):
        height = {"level": rise.level, "most": rise.most, "at": float(result.iteration[rise.top])}
        yield _span("rise", result, method, steps, rise.held, rise.back, numbers=height)
        stalls = [(a, b) for a, b in stalls if 2 * (min(b, rise.back) - max(a, rise.held)) <= b - a]
    else:
        rise = None
    if known and not lost:
        k, recent, factor = worst_jump(value)
        told = rise is not None and rise.held <= k < rise.back
        if not told and k < end and factor >= 10 and recent > _floor(result, steps):
            jump = {"recent": recent, "factor": factor, "mended": float(value[k + 1 :].min() <= recent)}
            yield _span("jump", result, method, steps, k, k + 1, numbers=jump)
    slow = {} if known or result.noise or result.problem.stochastic else _pace(result, smooth)
    for first, last in stalls:
        at_floor = known and smooth[first : last + 1].min() <= _floor(result, steps)
        yield _span(
            "rounding" if at_floor else "stalled",
            result,
            method,
            steps,
            first,
            last,
            onward=onward,
            numbers=slow if last == n else {},
        )
    halfway = n // 2
    idle = sum(max(0, last - max(first, halfway)) for first, last in stalls)
    if result.status == "budget" and not lost and not halfway <= end < n and 2 * idle <= n - halfway:
        yield _span("falling", result, method, steps, halfway, n, onward=onward, numbers=_pace(result, smooth))
    if result.status == "converged" and known and not stalls:
        slowest = _slowest(result)
        if slowest is not None:
            yield _span("slowest", result, method, steps, *slowest)


def _left(result: Result, steps: Steps) -> int | None:
    """The record after which the run lost what it had reached and held; None where it kept it.

    It lost it where it ended with ten times the error; where the minimum is unknown, where f rose again by a tenth of
    all that it had fallen.
    """
    held, left = last_held(result)
    value = result.value
    if result.error is None:
        risen = value[-1] - held > 0.1 * (value[0] - held) > 0
    else:
        risen = value[-1] > 10 * max(held, _floor(result, steps))
    return left if risen and result.status == "budget" else None


def _pace(result: Result, smooth: Record) -> dict[str, float]:
    """How fast a run was over its second half: the steps to a tenth of the error, and whether it was falling still."""
    n = len(smooth) - 1
    halfway, later = smooth[n // 2], smooth[n - n // 10]
    if result.error is None:
        return {"falls": float(later - smooth[n] > 0.05 * (halfway - smooth[n]) > 0)}
    if not 0 < smooth[n] < 0.9 * halfway:
        return {"falls": 0.0}
    taken = result.iteration[n] - result.iteration[n // 2]
    return {"falls": float(smooth[n] < later), "decade": float(taken) / math.log10(halfway / smooth[n])}


def _floor(result: Result, steps: Steps) -> float:
    """The error below which rounding of f, or of w, leaves nothing to gain."""
    f_star = abs(result.problem.f_star or 0.0)
    steepest = np.nanmax(np.abs(steps.steepest[-20:]), initial=0.0) if np.isfinite(steps.steepest[-20:]).any() else 0.0
    return float(max(8 * EPS * f_star, steepest * (EPS * np.linalg.norm(result.x[-1])) ** 2))


def _stalls(smooth: Record, begin: int, end: int, *, known: bool) -> list[tuple[int, int]]:
    """The longest stretches between two records in which the least error after the first fell by less than a tenth.

    They are a fifth of the run long at least.

    Where the minimum is unknown, in which f fell by less than a hundredth of all that it fell.
    """
    shortest, smooth = max(10, 0.2 * (len(smooth) - 1)), smooth[begin : end + 1]
    least = np.minimum.accumulate(smooth)
    limit = 0.9 * least if known else least - 0.01 * (least[0] - least[-1])
    places, free = np.arange(len(least)), np.ones(len(least), dtype=bool)
    reach = np.searchsorted(-least, -limit, side="right") - 1  # from each record, how far the limit is not fallen below
    stalls: list[tuple[int, int]] = []
    while True:
        length = np.where(free, reach - places, 0)
        first = int(length.argmax())
        if length[first] < shortest or len(stalls) == 3:
            return sorted((begin + first, begin + last) for first, last in stalls)
        stalls.append((first, int(reach[first])))
        free &= (places < first) | (places >= reach[first])
        reach = np.where(places < first, np.minimum(reach, first), reach)


def _slowest(result: Result) -> tuple[int, int] | None:
    """The records between which the error fell by the power of ten that cost most."""
    assert result.error is not None
    positive = result.error[result.error > 0]
    if positive.size < 2 or result.error[0] <= 0:
        return None
    powers = range(math.ceil(math.log10(result.error[0])) - 1, math.floor(math.log10(positive.min())) - 1, -1)
    places = [0, *(k for power in powers if (k := result.first_at(10.0**power)) is not None)]
    pairs = [(a, b) for a, b in itertools.pairwise(places) if b > a]
    return max(pairs, key=lambda pair: result.cost[pair[1]] - result.cost[pair[0]]) if pairs else None


def _span(
    kind: str,
    result: Result,
    method: Runnable,
    steps: Steps,
    first: int,
    last: int,
    *,
    numbers: Mapping[str, float] = {},
    left: int = 0,
    onward: Cause | None = None,
) -> Span:
    exact = kind in ("lost", "undone", "unbounded", "jump", "rise", "slowest")
    value = result.value if exact else smoothed(result)
    in_span = steps.within(first, max(first, last - 1))
    every = {
        "before": float(value[first]),
        "after": float(value[last]),
        "least": float(value[first : last + 1].min()),
        "cost": float(result.cost[last] - result.cost[first]),
        "left": float(result.iteration[left]),
        **numbers,
    }
    causes: list[Cause] = []
    if kind in ("lost", "jump", "rise"):
        causes = _overshoot(in_span)
    elif kind == "undone":
        causes = _overshoot(steps.within(left, last - 1))
    elif kind in ("stalled", "falling", "slowest"):
        causes = _causes(result, method, steps, in_span, first, last, onward)
        if every["after"] > 10 * abs(every["before"]):  # what it had gained was lost: by which step?
            least = first + int(np.flatnonzero(result.value[first:last] == result.value[first:last].min())[-1])
            causes = [*_overshoot(steps.within(least, last)), *causes]
    return Span(kind, int(result.iteration[first]), int(result.iteration[last]), every, tuple(causes))


def _middle(amounts: Any) -> float:
    """The median of the numbers that are known, where at least half are; else NaN, for which no test holds."""
    known = np.asarray(amounts)[np.isfinite(amounts)]
    return float(np.median(known)) if known.size and 2 * known.size >= np.size(amounts) else math.nan


def _overshoot(steps: Steps) -> list[Cause]:
    """The first of these steps whose size is known, against the longest stable one and the best along its direction."""
    causes: list[Cause] = []
    steps = steps.where(np.isfinite(steps.size))
    if not steps.size.size:
        return causes
    step = float(steps.step[0])
    if steps.steepest[0] > 0 and steps.size[0] > 0:
        limit = 2 / steps.steepest[0]
        above = (steps.size > 2 / steps.steepest)[np.isfinite(steps.size * steps.steepest)]
        causes.append(
            Cause(
                "limit",
                {
                    "step": step,
                    "now": steps.size[0],
                    "limit": limit,
                    "times": steps.size[0] / limit,
                    "part": float(above.mean()),
                },
            )
        )
    if steps.size[0] < 0:
        causes.append(Cause("uphill", {"step": step, "now": steps.size[0]}))
    elif steps.line[0] / steps.size[0] < 0.5:
        causes.append(Cause("overshoots", {"step": step, "times": steps.size[0] / steps.line[0]}))
    return causes


def _causes(
    result: Result, method: Runnable, steps: Steps, in_span: Steps, first: int, last: int, onward: Cause | None
) -> list[Cause]:
    """What the numbers of a span in which little was gained show; each cause only where its test holds.

    ``onward`` is what f does beyond the last point, which is a cause of the spans that end there.
    """
    causes: list[Cause] = []
    told, f_star = values_of(method).get("f_star"), result.problem.f_star
    if told is not None and f_star is not None and abs(told - f_star) > 1e-9 * max(1.0, abs(f_star)):
        causes.append(Cause("told", {"told": told, "f_star": f_star}))
    if onward and last == len(result.f) - 1:
        causes.append(onward)
    if place := stationary(result, in_span):
        return [*causes, place]
    if not in_span.size.size:
        return causes
    size, stable = np.abs(in_span.size), 1 / np.where(in_span.steepest > 0, in_span.steepest, math.nan)
    if (in_span.length == 0).mean() > 0.5:
        return [*causes, Cause("still", {"part": float((in_span.length == 0).mean())})]
    part, plain = float((in_span.size < 0).mean()), has_plain_steps(result)
    if part >= (0.05 if plain else 0.25):  # momentum moves up the gradient now and then
        causes.append(Cause("negative" if plain else "climbs", {"part": part}))

    hovers = hovering(result, in_span, first, last)
    short, further = _middle(stable / size), _middle(in_span.line / in_span.size)
    brief = hovers is None and (short >= 3 or (math.isnan(short) and further >= 10))
    if brief:
        began = steps.within(0, first + max(5, (last - first) // 100))
        sizes = np.abs(began.size)
        smooth = scipy.ndimage.median_filter(sizes, size=5, mode="mirror")  # a single spike is no level to fall from
        level = np.max(smooth, initial=-1, where=np.isfinite(smooth))
        late = _middle(size[-max(len(size) // 4, 1) :])
        if level >= 10 * late:
            step = float(began.step[np.flatnonzero(sizes == level)[-1]])
            causes.append(Cause("shrank", {"before": float(level), "after": late, "step": step}))
        if short >= 3:
            k = in_the_middle(stable / size)
            times = float(stable[k] / size[k])
            causes.append(Cause("short", {"now": float(size[k]), "times": times, "stable": float(stable[k])}))
    walls = _middle(np.where(in_span.along > 0, in_span.steepest / in_span.along, math.nan))
    if walls >= 10:
        part = _middle(size * in_span.steepest / 2)
        causes.append(Cause("valley", {"times": walls, "part": part}))
    if further >= 3 and (brief or walls >= 10):
        causes.append(Cause("longer", {"times": further}))
    gradient = result.gradient_norm[in_span.record]
    turned = in_span.turned[np.isfinite(in_span.turned)]
    if turned.size and turned.mean() >= 0.6 and _middle(in_span.wall) >= 0.1:
        causes.append(
            Cause(
                "walls",
                {
                    "part": float(turned.mean()),
                    "wall": _middle(in_span.wall),
                    "times": _middle(size * in_span.steepest / 2),
                },
            )
        )
    if result.distance is not None and result.error is not None:
        slope = gradient * result.distance[in_span.record] / result.error[in_span.record]
        if _middle(slope) < 0.5:  # of a convex function it is never below 1
            k = in_the_middle(slope)
            causes.append(Cause("flat", {"gradient": float(gradient[k]), "part": float(slope[k])}))
    elif _middle(gradient) <= 1e-3 * result.gradient_norm.max():
        causes.append(Cause("faint", {"gradient": _middle(gradient), "most": float(result.gradient_norm.max())}))
    if hovers:
        causes.append(hovers)
    noise = _middle(in_span.noise)
    if noise > 0 and noise >= _middle(gradient):
        causes.append(Cause("noise", {"noise": noise, "gradient": _middle(gradient)}))
    return causes
