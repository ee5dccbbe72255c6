"""Figures of results: contour traces, errors against evaluations, step sizes against iterations.

The colours are those of Okabe & Ito, which people with any kind of colour vision tell apart; every method also has
its own marker and dash, so that a figure survives a black-and-white print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, LogNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter, SymmetricalLogLocator

from stepbench.contracts import Problem, Window
from stepbench.engine.result import Result
from stepbench.report.paths import heads, inside, last_in_sight, one_step_each, out_of_sight, trace

if TYPE_CHECKING:
    from stepbench.guarantees import Beside

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2)), (0, (2, 1)), "-", "--")
MARKERS = "os^Dv<>P"
READABLE = 20
"""How many times as far as they are from each other the starts and the minima may be from the edge of a window."""
DIVERGED: Any = {"marker": "X", "ms": 11, "color": "#D00000", "mec": "white", "ls": "", "zorder": 7}


def run_figure(result: Result, guarantees: Sequence[Beside] = ()) -> Figure:
    """One run: its trace on the contours where there are two parameters, its errors, its step sizes."""
    panels = ["f"]
    if result.distance is not None:
        panels.append("distance")
    if result.accuracy is not None:
        panels.append("accuracy")
    if result.step_size is not None:
        panels.append("alpha")
    traced = drawable(result)
    figure = Figure(figsize=(11.5, 8.2) if traced else (11.5, 4.2), layout="constrained")
    # Six columns serve two or three panels alike.
    row = [name for name in panels for _ in range(6 // len(panels))]
    above = ["trace"] * 6
    mosaic: Any = [above, above, row] if traced else [row]
    axes = figure.subplot_mosaic(mosaic)
    if traced:
        draw_contours(axes["trace"], result.problem, window([result]))
        draw_trace(axes["trace"], result, COLOURS[1])
        _legend_beside(axes["trace"])
    draw_errors(axes["f"], [result], "error", guarantees)
    if "distance" in axes:
        draw_errors(axes["distance"], [result], "distance")
    if "accuracy" in axes:
        draw_accuracy(axes["accuracy"], [result])
    if "alpha" in axes:
        draw_step_sizes(axes["alpha"], result)
    figure.suptitle(literal(f"{result.label} on {result.problem}\n{outcome_line(result)}"), fontsize=11)
    return figure


def comparison_figure(results: Sequence[Result], guarantees: Sequence[Beside] = ()) -> Figure:
    """Several methods: their traces side by side, and one convergence figure for all."""
    drawn = [r for r in results if drawable(r)]
    columns = min(len(drawn), 4)
    rows = -(-len(drawn) // columns) if drawn else 0
    figure = Figure(figsize=(13, 3.1 * rows + 4.4), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[3.1 * rows, 4.4]) if drawn else [figure]
    if drawn:
        view = window(drawn)
        axes = halves[0].subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax in axes.flat[len(drawn) :]:
            ax.set_axis_off()
        for ax, r in zip(axes.flat, drawn, strict=False):
            draw_contours(ax, r.problem, view)
            draw_trace(ax, r, COLOURS[results.index(r) % len(COLOURS)])
            ax.set_title(literal(f"{r.label}\n{outcome_line(r)}"), fontsize=8.5)
        for k, ax in enumerate(axes.flat[: len(drawn)]):  # numbers on the outer axes only
            ax.tick_params(labelbottom=k + columns >= len(drawn))
            ax.set_xlabel("$w_1$" if k + columns >= len(drawn) else "")
            ax.set_ylabel("$w_2$" if k % columns == 0 else "")
        halves[0].legend(**once(axes.flat), loc="outside upper center", ncols=6, frameon=False, fontsize=8)
    second = results[0].distance is not None or results[0].accuracy is not None
    panels = halves[-1].subplots(1, 2 if second else 1, squeeze=False)[0]
    draw_errors(panels[0], results, "error", guarantees)
    if results[0].accuracy is not None:
        draw_accuracy(panels[1], results)
    elif second:
        draw_errors(panels[1], results, "distance")
    legend = once(panels)
    for ax in panels:
        _remove_legend(ax)
    legend_outside(halves[-1], 4, 9, **legend)
    figure.suptitle(literal(results[0].problem), fontsize=12)
    return figure


def step_size_figure(results: Sequence[Result]) -> Figure:
    """Several methods: the step sizes of each that changes them, side by side, and one convergence figure for all."""
    moving = [r for r in results if r.step_size is not None and np.nanmax(r.step_size) > np.nanmin(r.step_size)]
    columns = min(len(moving), 3)
    rows = -(-len(moving) // columns) if moving else 0
    figure = Figure(figsize=(13, 3.4 * rows + 4.4), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=[3.4 * rows, 4.4]) if moving else [figure]
    if moving:
        axes = halves[0].subplots(rows, columns, squeeze=False)
        for ax in axes.flat[len(moving) :]:
            ax.set_axis_off()
        for k, (ax, r) in enumerate(zip(axes.flat, moving, strict=False)):
            draw_step_sizes(ax, r)
            ax.set_title(literal(f"{r.label}\n{outcome_line(r)}"), fontsize=9)
            if k % columns:
                ax.set_ylabel("")
            if ax.get_legend():
                ax.legend(fontsize=8, frameon=False, loc="lower right")
    ax = halves[-1].subplots()
    draw_errors(ax, results, "error")
    _remove_legend(ax)
    legend_outside(halves[-1], 4, 9, **once([ax]))
    figure.suptitle(literal(results[0].problem), fontsize=12)
    return figure


def _remove_legend(ax: Axes) -> None:
    if (legend := ax.get_legend()) is not None:
        legend.remove()


def once(axes: Iterable[Axes]) -> dict[str, Any]:
    """What the legends of several axes say, each once."""
    entries = {h.get_label(): h for ax in axes for h in ax.get_legend_handles_labels()[0]}
    return {"handles": list(entries.values())}


def literal(text: object) -> str:
    """A text that others wrote, as the name of a file, for matplotlib to draw as it stands: $ begins no formula."""
    return str(text).replace("$", r"\$")


def outcome_line(result: Result) -> str:
    """The end of a run, short enough for a title."""
    value, name = result.value[-1], "f" if result.error is None else "error"
    if result.problem.f_means:
        value, name = result.f[-1], result.problem.f_means
    line = f"{result.status} · {name} {value:.2g} · {result.evals[-1]:,} ∇f"
    if result.fevals[-1]:
        line += f" and {result.fevals[-1]:,} f"
    if result.noise:
        line += f" · noise {result.noise:g}"
    return line


def drawable(result: Result) -> bool:
    """Whether the run can be drawn on contours: it has two parameters."""
    return result.x is not None and bool(result.x.shape[1] == 2)


def window(results: Sequence[Result]) -> Window:
    """What to draw of the plane: the problem's window, or where it has none, or a run starts outside, one of the paths.

    It holds the starts, the minima (the best point of each path where they are unknown), and of the paths all that is
    not so far away that these would be too close together to be told apart. A path that explodes makes no window: only
    those count whose curve stays on the axis of the errors; where none does, what is left of each until it leaves.
    """
    problem: Problem = results[0].problem
    starts = np.stack([r.x[0] for r in results])
    if problem.view is not None and inside(problem.view, starts).all():
        return problem.view
    curves = [r.value for r in results]
    most = largest_shown(curves, either_sign(results, curves))
    left = [np.logical_or.accumulate(~(np.abs(curve) <= most)) for curve in curves]
    ended = [(r, r.x) for r, gone in zip(results, left, strict=True) if not gone.any() and r.status != "diverged"]
    kept = ended or [(r, r.x[~gone]) for r, gone in zip(results, left, strict=True)]
    if problem.x_star is None:
        ends = np.stack([path[np.argmin(r.f[: len(path)])] for r, path in kept])
    else:
        ends = np.reshape(problem.x_star, (2, -1)).T
    core, points = np.concatenate([starts, ends]), np.concatenate([path for _, path in kept])
    away = np.abs(points - (core.min(axis=0) + core.max(axis=0)) / 2).max(axis=1)
    size = float(np.ptp(core, axis=0).max()) or float(away[away > 0][:1].sum())  # or the length of the first step
    points = np.concatenate([core, points[away <= READABLE * size]])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.15 * max(float((high - low).max()), 1e-3) + 0.05 * float(np.abs(points[0]).max())
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    return (left, right), (bottom, top)


def draw_contours(ax: Axes, problem: Problem, window: Window) -> None:
    """The level lines of f over the window.

    They are evenly spaced in the logarithm of f above its minimum; where that is unknown, so that an equal part of
    the window lies between any two.
    """
    (left, right), (bottom, top) = window
    horizontal, vertical, values, levels, norm = contour_levels(problem, window)
    if levels.size > 1:  # else f is the same everywhere
        ax.contourf(horizontal, vertical, values, levels=levels, norm=norm, cmap="Greys", alpha=0.28)
        ax.contour(horizontal, vertical, values, levels=levels, colors="#7f8fa6", linewidths=0.5, linestyles="solid")
    _draw_minimisers(ax, problem)
    ax.set_aspect("equal")  # so that the gradient stands square on the level lines
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="$w_1$", ylabel="$w_2$")


def draw_level_lines(ax: Axes, problem: Problem, window: Window) -> None:
    """The level lines alone, thin, over another picture of the window."""
    horizontal, vertical, values, levels, _ = contour_levels(problem, window)
    if levels.size > 1:
        ax.contour(horizontal, vertical, values, levels=levels[::2], colors="black", linewidths=0.4, alpha=0.35)
    _draw_minimisers(ax, problem)


def _draw_minimisers(ax: Axes, problem: Problem) -> None:
    if problem.x_star is not None:
        ax.plot(*problem.x_star, "*", ms=16, color="#F0E442", mec="black", zorder=6, ls="", label="minimum")


def contour_levels(problem: Problem, window: Window) -> tuple[Any, Any, Any, Any, Normalize]:
    """A grid over the window, f on it, the levels to draw and their colours."""
    (left, right), (bottom, top) = window
    horizontal, vertical = np.linspace(left, right, 300), np.linspace(bottom, top, 300)
    points = np.stack(np.meshgrid(horizontal, vertical)).reshape(2, -1)
    with np.errstate(all="ignore"):
        values: Any = np.ma.masked_invalid(problem.f(points).reshape(300, 300))
    norm: Normalize
    if problem.f_star is None:
        levels = np.unique(np.quantile(values.compressed(), np.linspace(0, 1, 18)))
        norm = BoundaryNorm(levels, 256) if levels.size > 1 else Normalize()
    else:
        values = values - problem.f_star
        # From the lowest 0.02 % of the window's points up: lower still, there is only a dot around the minimum.
        above = values[values > 0].compressed()
        low, high = (np.quantile(above, 0.0002), above.max()) if above.size else (1.0, 1.0)
        levels = np.unique(np.geomspace(low, high, 16))
        values, norm = np.maximum(values, low), LogNorm(low, high)
    return horizontal, vertical, values, levels, norm


def draw_trace(ax: Axes, r: Result, colour: str) -> None:
    """The path of a run: a dot per step, a heavier stroke where a step planned ahead, a cross where it diverged."""
    view = frame(ax)
    steps, path = trace(view, r), np.where(inside(view, r.x)[:, None], r.x, math.nan)
    ax.plot(*r.x[0], "o", ms=8, color="white", mec="black", mew=1.5, zorder=6, ls="", label="start")
    ax.plot(*steps.reshape(-1, 2).T, color=colour, lw=0.9, alpha=0.9, zorder=3)
    every = len(path) <= 400 or not one_step_each(r.iteration).all()
    dots = path if every else path[np.unique(np.geomspace(1, len(path), 400).astype(int) - 1)]
    ax.plot(*dots.T, ".", ms=3, color=colour, zorder=4, ls="", label="step")
    if r.plans:
        jumps = steps[np.diff(r.evals, prepend=0) > 1].copy()
        jumps[:, 2] = math.nan
        ax.plot(*jumps.reshape(-1, 2).T, color="black", lw=1.7, zorder=5, label="planning jump", dashes=(2.5, 1))
    last = heads(view, r)[-1]
    end: Any = {"ms": 7, "mew": 2, "zorder": 7, "ls": ""}
    if r.status == "diverged":
        ax.plot(*last, **DIVERGED, clip_on=False, label="diverged, leaving here")
    elif not inside(view, r.x[-1]):
        ax.plot(*last, ">", color=colour, clip_on=False, label="leaves the window", **end)
    else:
        ax.plot(*last, "x", color="black", label="end", **end)
    tell_outside(ax, [r])


def tell_outside(ax: Axes, results: Sequence[Result]) -> None:
    """Say in a corner of the axes how many points of these runs lie outside, where any do."""
    if lines := out_of_sight(frame(ax), results):
        box = {"boxstyle": "square,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.8}
        ax.text(
            0.01, 0.01, literal("\n".join(lines)), transform=ax.transAxes, va="bottom", fontsize=8, bbox=box, zorder=8
        )


def frame(ax: Axes) -> Window:
    """The window that the axes show."""
    return ax.get_xlim(), ax.get_ylim()


def draw_errors(
    ax: Axes, results: Sequence[Result], measure: str, guarantees: Sequence[Beside] = ()
) -> list[list[Line2D]]:
    """The ``measure`` "error", f − f*, or "distance", ‖w − w*‖, against gradient evaluations, on a logarithmic axis.

    Where f* is unknown, f itself stands in for the error, and the axis says so. Where a run reaches exactly 0, which
    has no place on a logarithmic axis, its curve falls to a triangle on the axis. A method that asks for no gradients
    is drawn against its function evaluations. Where the problem declares μ and L, the rates of gradient descent and of
    Nesterov's method are drawn from the common start, beside runs of theirs with the step size 1/L. The worst cases of
    ``guarantees`` are drawn in the colours of their runs.

    Returns what belongs to each run: its curve, and the marks of its end.
    """
    known = results[0].error is not None or measure == "distance"
    field = measure if known else "f"
    labels = {"error": "$f(w) - f^*$", "distance": r"$\|w - w^*\|$", "f": "$f(w)$"}
    label = literal(results[0].problem.f_means) or labels[field]
    curves = [np.asarray(getattr(r, field)) for r in results]
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
    else:
        ax.set_yscale("log")
    ax.set(ylim=(bottom, top), xlim=(0, max(*ends, 1) * 1.02))
    lines_of_runs = []
    for i, (r, curve) in enumerate(zip(results, curves, strict=True)):
        name = f"{r.label} (function evaluations)" if r.gradient_free else r.label
        drawn = curve if signed else np.where(curve > 0, curve, bottom)
        lines = _draw_curve(ax, i, r, drawn, name if len(results) > 1 else "")
        if not signed and curve[-1] <= 0:
            colour = COLOURS[i % len(COLOURS)]
            lines += ax.plot(r.cost[-1], bottom, "v", ms=10, color=colour, clip_on=False, zorder=5)
        lines_of_runs.append(lines)
    _draw_rates(ax, results, curves, max(ends), bottom, of_distance=measure == "distance")
    for told in guarantees:
        _draw_guarantee(ax, told, results, largest_shown(curves, signed))
    asked = "function" if all(r.gradient_free for r in results) else "gradient"
    ax.set(xlabel=f"{asked} evaluations", ylabel=label)
    whole_ticks(ax)
    draw_grid(ax)
    if not signed and any(curve[-1] <= 0 for curve in curves):
        ax.plot([], [], "v", color="grey", ls="", label="0 in double precision")
    if any(r.status == "diverged" for r in results):
        ax.plot([], [], **DIVERGED, label="diverged")
    if ax.get_legend_handles_labels()[0]:
        _legend_below(ax)
    return lines_of_runs


def draw_grid(ax: Axes) -> None:
    """Thin grey lines at the ticks."""
    ax.grid(color="#dddddd", lw=0.6)


def _legend_below(ax: Axes, ncols: int = 1) -> None:
    ax.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=ncols)


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
        lines_of_runs.append(_draw_curve(ax, i, r, r.accuracy, r.label if len(results) > 1 else ""))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    draw_grid(ax)
    if len(results) > 1:
        _legend_below(ax)
    return lines_of_runs


def either_sign(results: Sequence[Result], curves: Sequence[Any]) -> bool:
    """Whether the axis must have room for values of either sign: nothing says that f stays above 0."""
    return results[0].error is None and any((curve <= 0).any() for curve in curves)


def largest_shown(curves: Sequence[Any], signed: bool) -> float:
    """The largest size that the axis has room for.

    It is a thousand times the start's, and a million times where values have either sign.
    """
    start = max(abs(float(curve[0])) for curve in curves)
    return (1e6 if signed else 1e3) * start if start > 1e-100 else math.inf


def error_limits(curves: Sequence[Any]) -> tuple[float, float]:
    """The ends of the logarithmic axis: 32 decades below the start at most, and 3 above."""
    start, most = max(float(curve[0]) for curve in curves), largest_shown(curves, signed=False)
    positive = np.concatenate([curve[(curve > 0) & (curve < most)] for curve in curves])
    low = max(float(positive.min()), 1e-32 * start) if positive.size else 1e-16
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
        color=COLOURS[i % len(COLOURS)],
        lw=1.8,
        ls=DASHES[(i + i // 8) % len(DASHES)],
        marker=MARKERS[(i + 3 * (i // 8)) % len(MARKERS)],
        ms=4.5,
        markevery=_marks(r.cost),
        label=literal(name),
    )
    if r.status == "diverged":
        lines += ax.plot(*_last_on_axes(ax, r.cost, drawn), **DIVERGED, clip_on=False)
    return lines


def _last_on_axes(ax: Axes, x: Any, y: Any) -> Any:
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


def _draw_rates(
    ax: Axes, results: Sequence[Result], curves: Sequence[Any], most: float, bottom: float, of_distance: bool
) -> None:
    """The rates of the theory, each only where its method runs with the step size that it is for, α = 1/L.

    They are 1 − μ/L of gradient descent and 1 − √(μ/L) of Nesterov's method with the momentum of its theorem. The
    latter is of f, so that the distance falls by its root (Nesterov 2004, theorem 2.2.3).
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
    nesterov = r"(1 - \sqrt{\mu/L})^{1/2}" if of_distance else r"1 - \sqrt{\mu/L}"
    accelerated = (1 - math.sqrt(ratio)) ** (0.5 if of_distance else 1)
    rates = (
        (descends, 1 - ratio, r"rate $1 - \mu/L$ (gradient descent)", (0, (6, 4))),
        (accelerates, accelerated, f"rate ${nesterov}$ (Nesterov)", (0, (1, 3))),
    )
    for _, rate, label, dashes in filter(itemgetter(0), rates):
        line = start * np.power(max(rate, 1e-300), k)
        ax.plot(k[line > bottom], line[line > bottom], color="#555555", lw=1.3, ls=dashes, label=label, zorder=1)


