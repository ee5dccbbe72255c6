"""A lesson in a lecture room: its picture, to be seen from the back row, and how to read its table."""

from __future__ import annotations

from matplotlib.figure import Figure

from stepbench.engine.comparison import Comparison
from stepbench.lessons import Lecture
from stepbench.report.plots import comparison_figure, step_size_figure
from stepbench.report.study_plots import map_figure, sensitivity_figure
from stepbench.report.study_tables import map_notes, sweep_notes
from stepbench.report.tables import notes


def lecture_notes(lecture: Lecture) -> list[str]:
    """How to read the table of what was run."""
    if isinstance(lecture.shown, Comparison):
        return notes(lecture.shown.results)
    return map_notes(lecture.shown) if lecture.lesson.kind == "map" else sweep_notes(lecture.shown)


def lecture_figure(lecture: Lecture) -> Figure:
    """The picture, under the title of the lesson."""
    if isinstance(lecture.shown, Comparison):
        paths = lecture.lesson.options.get("picture", "paths") == "paths"
        figure = (comparison_figure if paths else step_size_figure)(lecture.shown.results)
    else:
        figure = (map_figure if lecture.lesson.kind == "map" else sensitivity_figure)(lecture.shown)
    figure.suptitle(lecture.lesson.title.replace("$", r"\$"), fontsize=14, weight="bold")
    width, height = figure.get_size_inches()
    figure.set_size_inches(0.8 * width, 0.9 * height)  # and so larger letters
    return figure
