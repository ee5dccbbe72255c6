"""Figures of runs: their paths on f, their errors and their step sizes against evaluations.

Every method has its own colour, marker and dash, so that a figure survives a black-and-white print.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stepbench.contracts import Problem, Window
from stepbench.engine.result import Result
from stepbench.options import Overlay, RunDrawingOptions
from stepbench.report import labels, landscape
from stepbench.report.curves import (
    draw_accuracy,
    draw_errors,
    draw_step_sizes,
    last_seen,
    sizes_known,
)
from stepbench.report.findings import finding
from stepbench.report.landscape import Section, frame
from stepbench.report.paths import heads, inside, last_in_sight, one_step_each, out_of_sight, steps_in_sight, trace
from stepbench.report.styles import (
    MARKERS,
    colour,
    cross,
    draw_grid,
    entitle,
    ground,
    in_points,
    is_wide,
    lay_out,
    literal,
    wrapped,
)

if TYPE_CHECKING:
    from stepbench.guarantees import Beside

Twins: TypeAlias = Sequence[tuple[Result, Result]]
"""Each run whose path cannot be told from that of an earlier one, with that one."""
COINCIDE = 1 / 400
"""Paths that are nowhere farther apart than this part of the window coincide to the eye."""


def comparison_figure(
    results: Sequence[Result],
    guarantees: Sequence[Beside] = (),
    drawing: RunDrawingOptions = RunDrawingOptions(),  # noqa: B008 - it is frozen
    *,
    paths: bool = True,
) -> Figure:
    """One run or several: their paths on one large map of f, their errors and their step sizes.

    f of one variable is drawn as a curve; of more than two, on the plane of the paths' first two principal directions.
    Without ``paths`` there are errors and step sizes only. Where f has no map over a plane, there is no overlay, no
    surface and one picture for all.
    """
    flat = landscape.in_the_plane(results) if paths else []
    line = paths and results[0].x is not None and results[0].x.shape[1] == 1
    names = ["errors"]
    if results[0].accuracy is not None:
        names.append("accuracy")
    if any(sizes_known(r) for r in results):
        names.append("sizes")
    view = landscape.window(flat) if flat else None
    surface = drawing.surface and bool(flat)
    groups = [[r] for r in flat] if drawing.multiples else [flat]
    twins = [] if drawing.multiples else coinciding(flat)
    figure, maps, panels = _arranged(
        names, len(results) if drawing.multiples and flat else int(bool(flat) or line), view, surface
    )
    if flat and view is not None:
        if surface:
            landscape.draw_surface(maps[0], flat, view, [colour(_number(r, results)) for r in flat])
            maps[0].set_title(literal(map_title(flat).replace("level lines", "surface")), loc="left")
        else:
            for ax, of_map in zip(maps, groups, strict=False):
                _draw_map(ax, of_map, results, view, twins, drawing.overlay)
    elif line:
        _draw_on_curve(maps[0], results)
    for name in names[1:]:
        panels[name].sharex(panels["errors"])
    drawn = draw_errors(panels["errors"], results, guarantees)
    if "accuracy" in panels:
        draw_accuracy(panels["accuracy"], results)
    if "sizes" in panels:
        draw_step_sizes(panels["sizes"], results)
    if len(panels) > 1 and (not is_wide() or len(maps) == 1):  # they stand below each other
        for name in names[:-1]:
            panels[name].set_xlabel("")
            panels[name].tick_params(labelbottom=False)
    beside, within = _labels_of_curves(panels["errors"], results, drawn)
    notes = labels.beside_ends(panels["errors"], beside)
    entitle(figure, finding(results) if drawing.title is None else drawing.title)
    lay_out(figure)  # which says how large the axes are, and so where words have room
    labels.spread(panels["errors"], notes)
    labels.place(panels["errors"], within, [line.get_xydata() for line in panels["errors"].lines])
    if "sizes" in panels and len(results) == 1:
        _label_components(panels["sizes"])
    if line:
        _label_paths(maps[0], results, results)
    elif not surface:
        for ax, of_map in zip(maps, groups, strict=False):
            _label_paths(ax, of_map, results, twins)
    return figure


def _number(r: Result, results: Sequence[Result]) -> int:
    """Which of the runs it is, also where its path was projected."""
    return next(i for i, other in enumerate(results) if other.f is r.f)


def _labels_of_curves(
    ax: Axes, results: Sequence[Result], drawn: Sequence[Sequence[Any]]
) -> tuple[list[labels.Label], list[labels.Label]]:
    """The names of the curves: of those that end at the right edge, to stand beside it, and of the others."""
    edge = ax.get_xlim()[1]
    beside, within = [], []
    of_runs = [line for lines in drawn for line in lines]
    for i, (r, (curve, *_)) in enumerate(zip(results, drawn, strict=True)):
        if len(results) == 1:
            continue
        words = str(curve.get_label()) + (" diverges" if r.status == "diverged" else "")
        end = last_seen(ax, *curve.get_data())
        if r.cost[-1] >= 0.97 * edge and end[0] >= 0.97 * edge:
            beside.append(labels.Label(words, colour(i), [end]))
        else:
            points = np.asarray(curve.get_xydata())
            seen = points[inside(frame(ax), points)]
            within.append(labels.Label(words, colour(i), np.concatenate([[end], seen[::-1][: len(seen) // 2]])[:40]))
    for line in ax.lines:
        if line not in of_runs and not str(line.get_label()).startswith("_"):
            points = np.asarray(line.get_xydata())
            seen = points[inside(frame(ax), points)]
            picked = seen[np.linspace(0, len(seen) - 1, min(len(seen), 20)).astype(int)][::-1]
            within.append(labels.Label(str(line.get_label()), str(line.get_color()), picked))
    return beside, within


def _label_components(ax: Axes) -> None:
    """Name the step size of each component, where there are several."""
    lines = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    if len(lines) < 2:
        return
    said = []
    for line in lines:
        points = np.asarray(line.get_xydata())
        seen = points[inside(frame(ax), points)][::-1]
        if len(seen):
            picked = seen[np.linspace(0, len(seen) - 1, min(len(seen), 20)).astype(int)]
            said.append(labels.Label(str(line.get_label()), str(line.get_color()), picked))
    labels.place(ax, said, [line.get_xydata() for line in lines])


def _arranged(names: Sequence[str], maps: int, view: Any, surface: bool) -> tuple[Figure, list[Any], dict[str, Axes]]:
    """An empty figure with its maps and its panels.

    Where it is wide, the panels stand to the right of the map, or beside each other where there is none; where it is
    narrow, as in a column of a paper, all stand below each other.
    """
    width, height = mpl.rcParams["figure.figsize"]
    wide = is_wide()
    shape = 1.0 if view is None else (view[1][1] - view[1][0]) / (view[0][1] - view[0][0])
    across = 1 if maps <= 1 else min(maps, 4 if wide else 2)
    down = -(-maps // across) if maps else 0
    if wide and maps <= 1:
        ratio = min(max(1 / shape, 1.0), 1.7)
        of_map = width * (ratio / (ratio + 1) - 0.07) * shape + 7 * in_points("font.size") / 72
        tall = min(height, max(of_map, 0.44 * width)) if maps else 0.62 * height + 0.2
        figure = Figure(figsize=(width, tall), layout="constrained")
        if maps:
            grid = figure.add_gridspec(len(names), 2, width_ratios=(ratio, 1))
            drawn = [figure.add_subplot(grid[:, 0], **({"projection": "3d"} if surface else {}))]
            axes = [figure.add_subplot(grid[k, 1]) for k in range(len(names))]
        else:
            drawn, axes = [], [*figure.subplots(1, len(names), squeeze=False)[0]]
    else:
        of_map = down * (0.95 * width / across) * min(max(shape, 0.5), 1.25) + 0.35 * down
        of_panel = 0.38 * width + 0.1 if not wide else 0.55 * height
        rows = 1 if wide else len(names)
        figure = Figure(figsize=(width, of_map + of_panel * rows + 0.3), layout="constrained")
        grid = figure.add_gridspec(down + rows, 1, height_ratios=[*[of_map / max(down, 1)] * down, *[of_panel] * rows])
        drawn = []
        for k in range(down):
            row = grid[k, 0].subgridspec(1, across)
            kind: Any = {"projection": "3d"} if surface else {}
            drawn += [figure.add_subplot(row[0, j], **kind) for j in range(across) if k * across + j < maps]
        if wide:
            row = grid[down, 0].subgridspec(1, len(names))
            axes = [figure.add_subplot(row[0, k]) for k in range(len(names))]
        else:
            axes = [figure.add_subplot(grid[down + k, 0]) for k in range(rows)]
    points = in_points("font.size") / 72
    figure.get_layout_engine().set(w_pad=0.6 * points, h_pad=0.5 * points, wspace=0.02, hspace=0.02)  # type: ignore[union-attr, call-arg]
    return figure, drawn, dict(zip(names, axes, strict=True))


# The map -------------------------------------------------------------------------------------------------------------


def _draw_map(
    ax: Axes, flat: Sequence[Result], results: Sequence[Result], view: Window, twins: Twins, overlay: Overlay | None
) -> None:
    """The map of f with paths, under a line that says what is seen; of the results, one may have a map of its own."""
    landscape.draw_contours(ax, flat[0].problem, view, side_of(flat[0].problem))
    said = ""
    if overlay is not None:
        said = landscape.draw_overlay(ax, overlay, flat, [results[_number(r, results)] for r in flat])
    for r in flat:
        draw_trace(ax, r, _number(r, results), dashed=any(r is twin for twin, _ in twins))
    tell_outside(ax, flat)
    if len(flat) < len(results):  # a map of its own
        ax.set_title(literal(flat[0].label + f"\n{said}" * bool(said)), loc="left")
    else:
        ax.set_title(literal(map_title(flat, twins, said)), loc="left")


def side_of(problem: Problem) -> int:
    """Points along a side of the grid of a map: fewer where f has more parameters, and takes longer."""
    return landscape.SIDE if not isinstance(problem, Section) else 160


def map_title(flat: Sequence[Result], twins: Twins = (), overlay: str = "") -> str:
    """What the map is of: level lines of f, on which plane; which paths coincide; what is drawn over it."""
    problem = flat[0].problem
    height = "f" if problem.f_star is None else "f − f*"
    if isinstance(problem, Section):
        plane = f"the plane of the first two principal directions of the path{'s' * (len(flat) > 1)}"
        said = [f"{problem.whole}: {height} on {plane}, {problem.share:.1%} of squared distances"]
    else:
        said = [f"{problem}: level lines of {height}"]
    said += [f"{r.label} lies on the path of {other.label}" for r, other in twins]
    said += [overlay] if overlay else []
    room = mpl.rcParams["figure.figsize"][0] * (0.5 if is_wide() else 0.8)
    return "\n".join(line for words in said for line in wrapped(words, room, in_points("axes.titlesize")))


def coinciding(flat: Sequence[Result]) -> list[tuple[Result, Result]]:
    """Each run whose path cannot be told from that of an earlier one, with that one.

    Both paths, between their steps too, are within ``COINCIDE`` of each other all along.
    """
    if len(flat) < 2:
        return []
    view = landscape.window(flat)
    low, high = np.transpose(view)
    lines = []
    for r in flat:
        path = (trace(view, r)[:, :2].reshape(-1, 2) - low) / (high - low)
        path = path[np.isfinite(path).all(axis=1)]
        lines.append(_evenly(path, 240) if len(path) > 1 else np.empty((0, 2)))
    found: list[tuple[Result, Result]] = []
    for i in range(1, len(flat)):
        for j in range(i):
            if len(lines[i]) and len(lines[j]) and _near(lines[i], lines[j]) and _near(lines[j], lines[i]):
                found.append((flat[i], flat[j]))
                break
    return found


def _evenly(path: Any, n: int) -> Any:
    """n points along a path, (n, 2), as far from one to the next all along."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    places = np.linspace(0, along[-1], n)
    return np.stack([np.interp(places, along, path[:, k]) for k in range(2)], axis=1)


