"""Figures of studies: sensitivity curves, heat maps, performance and data profiles."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stepbench.fields import InputError
from stepbench.report.numbers import counted, value_name
from stepbench.report.plots import (
    COLOURS,
    DASHES,
    MARKERS,
    draw_grid,
    draw_level_lines,
    legend_outside,
    literal,
    whole_ticks,
)
from stepbench.report.study_tables import decades_name
from stepbench.study.profile import solved_within

if TYPE_CHECKING:
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


def sensitivity_figure(sweep: Sweep) -> Figure:
    """What the target costs against the first axis; below, a strip per line: usable, reached, too slow, diverged."""
    lines, axis, known = sweep.sensitivities(), sweep.axes[0], sweep.target is not None
    strip = 0.26 * len(lines) + 0.9
    figure = Figure(figsize=(10, 4.6 + strip), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4.6, strip])
    places, edges = _places(axis)
    for k, line in enumerate(lines):
        _draw_sensitivity(top, k, line, places, edges, shade=len(lines) == 1, known=known)
    _set_ticks(bottom, "x", axis, places)
    shown = np.concatenate([line.cost if known else line.left for line in lines])
    if (shown[np.isfinite(shown)] > 0).all():
        top.set_yscale("log")
    if sweep.target is not None:
        top.set_ylabel(f"evaluations to error ≤ {sweep.target:g}")
        top.axhline(sweep.budget, color="#999999", lw=0.8, ls=":")
        top.annotate("budget", (1, sweep.budget), xycoords=("axes fraction", "data"), ha="right", va="bottom", size=8)
    else:
        top.set_ylabel("f at the end")
    draw_grid(top)
    top.set_xlim(edges[0], edges[-1])
    if len(lines) > 1:
        top.legend(fontsize=9, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=4)
    _draw_strips(bottom, lines, edges)
    bottom.set_xlabel(_axis_name(axis))
    meanings = [(SLOW, 1.0, "to the end of the budget")]
    if known:
        meanings = [
            (COLOURS[0], 1.0, "usable: at most twice the best cost"),
            (COLOURS[0], 0.35, "reached"),
            (SLOW, 1.0, "not reached"),
        ]
    handles = _patches(*meanings, (LOST, 1.0, "diverged"))
    legend_outside(figure, 4, 9, handles=handles)
    figure.suptitle(literal(sweep.problem), fontsize=12)
    return figure


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
    colour = COLOURS[k % len(COLOURS)]
    values = line.cost if known else np.where(line.diverged > 0.5, math.nan, line.left)
    shown = np.where(np.isfinite(values), values, math.nan)
    ax.plot(
        places,
        shown,
        color=colour,
        lw=1.8,
        ls=DASHES[k % len(DASHES)],
        marker=MARKERS[k % len(MARKERS)],
        ms=4,
        label=literal(line.label),
    )
    if known and np.isfinite(line.least).any() and not np.array_equal(line.least, line.most):
        most = np.where(np.isfinite(line.most), line.most, np.nanmax(shown, initial=1.0))
        ax.fill_between(places, line.least, most, where=np.isfinite(line.least), color=colour, alpha=0.15, lw=0)
    if shade:
        for left, right, lost in zip(edges[:-1], edges[1:], line.diverged, strict=True):
            if lost:
                ax.axvspan(left, right, color=LOST, alpha=0.15 * lost, lw=0)


def _draw_strips(ax: Axes, lines: Sequence[Sensitivity], edges: Any) -> None:
    """A row per line, a cell per value: within twice the best cost, reached, not reached, diverged."""
    for k, line in enumerate(lines):
        first, last = line.usable or (0, -1)
        for i, (left, right) in enumerate(itertools.pairwise(edges)):
            colour, alpha = SLOW, 1.0
            if line.diverged[i] > 0.5:
                colour = LOST
            elif np.isfinite(line.cost[i]):
                colour = COLOURS[k % len(COLOURS)]
                alpha = 1.0 if first <= i <= last else 0.35
            ax.fill_between([left, right], k - 0.4, k + 0.4, color=colour, alpha=alpha, lw=0)
        if line.decades is not None:
            ax.text(
                1.01,
                k,
                f"usable: {decades_name(line)} decades",
                transform=ax.get_yaxis_transform(),
                va="center",
                size=8,
            )
    ax.set_yticks(range(len(lines)), [literal(line.label) for line in lines], fontsize=8)
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.tick_params(length=0)


def _patches(*meanings: tuple[str, float, str]) -> list[Patch]:
    """Entries of a legend: a colour, its opacity and what it means."""
    return [Patch(color=colour, alpha=alpha, label=words, lw=0) for colour, alpha, words in meanings]


def map_figure(sweep: Sweep) -> Figure:
    """Two axes as a heat map, a panel per method: what the target cost, and where it was not reached or diverged.

    Where the axes are the two components of the start, each minimiser's basin has a colour and a pattern of its own,
    darker where it took longer.
    """
    if len(sweep.axes) != 2:
        raise InputError(f"a map has two axes, and this sweep has {len(sweep.axes)}")
    if sweep.target is None:
        raise InputError(f"{sweep.problem} does not know its minimum, so that a map has no cost to show")
    n = len(sweep.labels)
    columns = min(n, 3)
    rows = -(-n // columns)
    basins = all(axis.kind == "start" for axis in sweep.axes)
    figure = Figure(figsize=(1.2 + 4.6 * columns, 4.4 * rows + 0.7), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    cost = sweep.cost
    finite = cost[np.isfinite(cost)]
    low, high = np.quantile(finite, (0.01, 0.99)) if finite.size else (1, 10)  # a few lucky starts take no colour
    norm = LogNorm(max(low, 1), max(high, 2 * low, 2))
    for ax in panels.flat[n:]:
        ax.set_axis_off()
    for m, ax in enumerate(panels.flat[:n]):
        _draw_map(ax, sweep, m, norm, basins=basins)
        ax.set_title(literal(sweep.labels[m]), fontsize=10)
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
        frameon=False,
        fontsize=9,
    )
    figure.suptitle(literal(sweep.problem), fontsize=12)
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


def tuning_figure(tuning: Tuning) -> Figure:
    """What the best setting of each method took in every case, with the median and its interval."""
    ranked = tuning.ranked
    figure = Figure(figsize=(9, 1.6 + 0.55 * len(ranked)), layout="constrained")
    ax = figure.subplots()
    known = tuning.target is not None
    for k, tuned in enumerate(ranked):
        colour = COLOURS[k % len(COLOURS)]
        values = tuned.cost if known else tuned.left
        reached = values[np.isfinite(values)]
        ax.plot(reached, np.full(reached.size, k), "o", ms=6, color=colour, alpha=0.4, mew=0)
        missed = values.size - reached.size
        if missed and known:
            ax.plot(np.full(missed, tuning.budget), np.full(missed, k), ">", ms=8, color=colour, alpha=0.4)
        if not math.isnan(tuned.interval[0]):
            ax.plot(tuned.interval, [k, k], color=colour, lw=5, alpha=0.5, solid_capstyle="butt")
        if np.isfinite(np.median(values)):
            ax.plot(np.median(values), k, "|", ms=20, mew=2.5, color=colour)
    ax.set_yticks(range(len(ranked)), [literal(tuned.label) for tuned in ranked])
    ax.set_ylim(len(ranked) - 0.4, -0.6)
    if known:
        ax.set_xscale("log")
    ax.set_xlabel(f"evaluations to error ≤ {tuning.target:g}" if known else "f at the end")
    ax.grid(axis="x", color="#dddddd", lw=0.6)
    handles: list[Any] = [
        Line2D([], [], marker="o", ls="", color="grey", alpha=0.5, label="a case"),
        Line2D([], [], marker="|", ls="", ms=14, mew=2.5, color="grey", label="median"),
        Line2D([], [], lw=5, color="grey", alpha=0.5, label="its 95 % interval"),
        Line2D([], [], marker=">", ls="", color="grey", alpha=0.5, label="not reached, or lost"),
    ]
    legend_outside(figure, 4, 9, handles=handles)
    trials = max(tuned.trials for tuned in ranked)
    title = f"{tuning.problem}: best of at most {trials} trials, on cases not tuned on"
    figure.suptitle(literal(title), fontsize=11)
    return figure


def profile_figure(profile: Profile) -> Figure:
    """Performance and data profiles, a row per tolerance."""
    rows = len(profile.tolerances)
    figure = Figure(figsize=(11, 2.7 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, 2, squeeze=False, sharex="col", sharey=True)
    most = max(float(profile.costs[np.isfinite(profile.costs)].max(initial=2.0)), 2.0)
    for t, (performance, data) in enumerate(panels):
        _draw_profile(performance, profile, profile.ratios[t], profile.span)
        _draw_profile(data, profile, profile.costs[t], most)
        performance.set_ylabel(f"part solved to {profile.tolerances[t]:g}")
    panels[0, 0].set_title("performance profile", fontsize=10)
    panels[0, 1].set_title("data profile", fontsize=10)
    panels[-1, 0].set_xlabel("cost, as a multiple of the cheapest method's")
    panels[-1, 1].set_xlabel("gradient evaluations")
    handles, _ = panels[0, 0].get_legend_handles_labels()
    legend_outside(figure, 4, 9, handles=handles)
    figure.suptitle(f"{counted(len(profile.problems), 'problem')}, {profile.budget:,} evaluations", fontsize=11)
    return figure


def _draw_profile(ax: Axes, profile: Profile, amounts: Any, most: float) -> None:
    limits = np.unique(np.concatenate([[1.0, most], amounts[np.isfinite(amounts)]]))
    limits = limits[limits <= most]
    heights = solved_within(amounts, limits)
    for k, m in enumerate(profile.ranking):
        ax.step(
            limits,
            heights[:, m],
            where="post",
            color=COLOURS[k % len(COLOURS)],
            ls=DASHES[k % len(DASHES)],
            lw=1.8,
            label=literal(profile.labels[m]),
        )
    ax.set_xscale("log")
    ax.set(xlim=(1, most), ylim=(-0.02, 1.02))
    draw_grid(ax)
