"""A lesson in a lecture room: its picture, to be read from the back row, and how to read its table."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from stepbench.engine.comparison import Comparison
from stepbench.lessons import Lecture, Tunings
from stepbench.options import RunDrawingOptions
from stepbench.report import labels
from stepbench.report.literal import Table
from stepbench.report.numbers import count
from stepbench.report.plots import comparison_figure
from stepbench.report.study_plots import map_figure, sensitivity_figure
from stepbench.report.study_tables import map_notes, sweep_notes
from stepbench.report.styles import DASHES, MARKERS, colour, draw_grid, entitle, lay_out, literal
from stepbench.report.tables import notes


def lecture_notes(lecture: Lecture) -> list[str]:
    """How to read the table of what was run."""
    if isinstance(lecture.shown, Comparison):
        return notes(lecture.shown.results)
    if isinstance(lecture.shown, Tunings):
        cases = lecture.shown.tunings[0].methods[0].cost.size
        return [f"the median of {cases} starts that the tuning did not see; – where most did not get there"]
    if lecture.lesson.kind == "map":
        return map_notes(lecture.shown)
    return sweep_notes(lecture.shown)


def lecture_figure(lecture: Lecture, options: RunDrawingOptions) -> Figure:
    """The picture, under the title of the lesson."""
    if options.title is None:
        options = replace(options, title=lecture.lesson.title)
    if isinstance(lecture.shown, Comparison):
        paths = lecture.lesson.options.get("picture", "paths") == "paths"
        return comparison_figure(lecture.shown.results, (), options, paths=paths)
    if isinstance(lecture.shown, Tunings):
        return tunings_figure(lecture.shown, options.title)
    draw = map_figure if lecture.lesson.kind == "map" else sensitivity_figure
    return draw(lecture.shown, options.title)


def tunings_table(shown: Tunings) -> Table:
    """A row per method: its cost after so many trials."""
    first = shown.tunings[0]
    table = Table(title=f"{first.problem} · error ≤ {first.target:g} · gradients after so many trials each")
    table.add_column("method")
    for n in shown.trials:
        table.add_column(f"{n:,}", justify="right")
    for label, costs in zip(shown.labels, shown.cost, strict=True):
        table.add_row(label, *map(count, costs))
    return table


def tunings_figure(shown: Tunings, title: str | None) -> Figure:
    """What each method costs, tuned in more and more trials."""
    figure = Figure(layout="constrained")
    ax = figure.subplots()
    for k, (label, costs) in enumerate(zip(shown.labels, shown.cost, strict=True)):
        style = {"color": colour(k), "ls": DASHES[k % len(DASHES)], "marker": MARKERS[k % len(MARKERS)]}
        ax.plot(shown.trials, [c if math.isfinite(c) else math.nan for c in costs], label=literal(label), **style)
    ax.set(xscale="log", yscale="log", xlabel="trials of each method", xticks=shown.trials)
    ax.set(xticklabels=[f"{n:,}" for n in shown.trials], ylabel=f"gradients to error ≤ {shown.tunings[0].target:g}")
    ax.set_xlim(shown.trials[0] / 1.2, shown.trials[-1] * 1.2)
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    ax.minorticks_off()
    draw_grid(ax)
    entitle(figure, title or "")
    lay_out(figure)  # which says where words have room
    curves = [np.asarray(line.get_xydata()) for line in ax.lines]
    said = [
        labels.Label(str(line.get_label()), to_hex(line.get_color()), xy[::-1])
        for line, xy in zip(ax.lines, curves, strict=True)
    ]
    labels.place(ax, said, curves)
    return figure