def _near(points: Any, line: Any) -> bool:
    """Whether each of the points lies by the line."""
    a, b = line[:-1], line[1:]
    step = b - a
    square = np.maximum((step**2).sum(axis=1), 1e-300)
    share = (((points[:, None] - a) * step).sum(axis=2) / square).clip(0, 1)
    gaps = np.hypot(*np.moveaxis(points[:, None] - (a + share[..., None] * step), 2, 0))
    return bool((gaps.min(axis=1) < COINCIDE).all())


def draw_trace(ax: Axes, r: Result, i: int, *, dashed: bool = False) -> None:
    """The path of a run with the number i: a dot per step, an arrow where a step planned ahead, a mark at its end.

    One that lies on another's is dashed and has no dots, so that both are seen.
    """
    view = frame(ax)
    own, width, size = colour(i), mpl.rcParams["lines.linewidth"], mpl.rcParams["lines.markersize"]
    steps, path = trace(view, r), np.where(inside(view, r.x)[:, None], r.x, math.nan)
    ink = mpl.rcParams["text.color"]
    ax.plot(*r.x[0], "o", ms=1.6 * size, color=ground(), mec=ink, mew=0.8 * width, zorder=6, ls="", label="start")
    planned = np.diff(r.evals, prepend=0) > 1 if r.plans else np.zeros(len(steps), dtype=bool)
    plain = np.where(planned[:, None, None], math.nan, steps)
    ax.plot(*plain.reshape(-1, 2).T, color=own, lw=0.75 * width, ls=(0, (5, 5)) if dashed else "-", zorder=3)
    if planned.any():
        _draw_plans(ax, steps[planned], own)
    every = len(path) <= 400 or not one_step_each(r.iteration).all()
    dots = path if every else path[np.unique(np.geomspace(1, len(path), 400).astype(int) - 1)]
    if not dashed:
        ax.plot(*dots.T, ".", ms=0.75 * size, color=own, zorder=4, ls="", label="step")
    last = heads(view, r)[-1]
    end: Any = {"zorder": 5, "ls": "", "clip_on": False}
    if r.status == "diverged":
        ax.plot(*last, **cross(), clip_on=False, label="diverged, leaving here")
    elif not inside(view, r.x[-1]):
        ax.plot(*last, ">", ms=1.4 * size, color=own, label="leaves the window", **end)
    else:
        ax.plot(*last, MARKERS[i % len(MARKERS)], ms=1.3 * size, color=own, mec=ground(), label="end", **end)


