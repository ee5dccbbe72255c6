"""Curves of runs: errors, accuracy and step sizes against evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullFormatter, NullLocator, PercentFormatter

from stepbench.engine.result import Result
from stepbench.report.findings import ROUNDING
from stepbench.report.landscape import either_sign, frame, largest_shown
from stepbench.report.numbers import tick_name
from stepbench.report.paths import last_in_sight
from stepbench.report.styles import DASHES, MARKERS, colour, cross, draw_grid, in_points, literal

if TYPE_CHECKING:
    from stepbench.guarantees import Beside

COMPONENTS = 6
"""How many step sizes of a run are drawn at most, where there is one per component or per tensor."""


def draw_errors(ax: Axes, results: Sequence[Result], guarantees: Sequence[Beside] = ()) -> list[list[Line2D]]:
    """The error f − f* against gradient evaluations, on a logarithmic axis.

    Where f* is unknown, f itself stands in for the error, and the axis says so. What is below rounding, 1e-16 of the
    first error, is not told apart: there is a grey band, and where a run ends in it, or at exactly 0, a triangle on the
    axis. A method that asks for no gradients is drawn against its function evaluations. Where the problem declares μ
    and L, the rates of gradient descent and of Nesterov's method are drawn from the common start, beside runs of theirs
    with the step size 1/L. The worst cases of ``guarantees`` are drawn in the colours of their runs.

    Returns what belongs to each run: its curve, and the marks of its end.
    """
    known = results[0].error is not None
    label = literal(results[0].problem.f_means) or ("error $f(w) - f^*$" if known else "$f(w)$")
    curves = [np.asarray(r.value) for r in results]
    signed = not known and either_sign(results, curves)
    bottom, top = signed_limits(curves) if signed else error_limits(curves)
    ends = [_end_on_axes(r, curve, top) for r, curve in zip(results, curves, strict=True)]
    lasted = [end for end, r in zip(ends, results, strict=True) if r.status != "diverged"]
    lasted += [int(told.evals[-1]) for told in guarantees]
    if lasted and min(lasted) < max(ends) / 10:  # else a run that is over at once would be a line on the axis
        ax.set_xscale("symlog", linthresh=10)
    if signed:  # linear around 0, by the size of the start, or of all where that is 0
        linear = max(abs(float(curve[0])) for curve in curves)
        if linear < 1e-100:
            linear = max(linear, 1e-2 * max(abs(bottom), abs(top)))
        ax.set_yscale("symlog", linthresh=linear)
        _symmetric_ticks(ax, linear, max(abs(bottom), abs(top)))
    else:
        ax.set_yscale("log")
    ax.set(ylim=(bottom, top), xlim=(0, max(*ends, 1) * 1.02))
    lines_of_runs = []
    for i, (r, curve) in enumerate(zip(results, curves, strict=True)):
        name = f"{r.label} (function evaluations)" if r.gradient_free else r.label
        drawn = curve if signed else np.where(curve > 0, curve, bottom)
        lines = _draw_curve(ax, i, r, drawn, name)
        if not signed and curve[-1] <= bottom:
            size = 1.6 * mpl.rcParams["lines.markersize"]
            lines += ax.plot(r.cost[-1], bottom, "v", ms=size, color=colour(i), clip_on=False, zorder=5)
        lines_of_runs.append(lines)
    _draw_rates(ax, results, curves, max(ends), bottom)
    for told in guarantees:
        _draw_guarantee(ax, told, results, largest_shown(curves, signed))
    asked = "function" if all(r.gradient_free for r in results) else "gradient"
    ax.set(xlabel=f"{asked} evaluations", ylabel=label)
    whole_ticks(ax)
    draw_grid(ax)
    if not signed and known and bottom < (floor := ROUNDING * max(float(curve[0]) for curve in curves)):
        ax.axhspan(bottom, floor, color=mpl.rcParams["grid.color"], lw=0, zorder=0)
        words: Any = {"size": in_points("ytick.labelsize"), "alpha": 0.7, "ha": "left", "va": "center"}
        ax.annotate(
            "rounding", (0.015, math.sqrt(bottom) * math.sqrt(floor)), xycoords=("axes fraction", "data"), **words
        )
    return lines_of_runs


def draw_accuracy(ax: Axes, results: Sequence[Result]) -> list[list[Line2D]]:
    """The part of the test examples that a network gets right, against gradient evaluations.

    Returns what ``draw_errors`` does.
    """
    ax.set_ylabel(literal(results[0].problem.accuracy_means))
    ax.set(ylim=(0, 1.02), xlim=(0, max(*(r.cost[-1] for r in results), 1) * 1.02), xlabel="gradient evaluations")
    whole_ticks(ax)
    lines_of_runs = []
    for i, r in enumerate(results):
        assert r.accuracy is not None
        lines_of_runs.append(_draw_curve(ax, i, r, r.accuracy, r.label))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    draw_grid(ax)
    return lines_of_runs


def error_limits(curves: Sequence[Any]) -> tuple[float, float]:
    """The ends of the logarithmic axis: 16 decades below the start at most, where rounding begins, and 3 above."""
    start, most = max(float(curve[0]) for curve in curves), largest_shown(curves, signed=False)
    positive = np.concatenate([curve[(curve > 0) & (curve < most)] for curve in curves])
    low = max(float(positive.min()), ROUNDING * start) if positive.size else ROUNDING
    high = max(float(positive.max()), 2 * start) if positive.size else 1.0
    margin = (high / low) ** 0.06
    return low / margin, min(high, 1e290) * margin


def signed_limits(curves: Sequence[Any]) -> tuple[float, float]:
    """The ends of an axis for values of either sign: a million times the start's size away from 0 at most."""
    most = largest_shown(curves, signed=True)
    low = max(min(float(curve.min()) for curve in curves), -most)
    high = min(max(float(curve.max()) for curve in curves), most)
    margin = 0.06 * max(high - low, 1e-3 * abs(high), 1e-300)
    return low - margin, high + margin