def _draw_guarantee(ax: Axes, told: Beside, results: Sequence[Result], most: float) -> None:
    """The worst case of a run's first steps, a bar per step; the axis makes room for it, up to ``most``."""
    name = f"{told.result.label}: " if len(results) > 1 else ""
    i = next(i for i, r in enumerate(results) if r is told.result)
    ax.plot(
        told.evals,
        told.worst,
        color=COLOURS[i % len(COLOURS)],
        lw=0.8,
        ls=":",
        marker="_",
        ms=9,
        mew=1.8,
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


def draw_step_sizes(ax: Axes, r: Result) -> None:
    """The step size against the iteration, a line per component where there is one for each; negative ones too.

    The axis is logarithmic; where some step sizes are negative it is so on both sides of 0, and linear between.
    """
    assert r.step_size is not None
    sizes = r.step_size[1:]
    sizes = sizes[:, None] if sizes.ndim == 1 else sizes
    iterations = r.iteration[1:]
    shown, names = min(sizes.shape[1], 6), r.problem.step_size_names(sizes.shape[1])
    few = np.count_nonzero(np.isfinite(sizes[:, 0])) < 60
    # A step size that jumps at every plan is a cloud: drawn as a line, one component's would hide another's.
    steady = np.count_nonzero(np.diff(np.signbit(sizes[:, 0]))) < 20
    cloud = "" if steady else "."
    for i in range(shown):
        ax.plot(
            iterations,
            sizes[:, i],
            color=COLOURS[i],
            lw=1.2,
            ls=DASHES[i] if steady else "",
            marker=MARKERS[i] if few else cloud,
            ms=4 if few else 1.5,
            label=literal(names[i]),
        )
    finite = np.abs(sizes[np.isfinite(sizes) & (sizes != 0)])
    if (sizes < 0).any():
        ax.axhline(0, color="black", lw=0.8)
        threshold = 10.0 ** math.floor(math.log10(np.quantile(finite, 0.1)))
        ax.set_yscale("symlog", linthresh=threshold)
        decades = math.log10(finite.max() / threshold) + 1
        ax.yaxis.set_major_locator(SymmetricalLogLocator(base=10.0 ** math.ceil(decades / 4), linthresh=threshold))
        ax.set_ylabel("step size α (negative below the line)")
    elif finite.size and finite.max() > 5 * finite.min():
        ax.set_yscale("log")
        ax.set_ylabel("step size α")
    else:
        ax.set_ylabel("step size α")
        ax.set_ylim(0, 1.25 * float(finite.max()) if finite.size else 1)
    ax.set_xlabel("iteration")
    whole_ticks(ax)
    draw_grid(ax)
    if left_out := parts_left_out(r, shown):
        ax.text(0.01, 0.98, left_out, transform=ax.transAxes, va="top", fontsize=8)
    if shown > 1:
        _legend_below(ax, ncols=3)


def parts_left_out(r: Result, shown: int) -> str:
    """How many step sizes of a run are drawn of how many, as "6 of 20 components"; empty where all are."""
    sizes = 1 if r.step_size is None or r.step_size.ndim == 1 else r.step_size.shape[1]
    return f"{shown} of {sizes:,} {'components' if r.x is not None else 'tensors'}" if shown < sizes else ""


def whole_ticks(ax: Axes, which: Literal["x", "y"] = "x") -> None:
    """Numbers at whole evaluations, iterations or other counts only, where that axis is linear."""
    axis = {"x": ax.xaxis, "y": ax.yaxis}[which]
    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def legend_outside(figure: Figure | SubFigure, most: int, fontsize: float | None = None, **entries: Any) -> None:
    """A legend below a figure, with as many columns as fit its width, and at most so many."""
    pen: Any = FigureCanvasAgg(figure.figure)
    for columns in range(most, 0, -1):
        legend = figure.legend(**entries, loc="outside lower center", ncols=columns, frameon=False, fontsize=fontsize)
        if columns == 1 or legend.get_window_extent(pen.get_renderer()).width < 0.97 * figure.bbox.width:
            return
        legend.remove()


def save(figure: Figure, path: Path | IO[bytes], **options: Any) -> None:
    """Write a figure to a file, in which letters stay letters: TrueType fonts in PDF, and text as text in SVG."""
    with rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure.savefig(path, **options)


def _legend_beside(ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    unique: dict[str, Line2D] = dict(zip(labels, handles, strict=True))  # type: ignore[arg-type]
    ax.legend(unique.values(), unique.keys(), loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
