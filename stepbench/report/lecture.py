"""A lesson in a lecture room: its picture, to be read from the back row, and how to read its table."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from stepbench.engine.comparison import Comparison
from stepbench.lessons import Lecture
from stepbench.options import RunDrawingOptions
from stepbench.report.plots import comparison_figure
from stepbench.report.study_plots import map_figure, sensitivity_figure
from stepbench.report.study_tables import map_notes, sweep_notes
from stepbench.report.tables import notes


def lecture_notes(lecture: Lecture) -> list[str]:
    """How to read the table of what was run."""
    if isinstance(lecture.shown, Comparison):
        return notes(lecture.shown.results)
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
    draw = map_figure if lecture.lesson.kind == "map" else sensitivity_figure
    return draw(lecture.shown, options.title)
