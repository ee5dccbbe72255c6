"""A lesson in a lecture room: its picture, to be read from the back row, and how to read its table."""

from __future__ import annotations

from matplotlib.figure import Figure

from stepbench.engine.comparison import Comparison
from stepbench.lessons import Lecture
from stepbench.report.plots import comparison_figure, literal, step_size_figure
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


def lecture_figure(lecture: Lecture) -> Figure:
    """The picture, under the title of the lesson."""
    if isinstance(lecture.shown, Comparison):
        if lecture.lesson.options.get("picture", "paths") == "paths":
            figure = comparison_figure(lecture.shown.results)
        else:
            figure = step_size_figure(lecture.shown.results)
    elif lecture.lesson.kind == "map":
        figure = map_figure(lecture.shown)
    else:
        figure = sensitivity_figure(lecture.shown)
    figure.suptitle(literal(lecture.lesson.title), fontsize=14, weight="bold")
    width, height = figure.get_size_inches()
    figure.set_size_inches(0.8 * width, 0.9 * height)  # a smaller figure, so that its letters are larger on the wall
    return figure