def _draw_curve(ax: Axes, i: int, r: Result, drawn: Any, name: str) -> list[Line2D]:
    """One run's curve on axes whose limits and scales are set, with a cross where it diverged; returns what it drew."""
    lines = ax.plot(
        r.cost,
        drawn,
        color=colour(i),
        ls=DASHES[(i + i // 8) % len(DASHES)],
        marker=MARKERS[(i + 3 * (i // 8)) % len(MARKERS)],
        markevery=_marks(r.cost),
        label=literal(name),
    )
    if r.status == "diverged":
        lines += ax.plot(*last_seen(ax, r.cost, drawn), **cross(), clip_on=False)
    return lines


def last_seen(ax: Axes, x: Any, y: Any) -> Any:
    """Where a curve is last seen, (2,): at its end, or where the line to a point beyond crosses the edge."""
    scale = ax.transScale  # in which a line between two points is straight
    corners = scale.transform(np.transpose(frame(ax)))
    with np.errstate(all="ignore"):
        seen = last_in_sight(tuple(corners.T), scale.transform(np.column_stack([x, y])))
    return scale.inverted().transform(seen[-1])


def _end_on_axes(r: Result, curve: Any, top: float) -> float:
    """How far along the axis a run needs room, where no value above ``top`` is seen; somewhat more where it leaves."""
    last = last_on_axes(r, curve, top)
    leaves = r.status == "diverged" and not curve[last] <= top
    return float(r.cost[last]) * (1.3 if leaves else 1)


def last_on_axes(r: Result, values: Any, top: float) -> int:
    """The last record of a curve that is drawn: where a run that diverged leaves the axes, or its end."""
    above = np.flatnonzero(values > top) if r.status == "diverged" else np.array([], dtype=int)
    return int(above[0]) if above.size else len(values) - 1


def _marks(spent: Any) -> list[int]:
    """Eight markers, evenly along the axis and not along the records, which planning makes uneven."""
    return sorted({int(k) for k in np.searchsorted(spent, np.linspace(0, spent[-1], 8)[1:-1])})


def _draw_rates(ax: Axes, results: Sequence[Result], curves: Sequence[Any], most: float, bottom: float) -> None:
    """The rates of the theory, each only where its method runs with the step size that it is for, α = 1/L.

    They are 1 − μ/L of gradient descent and 1 − √(μ/L) of Nesterov's method with the momentum of its theorem
    (Nesterov 2004, theorem 2.2.3).
    """
    problem, start = results[0].problem, float(curves[0][0])
    if not (problem.mu and problem.L and all(curve[0] == start for curve in curves)):
        return
    if problem.stochastic or any(r.noise for r in results):
        return
    fitting = [r for r in results if _has_step(r, 1 / problem.L)]
    descends = any(r.plain for r in fitting)
    accelerates = any(r.method.startswith("nesterov:") and r.method.endswith(",momentum=none") for r in fitting)
    k = np.linspace(0, most, 400)
    ratio = problem.mu / problem.L
    rates = (
        (descends, 1 - ratio, r"rate $1 - \mu/L$ (gradient descent)", (0, (6, 4))),
        (accelerates, 1 - math.sqrt(ratio), r"rate $1 - \sqrt{\mu/L}$ (Nesterov)", (0, (1, 3))),
    )
    thin = 0.7 * mpl.rcParams["lines.linewidth"]
    for _, rate, label, dashes in filter(itemgetter(0), rates):
        line = start * np.power(max(rate, 1e-300), k)
        ax.plot(
            k[line > bottom],
            line[line > bottom],
            color=mpl.rcParams["text.color"],
            alpha=0.6,
            ls=dashes,
            lw=thin,
            label=label,
            zorder=1,
        )


def _draw_guarantee(ax: Axes, told: Beside, results: Sequence[Result], most: float) -> None:
    """The worst case of a run's first steps, a bar per step; the axis makes room for it, up to ``most``."""
    name = f"{told.result.label}: " if len(results) > 1 else ""
    i = next(i for i, r in enumerate(results) if r is told.result)
    ax.plot(
        told.evals,
        told.worst,
        color=colour(i),
        lw=0.5 * mpl.rcParams["lines.linewidth"],
        ls=":",
        marker="_",
        ms=1.8 * mpl.rcParams["lines.markersize"],
        mew=mpl.rcParams["lines.linewidth"],
        label=literal(f"{name}guarantee, the worst of all functions"),
        zorder=2,
    )
    highest = told.worst[told.worst < most]
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, max(top, 2 * float(highest.max())) if highest.size else top)


def _has_step(r: Result, alpha: float) -> bool:
    """Whether every step has this step size, to a fiftieth, by which a rate's line moves no farther than it is wide."""
    sizes = np.empty(0) if r.step_size is None else r.step_size[1:]
    return sizes.size > 0 and bool(np.allclose(sizes, alpha, rtol=0.02, atol=0))


def sizes_known(r: Result) -> bool:
    """Whether a run has step sizes to draw."""
    return r.step_size is not None and bool(np.isfinite(r.step_size).any())


def draw_step_sizes(ax: Axes, results: Sequence[Result]) -> None:
    """The step sizes against gradient evaluations: a line per run, or of a single run one per component.

    Where a run of several has a step size per component, a band goes from the least to the largest, about the median.
    The axis is logarithmic; where some step sizes are negative it is so on both sides of 0, and linear between.
    """
    drawn: list[Any] = []
    for i, r in enumerate(results):
        if not sizes_known(r):
            continue
        assert r.step_size is not None
        sizes = r.step_size[1:].reshape(len(r.f) - 1, -1)
        drawn.append(sizes)
        if len(results) == 1:
            _draw_components(ax, r, sizes)
        elif sizes.shape[1] == 1 or _jumps(sizes[:, 0]):
            for k in range(min(sizes.shape[1], COMPONENTS)):
                _draw_sizes(ax, r, sizes[:, k], i, i, "")
        else:
            known = np.isfinite(sizes).all(axis=1)
            where, some = r.cost[1:][known], sizes[known]
            ax.fill_between(where, some.min(axis=1), some.max(axis=1), color=colour(i), alpha=0.2, lw=0, zorder=1)
            ax.plot(where, np.median(some, axis=1), color=colour(i), ls=DASHES[(i + i // 8) % len(DASHES)])
    _scale_of_sizes(ax, np.concatenate([sizes.ravel() for sizes in drawn]) if drawn else np.empty(0))
    asked = "function" if all(r.gradient_free for r in results) else "gradient"
    ax.set(xlabel=f"{asked} evaluations")
    whole_ticks(ax)
    draw_grid(ax)


def _draw_components(ax: Axes, r: Result, sizes: Any) -> None:
    """The step sizes of a run, a line per component, and how many are left out."""
    shown, names = min(sizes.shape[1], COMPONENTS), r.problem.step_size_names(sizes.shape[1])
    for k in range(shown):
        _draw_sizes(ax, r, sizes[:, k], k, k + 1 if shown > 1 else 0, literal(names[k]))
    if left_out := parts_left_out(r, shown):
        ax.text(0.01, 0.98, left_out, transform=ax.transAxes, va="top", size=in_points("ytick.labelsize"))


def _draw_sizes(ax: Axes, r: Result, sizes: Any, i: int, of: int, name: str) -> None:
    """Step sizes in the colour of a run or a component; dots where they jump at every plan: a line would hide all."""
    few = np.count_nonzero(np.isfinite(sizes)) < 60
    size = mpl.rcParams["lines.markersize"]
    ax.plot(
        r.cost[1:],
        sizes,
        color=colour(of),
        lw=0.7 * mpl.rcParams["lines.linewidth"],
        ls="" if _jumps(sizes) else DASHES[(i + i // 8) % len(DASHES)],
        marker=MARKERS[i % len(MARKERS)] if few else "." if _jumps(sizes) else "",
        ms=0.8 * size if few else 0.3 * size,
        mew=0 if _jumps(sizes) and not few else None,
        alpha=0.5 if _jumps(sizes) and not few else None,
        label=name or "_",
    )


def _symmetric_ticks(ax: Axes, linear: float, most: float) -> None:
    """Ticks at 0 and at a few powers of ten of either sign, none so near to 0 that their numbers would overlap."""
    low, high = math.log10(linear), math.floor(math.log10(most))
    stride = max(1, math.ceil((high - low) / 2.5))
    sizes = [10.0**k for k in range(high, math.ceil(low) - 1, -stride) if k > low or high - low < 1]
    ax.yaxis.set_major_locator(FixedLocator([*(-size for size in sizes), 0.0, *sizes[::-1]]))
    ax.yaxis.set_minor_locator(NullLocator())


def _jumps(sizes: Any) -> bool:
    """Whether step sizes change their sign again and again."""
    return int(np.count_nonzero(np.diff(np.signbit(sizes[np.isfinite(sizes)])))) >= 20


def _scale_of_sizes(ax: Axes, sizes: Any) -> None:
    finite = np.abs(sizes[np.isfinite(sizes) & (sizes != 0)])
    ax.set_ylabel("step size α")
    if (sizes < 0).any():
        ax.axhline(0, color=mpl.rcParams["text.color"], lw=mpl.rcParams["axes.linewidth"])
        threshold = 10.0 ** math.floor(math.log10(np.quantile(finite, 0.1)))
        ax.set_yscale("symlog", linthresh=threshold)
        _symmetric_ticks(ax, threshold, float(finite.max()))
    elif finite.size and finite.max() > 5 * finite.min():
        ax.set_yscale("log")
        if finite.max() > 20 * finite.min():
            ax.yaxis.set_minor_formatter(NullFormatter())
        else:  # the numbers between two powers of ten are needed
            ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
            for set_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
                set_formatter(lambda size, _: tick_name(size))
    else:
        ax.set_ylim(0, 1.25 * float(finite.max()) if finite.size else 1)


def parts_left_out(r: Result, shown: int) -> str:
    """How many step sizes of a run are drawn of how many, as "6 of 20 components"; empty where all are."""
    sizes = 1 if r.step_size is None or r.step_size.ndim == 1 else r.step_size.shape[1]
    return f"{shown} of {sizes:,} {'components' if r.x is not None else 'tensors'}" if shown < sizes else ""


def whole_ticks(ax: Axes, which: Literal["x", "y"] = "x") -> None:
    """Numbers at whole evaluations, iterations or other counts only, where that axis is linear."""
    axis = {"x": ax.xaxis, "y": ax.yaxis}[which]
    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(nbins="auto", steps=(1, 2, 2.5, 5, 10), integer=True, min_n_ticks=1))
        axis.set_major_formatter(lambda count, _: _brief_count(count))


def _brief_count(count: float) -> str:
    """A count beside an axis: 2,500, 200k, 1.5M."""
    if abs(count) < 1e5:
        return f"{count:,.0f}"
    return f"{count / 1e6:g}M" if abs(count) >= 1e6 else f"{count / 1e3:g}k"