def _draw_plans(ax: Axes, jumps: Any, own: str) -> None:
    """Each step that planned ahead, cut at the window, as a thin arrow; too short for a head, as a line."""
    first, last, point = np.moveaxis(jumps, 1, 0)
    low, high = np.transpose(frame(ax))
    ends_here = np.isfinite(point).all(axis=1)  # the others leave the window, and end elsewhere
    with np.errstate(all="ignore"):
        long = ends_here & (np.hypot(*((last - first) / (high - low)).T) > 0.025)
    thin = 0.6 * mpl.rcParams["lines.linewidth"]
    short = np.where(long[:, None, None], math.nan, jumps)
    ax.plot(*short.reshape(-1, 2).T, color=own, lw=thin, zorder=3)
    if long.any():
        size = 1.6 * mpl.rcParams["lines.linewidth"] / (72 * ax.figure.get_figwidth())  # type: ignore[union-attr]
        look: Any = {"headwidth": 5, "headlength": 6, "headaxislength": 5.5, "minlength": 0}
        ax.quiver(
            *first[long].T,
            *(last - first)[long].T,
            angles="xy",
            scale_units="xy",
            scale=1,
            units="width",
            width=0.45 * size,
            color=own,
            zorder=5,
            label="planning jump",
            **look,
        )


