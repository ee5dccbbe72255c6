"""Figures of studies: sensitivity curves, heat maps, tuned methods, and every kind of profile."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm, to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from stepbench.fields import InputError
from stepbench.report import findings, labels
from stepbench.report.curves import whole_ticks
from stepbench.report.landscape import draw_level_lines
from stepbench.report.numbers import counted, value_name
from stepbench.report.study_tables import decades_name
from stepbench.report.styles import (
    DASHES,
    MARKERS,
    colour,
    draw_grid,
    entitle,
    in_points,
    is_wide,
    lay_out,
    legend_outside,
    literal,
)

if TYPE_CHECKING:
    from stepbench.options import ProfileKind
    from stepbench.study.grid import Axis
    from stepbench.study.profile import Profile
    from stepbench.study.sweep import Sensitivity, Sweep
    from stepbench.study.tune import Tuning

LOST, SLOW = "#C8102E", "#D9D9D9"
"""Diverged, and not there within the budget."""
COSTS = "viridis_r"
HATCHES = ("", "..", "//", "--", "||", "\\\\", "oo", "++")
PATTERN, LOST_HATCH = "#00000060", "xx"
"""What tells the basins apart where colours do not, and crosses for what was lost."""
BASINS = ("Blues", "Oranges", "Greens", "Purples", "YlOrBr", "BuGn", "RdPu", "Greys")
"""The colour maps of costs: one for all, or one per basin."""


def sensitivity_figure(sweep: Sweep, title: str | None = None) -> Figure:
    """What the target costs against the first axis; below, a strip per line: usable, reached, too slow, diverged."""
    lines, axis, known = sweep.sensitivities(), sweep.axes[0], sweep.target is not None
    width, letter = mpl.rcParams["figure.figsize"][0], in_points("font.size") / 72
    strip, panel = letter * (1.9 * len(lines) + 3), (0.36 if is_wide() else 0.6) * width
    around = 5 * letter if is_wide() else 12 * letter  # where title and legend have more lines
    figure = Figure(figsize=(width, panel + strip + around), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[panel, strip])
    places, edges = _places(axis)
    for k, line in enumerate(lines):
        _draw_sensitivity(top, k, line, places, edges, shade=len(lines) == 1, known=known)
    _set_ticks(bottom, "x", axis, places)
    shown = np.concatenate([line.cost if known else line.left for line in lines])
    if (shown[np.isfinite(shown)] > 0).all():
        top.set_yscale("log")
    if sweep.target is not None:
        top.set_ylabel(f"evaluations to error ≤ {sweep.target:g}")
        if not np.isfinite(shown).any():  # there is no curve, and the line of the budget gives no scale
            top.set_ylim(sweep.budget / 10, sweep.budget * 10)
        top.axhline(sweep.budget, color="#999999", lw=mpl.rcParams["axes.linewidth"], ls=":")
        words: Any = {"ha": "right", "va": "bottom", "size": in_points("ytick.labelsize")}
        top.annotate("budget", (1, sweep.budget), xycoords=("axes fraction", "data"), **words)
    else:
        top.set_ylabel("f at the end")
    draw_grid(top)
    top.set_xlim(edges[0], edges[-1])
    _draw_strips(bottom, lines, edges)
    bottom.set_xlabel(_axis_name(axis))
    meanings = [(SLOW, 1.0, "to the end of the budget")]
    if known:
        meanings = [
            (colour(0), 1.0, "usable: at most twice the best cost"),
            (colour(0), 0.35, "reached"),
            (SLOW, 1.0, "not reached"),
        ]
    legend_outside(figure, 4, handles=_patches(*meanings, (LOST, 1.0, "diverged")))
    entitle(figure, findings.of_sweep(sweep) if title is None else title)
    lay_out(figure)  # which says how large the axes are, and so where words have room
    if len(lines) > 1:
        curves = [line for line in top.lines if line.get_label() in [literal(line.label) for line in lines]]
        said = [labels.Label(str(line.get_label()), to_hex(line.get_color()), _lowest_first(line)) for line in curves]
        labels.place(top, said, [line.get_xydata() for line in curves])
    return figure


def _lowest_first(line: Line2D) -> Any:
    """The points of a curve that are there, (n, 2), from the lowest up."""
    points = np.asarray(line.get_xydata())
    points = points[np.isfinite(points).all(axis=1)]
    return points[np.argsort(points[:, 1], kind="stable")]


def _places(axis: Axis) -> tuple[Any, Any]:
    """Where the values stand on the axis, and the edges of the cells around them."""
    if not axis.numeric:
        places = np.arange(len(axis.values), dtype=float)
        return places, np.arange(len(axis.values) + 1) - 0.5
    places = np.array(axis.values, dtype=float)
    spread = np.log(places) if axis.log else places
    half = (spread[-1] - spread[0]) / max(len(spread) - 1, 1) / 2 or 0.5
    edges = np.concatenate([[spread[0] - half], (spread[1:] + spread[:-1]) / 2, [spread[-1] + half]])
    return places, np.exp(edges) if axis.log else edges


def _set_ticks(ax: Axes, which: Literal["x", "y"], axis: Axis, places: Any) -> None:
    """The scale of one axis of a panel and its numbers, whole where the values are; or the values that are words."""
    if axis.numeric and axis.log:
        ax.set(**{f"{which}scale": "log"})
    elif axis.whole:
        whole_ticks(ax, which)
    elif not axis.numeric:
        ax.set(**{f"{which}ticks": places, f"{which}ticklabels": [literal(value_name(value)) for value in axis.values]})


def _draw_sensitivity(
    ax: Axes, k: int, line: Sensitivity, places: Any, edges: Any, *, shade: bool, known: bool
) -> None:
    own = colour(k)
    values = line.cost if known else np.where(line.diverged > 0.5, math.nan, line.left)
    shown = np.where(np.isfinite(values), values, math.nan)
    ax.plot(
        places,
        shown,
        color=own,
        ls=DASHES[k % len(DASHES)],
        marker=MARKERS[k % len(MARKERS)],
        ms=0.8 * mpl.rcParams["lines.markersize"],
        label=literal(line.label),
    )
    if known and np.isfinite(line.least).any() and not np.array_equal(line.least, line.most):
        most = np.where(np.isfinite(line.most), line.most, np.nanmax(shown, initial=1.0))
        ax.fill_between(places, line.least, most, where=np.isfinite(line.least), color=own, alpha=0.15, lw=0)
    if shade:
        for left, right, lost in zip(edges[:-1], edges[1:], line.diverged, strict=True):
            if lost:
                ax.axvspan(left, right, color=LOST, alpha=0.15 * lost, lw=0)


def _draw_strips(ax: Axes, lines: Sequence[Sensitivity], edges: Any) -> None:
    """A row per line, a cell per value: within twice the best cost, reached, not reached, diverged."""
    for k, line in enumerate(lines):
        first, last = line.usable or (0, -1)
        for i, (left, right) in enumerate(itertools.pairwise(edges)):
            shade, alpha = SLOW, 1.0
            if line.diverged[i] > 0.5:
                shade = LOST
            elif np.isfinite(line.cost[i]):
                shade = colour(k)
                alpha = 1.0 if first <= i <= last else 0.35
            ax.fill_between([left, right], k - 0.4, k + 0.4, color=shade, alpha=alpha, lw=0)
        if line.decades is not None:
            ax.text(
                1.01,
                k,
                f"{decades_name(line)} decades",
                transform=ax.get_yaxis_transform(),
                va="center",
                size=in_points("ytick.labelsize"),
            )
    ax.set_yticks(range(len(lines)), [labels.in_lines(literal(line.label)) for line in lines])
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.tick_params(length=0)


def _patches(*meanings: tuple[str, float, str]) -> list[Patch]:
    """Entries of a legend: a colour, its opacity and what it means."""
    return [Patch(color=colour, alpha=alpha, label=words, lw=0) for colour, alpha, words in meanings]


def map_figure(sweep: Sweep, title: str | None = None) -> Figure:
    """Two axes as a heat map, a panel per method: what the target cost, and where it was not reached or diverged.

    Where the axes are the two components of the start, each minimiser's basin has a colour and a pattern of its own,
    darker where it took longer.
    """
    if len(sweep.axes) != 2:
        raise InputError(f"a map has two axes, and this sweep has {len(sweep.axes)}")
    if sweep.target is None:
        raise InputError(f"{sweep.problem} does not know its minimum, so that a map has no cost to show")
    n = len(sweep.labels)
    width, wide = mpl.rcParams["figure.figsize"][0], is_wide()
    columns = min(n, 3 if wide else 2)
    rows = -(-n // columns)
    basins = all(axis.kind == "start" for axis in sweep.axes)
    side = 0.86 * width / (columns if columns > 1 else 1.7 if wide else 1)
    figure = Figure(figsize=(width, side * rows + 8 * in_points("font.size") / 72), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    cost = sweep.cost
    finite = cost[np.isfinite(cost)]
    low, high = np.quantile(finite, (0.01, 0.99)) if finite.size else (1, 10)  # a few lucky starts take no colour
    norm = LogNorm(max(low, 1), max(high, 2 * low, 2))
    for ax in panels.flat[n:]:
        ax.set_axis_off()
    for m, ax in enumerate(panels.flat[:n]):
        _draw_map(ax, sweep, m, norm, basins=basins)
        ax.set_title(literal(sweep.labels[m]))
    for ax in panels[-1]:
        ax.set_xlabel(_axis_name(sweep.axes[0]))
    for ax in panels[:, 0]:
        ax.set_ylabel(_axis_name(sweep.axes[1]))
    if finite.size:  # else no colour stands for a cost
        scale = ScalarMappable(norm, "Greys" if basins and _minimisers(sweep) > 1 else COSTS)
        figure.colorbar(scale, ax=panels, label=f"evaluations to error ≤ {sweep.target:g}", shrink=0.8)
    failed = (sweep.ends.status == "failed").any()
    [slow] = _patches((SLOW, 1.0, f"not reached in {sweep.budget:,}"))
    lost = Patch(
        facecolor=LOST, edgecolor=PATTERN, hatch=LOST_HATCH, lw=0, label="diverged or failed" if failed else "diverged"
    )
    figure.legend(
        handles=[slow, lost],
        loc="outside lower center",
        ncols=3,
    )
    entitle(figure, findings.of_map(sweep) if title is None else title)
    return figure


def _axis_name(axis: Axis) -> str:
    return f"start $w_{{{axis.component + 1}}}$" if axis.kind == "start" else axis.name


def _minimisers(sweep: Sweep) -> int:
    star = sweep.problem.x_star
    return 0 if star is None else np.size(star) // len(star)


def _draw_map(ax: Axes, sweep: Sweep, m: int, norm: LogNorm, *, basins: bool) -> None:
    horizontal, vertical = sweep.axes
    columns, column_edges = _places(horizontal)
    rows, row_edges = _places(vertical)
    cost = sweep.cost[m].T
    several = basins and _minimisers(sweep) > 1
    colours = np.empty((*cost.shape, 4))
    colours[:] = to_rgba(SLOW)
    colours[sweep.ends.lost[m].T] = to_rgba(LOST)
    reached = np.isfinite(cost)
    which = np.zeros(cost.shape, dtype=int)
    if several:
        stars = np.reshape(np.array(sweep.problem.x_star), (sweep.problem.x0.size, -1))
        distances = np.linalg.norm(sweep.ends.point[m].transpose(1, 0, 2)[..., None] - stars, axis=2)
        which = distances.argmin(axis=-1)
    for k in np.unique(which[reached]):
        basin = reached & (which == k)
        shade = colormaps[BASINS[k % len(BASINS)] if several else COSTS]
        colours[basin] = shade(np.clip(norm(cost[basin]), 0, 1))
    ax.pcolormesh(column_edges, row_edges, colours, rasterized=True)
    for k in np.unique(which[reached]) if several else ():
        _hatch(ax, column_edges, row_edges, reached & (which == k), HATCHES[k % len(HATCHES)])
    _hatch(ax, column_edges, row_edges, sweep.ends.lost[m].T, LOST_HATCH)
    _set_ticks(ax, "x", horizontal, columns)
    _set_ticks(ax, "y", vertical, rows)
    window = (column_edges[0], column_edges[-1]), (row_edges[0], row_edges[-1])
    if basins and sweep.problem.x0.size == 2:
        draw_level_lines(ax, sweep.problem, window)
    ax.set(xlim=window[0], ylim=window[1])


def _hatch(ax: Axes, column_edges: Any, row_edges: Any, cells: Any, hatch: str) -> None:
    """Draw a pattern over some cells of a map, which people with any colour vision tell apart."""
    rows, columns = np.nonzero(cells)
    if not (rows.size and hatch):
        return
    left, right = column_edges[columns], column_edges[columns + 1]
    bottom, top = row_edges[rows], row_edges[rows + 1]
    corners = np.moveaxis(np.array([[left, bottom], [right, bottom], [right, top], [left, top]]), 2, 0)
    ax.add_collection(PolyCollection([*corners], hatch=hatch, facecolor="none", edgecolor=PATTERN, lw=0))


def tuning_figure(tuning: Tuning, title: str | None = None) -> Figure:
    """What the best setting of each method took in every case, with the median and its interval."""
    ranked = tuning.ranked
    letter, size = in_points("font.size") / 72, mpl.rcParams["lines.markersize"]
    figure = Figure(
        figsize=(mpl.rcParams["figure.figsize"][0], letter * (10 + 3.6 * len(ranked))), layout="constrained"
    )
    ax = figure.subplots()
    known = tuning.target is not None
    for k, tuned in enumerate(ranked):
        own = colour(k)
        values = tuned.cost if known else tuned.left
        reached = values[np.isfinite(values)]
        ax.plot(reached, np.full(reached.size, k), "o", ms=1.2 * size, color=own, alpha=0.4, mew=0)
        missed = values.size - reached.size
        if missed and known:
            ax.plot(np.full(missed, tuning.budget), np.full(missed, k), ">", ms=1.6 * size, color=own, alpha=0.4)
        if not math.isnan(tuned.interval[0]):
            ax.plot(tuned.interval, [k, k], color=own, lw=size, alpha=0.5, solid_capstyle="butt")
        if np.isfinite(np.median(values)):
            ax.plot(np.median(values), k, "|", ms=4 * size, mew=0.5 * size, color=own)
    ax.set_yticks(range(len(ranked)), [labels.in_lines(literal(tuned.label)) for tuned in ranked])
    ax.set_ylim(len(ranked) - 0.4, -0.6)
    if known:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda cost, _: f"{cost:,.0f}")
        ax.xaxis.set_minor_formatter(NullFormatter())
        if max(costs := [c for t in ranked for c in (*t.cost, tuning.budget) if math.isfinite(c)]) < 10 * min(costs):
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 5, 7)))
    ax.set_xlabel(f"evaluations to error ≤ {tuning.target:g}" if known else "f at the end")
    draw_grid(ax, "x")
    handles: list[Any] = [
        Line2D([], [], marker="o", ls="", color="grey", alpha=0.5, label="a case"),
        Line2D([], [], marker="|", ls="", ms=14, mew=2.5, color="grey", label="median"),
        Line2D([], [], lw=5, color="grey", alpha=0.5, label="its 95 % interval"),
        Line2D([], [], marker=">", ls="", color="grey", alpha=0.5, label="not reached, or lost"),
    ]
    legend_outside(figure, 4, handles=handles)
    trials = max(tuned.trials for tuned in ranked)
    ax.set_title(literal(f"{tuning.problem}: the best of at most {trials} trials, on cases not tuned on"), loc="left")
    entitle(figure, findings.of_tuning(tuning) if title is None else title)
    return figure


def profile_figure(profile: Profile, title: str | None = None) -> Figure:
    """The profiles of the kind that was chosen, or data and performance profiles side by side: a row per tolerance.

    Where a figure is narrow, each kind has its whole width.
    """
    drawn = profile.drawn
    rows = 1 if profile.kind in ("quality", "runtime") else len(profile.tolerances)
    lines = sum(labels.in_lines(label).count("\n") + 1 for label in profile.labels)
    letter, wide = in_points("font.size") / 72, is_wide()
    width = mpl.rcParams["figure.figsize"][0] * (1 if wide and len(drawn) > 1 else 0.7 if wide else len(drawn))
    height = max(0.42 * width / len(drawn), 1.25 * letter * lines)
    figure = Figure(figsize=(width, (height + letter) * rows + 7 * letter), layout="constrained")
    panels = figure.subplots(rows, len(drawn), squeeze=False, sharex="col", sharey=profile.kind != "log-ratio")
    for row, of_row in enumerate(panels):
        for kind, ax in zip(drawn, of_row, strict=True):
            if kind == "log-ratio":
                _draw_log_ratio(ax, profile, row)
            else:
                _draw_steps(ax, profile, kind, row)
        of_row[0].set_ylabel(_height_name(profile, row))
    for kind, bottom in zip(drawn, panels[-1], strict=True):
        bottom.set_xlabel(_width_name(profile, kind))
    several = len(profile.instances)
    problems = counted(len(profile.problems) if several == 1 else profile.instances.shape[1], "problem")
    seeds = f", {several} seeds" if several > 1 else ""
    of = f"{problems}{seeds}, budget {profile.budget:,}"
    for kind, ax in zip(drawn, panels[0], strict=True):
        ax.set_title(f"{kind} profiles" if ax is not panels[0][0] else f"{kind} profiles: {of}", loc="left")
    entitle(figure, findings.of_profile(profile) if title is None else title)
    notes = [(ax, _label_ends(ax)) for of_row in panels for ax in of_row]
    lay_out(figure)  # which says how large the axes are, and so where words have room
    for ax, of_ax in notes:
        labels.spread(ax, of_ax)
    return figure


def _height_name(profile: Profile, row: int) -> str:
    """What the vertical axis of a row of profiles shows."""
    match profile.kind:
        case "quality":
            return "part of problems as accurate"
        case "runtime":
            return "part of problems and targets"
        case "log-ratio":
            return f"cost ratio to {profile.tolerances[row]:g}"
    return f"part solved to {profile.tolerances[row]:g}"


def _width_name(profile: Profile, kind: ProfileKind) -> str:
    """What the horizontal axis of profiles of a kind shows."""
    match kind:
        case "performance":
            return "cost / least cost of all methods"
        case "quality":
            return r"$(f - f^*)\ /\ (f(w_0) - f^*)$ at the end"
        case "log-ratio":
            return "problems (hatched: one alone solves)"
    return "evaluations: ∇f, or d + 1 of f" if profile.gradient_free else "gradient evaluations"


def _draw_steps(ax: Axes, profile: Profile, kind: ProfileKind, panel: int) -> None:
    """The step functions of every method, each with its name at the end, and the band over the seeds."""
    steps = profile.steps(kind)
    heights = steps.heights(steps.limits)[panel]
    for m in profile.ranking:  # whose colours are those of the methods in every kind
        look: Any = {"color": colour(m), "label": literal(profile.labels[m])}
        ax.step(
            steps.limits,
            heights[:, m],
            where="post",
            ls=DASHES[(m + m // 8) % len(DASHES)],
            lw=0.8 * mpl.rcParams["lines.linewidth"],
            **look,
        )
    if len(profile.instances) > 1 and kind != "runtime":  # whose runtimes are drawn from the seeds
        lows, highs = steps.band(steps.limits)[:, panel]
        for m, (low, high) in enumerate(zip(lows.T, highs.T, strict=True)):
            ax.fill_between(steps.limits, low, high, step="post", color=colour(m), alpha=0.15, lw=0)
    if steps.high > profile.budget and kind == "runtime":
        ax.axvline(profile.budget, color="#999999", lw=0.8, ls=":", zorder=0)
        at_budget: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
        ax.annotate(
            "budget",
            (profile.budget, 0),
            (-2, 3),
            ha="right",
            size=in_points("ytick.labelsize"),
            color="#777777",
            **at_budget,
        )
    ax.set_xscale("log")
    first, last = (steps.high, steps.low) if kind == "quality" else (steps.low, steps.high)
    ax.set(xlim=(first, last), ylim=(-0.02, 1.02))
    draw_grid(ax)


def _label_ends(ax: Axes) -> list[Any]:
    """Write the name of every curve beside its end at the right edge."""
    edge = ax.get_xlim()[1]
    said = []
    for line in ax.lines:
        if line.get_drawstyle() == "steps-post":
            end = float(np.asarray(line.get_ydata())[line.get_xdata() == edge][0])
            said.append(labels.Label(str(line.get_label()), to_hex(line.get_color()), [(edge, end)]))
    return labels.beside_ends(ax, said)


def _draw_log_ratio(ax: Axes, profile: Profile, panel: int) -> None:
    """A bar per problem, in order; those of problems that one method alone solves are hatched."""
    found = profile.log_ratio[panel]
    ratios = np.sort(found[~np.isnan(found)])
    solved = np.isfinite(profile.medians[panel])
    both = found[solved.all(axis=1)]
    most = 1.1 * (float(np.abs(both).max(initial=0.0)) or 1.0)
    alone = np.abs(ratios) > most / 1.05
    places = np.arange(1, len(ratios) + 1)
    for k, side in enumerate((ratios < 0, ratios > 0)):
        for which, hatch, alpha in ((side & ~alone, "", 1.0), (side & alone, "////", 0.55)):
            ax.bar(places[which], ratios[which], 0.8, color=colour(k), lw=0, hatch=hatch, alpha=alpha)
    ax.axhline(0, color=mpl.rcParams["text.color"], lw=mpl.rcParams["axes.linewidth"])
    first, second = (labels.in_lines(literal(label)) for label in profile.labels)
    words: Any = {"transform": ax.transAxes, "size": in_points("legend.fontsize"), "va": "center"}
    ax.text(1.04, 0.8, f"{second}\ncheaper on {(ratios > 0).sum()}", color=colour(1), **words)
    ax.text(1.04, 0.5, f"neither solves {np.isnan(found).sum()}", color="#777777", **words)
    ax.text(1.04, 0.2, f"{first}\ncheaper on {(ratios < 0).sum()}", color=colour(0), **words)
    ax.set(xlim=(0.3, len(found) + 0.7), ylim=(-1.12 * most, 1.12 * most))
    whole_ticks(ax)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.yaxis.set_major_formatter(lambda power, _: f"{2.0 ** abs(power):g}×")
    draw_grid(ax, "y")
    ax.set_axisbelow(True)