def _draw_on_curve(ax: Axes, results: Sequence[Result]) -> None:
    """f of one variable, and on it every point of every run."""
    landscape.draw_curve_of_f(ax, results)
    view = frame(ax)
    width, size = mpl.rcParams["lines.linewidth"], mpl.rcParams["lines.markersize"]
    for i, r in enumerate(results):
        on = np.column_stack([r.x[:, 0], r.f])
        ax.plot(
            *steps_in_sight(view, on, one_step_each(r.iteration)).reshape(-1, 2).T,
            color=colour(i),
            lw=0.6 * width,
            zorder=3,
        )
        ax.plot(*on.T, MARKERS[i % len(MARKERS)], ms=0.8 * size, color=colour(i), ls="", zorder=4, label="step")
        last = last_in_sight(view, on, one_step_each(r.iteration))[-1]
        if r.status == "diverged":
            ax.plot(*last, **cross(), clip_on=False)
    ink = mpl.rcParams["text.color"]
    ax.plot(
        results[0].x[0, 0], results[0].f[0], "o", ms=1.6 * size, color=ground(), mec=ink, zorder=6, ls="", label="start"
    )
    draw_grid(ax)
    ax.set_title(literal(f"{results[0].problem}: f, and every point of the runs on it"), loc="left")


def _label_paths(ax: Axes, flat: Sequence[Result], results: Sequence[Result], twins: Twins = ()) -> None:
    """Name the start, the minimum, and every path where it has most room."""
    view = frame(ax)
    said: list[labels.Label] = []
    ink = mpl.rcParams["text.color"]
    drawn = [line.get_xydata() for line in ax.lines if line.get_transform() == ax.transData]
    hidden = {id(r) for r, _ in twins}
    named = len(results) > 1
    for mark, words in (("start", "start"), ("minimum", "minimum")):
        marks = [line for line in ax.lines if line.get_label() == mark]
        places = np.unique(np.concatenate([line.get_xydata() for line in marks]), axis=0) if marks else np.empty((0, 2))
        if len(places) == 1:
            said.append(labels.Label(words, ink, places))
            drawn.append(places + np.array([[0.0, 0.0]]))
    for r in flat if named else ():
        if id(r) in hidden:
            continue
        path = r.x if r.x.shape[1] == 2 else np.column_stack([r.x[:, 0], r.f])
        seen = path[inside(view, path)]
        if not len(seen):
            continue
        places = _evenly(seen, 40)[::-1] if len(seen) > 1 else seen
        others = [line.get_xydata() for line in ax.lines if line.get_color() != colour(_number(r, results))]
        said.append(labels.Label(literal(r.label), colour(_number(r, results)), places, others))
    labels.place(ax, said, drawn)


def tell_outside(ax: Axes, results: Sequence[Result]) -> None:
    """Say in a corner of the axes how many points of these runs lie outside, where any do."""
    if lines := out_of_sight(frame(ax), results):
        look: Any = {"boxstyle": "square,pad=0.2", "fc": ground(), "ec": "none", "alpha": 0.8}
        words = literal("\n".join(lines))
        size = in_points("xtick.labelsize")
        ax.text(0.01, 0.01, words, transform=ax.transAxes, va="bottom", size=size, bbox=look, zorder=8)
