"""How each object that shows itself is shown, by the name of its class: what is behind ``stepbench.showing``.

Only the module that draws or tells is imported, and only when it is asked for: a table needs no matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from stepbench.options import RunDrawingOptions


def table(thing: Any, width: int | None = None) -> Table:
    """The table of an object, at most so many characters wide; None for the usual width."""
    wide = {} if width is None else {"width": width}
    match type(thing).__name__:
        case "Result":
            from stepbench.report.tables import convergence

            return convergence(thing.alone(), **wide)
        case "Comparison":
            from stepbench.report.tables import comparison

            return comparison(thing.results, **wide)
        case "Autopsy":
            from stepbench.report.anatomy import tried_table

            return tried_table(thing)
        case "Lecture" if thing.lesson.kind == "map":
            from stepbench.report.study_tables import map_table

            return map_table(thing.shown, **wide)
        case "Lecture" if thing.lesson.kind == "tune":
            from stepbench.report.lecture import tunings_table

            return tunings_table(thing.shown)
        case "Lecture":
            return table(thing.shown, width)
    from stepbench.report import study_tables

    tables: dict[str, Callable[..., Table]] = {
        "Sweep": study_tables.sensitivity_table,
        "Tuning": study_tables.tuning_table,
        "Profile": study_tables.profile_table,
    }
    return tables[type(thing).__name__](thing, **wide)


def summary(thing: Any) -> str:
    """An object in a line or a few."""
    from stepbench.report import summaries

    if type(thing).__name__ == "Lecture":
        return "\n".join([thing.lesson.title, *([] if thing.lesson.kind == "tune" else [summary(thing.shown)])])
    texts: dict[str, Callable[[Any], str]] = {
        "Result": summaries.of_result,
        "Comparison": summaries.of_comparison,
        "Sweep": summaries.of_sweep,
        "Tuning": summaries.of_tuning,
        "Profile": summaries.of_profile,
        "Autopsy": summaries.of_autopsy,
    }
    return texts[type(thing).__name__](thing)


def figure(thing: Any, **drawing: Any) -> Figure:
    """The figure of an object, in the style, the width and so on of ``stepbench.options.RunDrawingOptions``."""
    from stepbench.options import RunDrawingOptions
    from stepbench.report.styles import drawn_for, options_of

    options = options_of(RunDrawingOptions, drawing)
    with drawn_for(options):
        return drawn(thing, options)


def drawn(thing: Any, options: RunDrawingOptions, *, as_map: bool = False) -> Figure:
    """The figure of an object, in the style that is set; of a sweep as a heat map where that is asked for."""
    match type(thing).__name__:
        case "Result":
            from stepbench.report.plots import comparison_figure

            return comparison_figure([thing.alone()], (), options)
        case "Comparison":
            from stepbench.report.plots import comparison_figure

            return comparison_figure(thing.results, (), options)
        case "Autopsy":
            from stepbench.report.anatomy import anatomy_figure

            return anatomy_figure(thing, options.title)
        case "Lecture":
            from stepbench.report.lecture import lecture_figure

            return lecture_figure(thing, options)
    from stepbench.report import study_plots

    figures: dict[str, Callable[[Any, str | None], Figure]] = {
        "Sweep": study_plots.map_figure if as_map else study_plots.sensitivity_figure,
        "Tuning": study_plots.tuning_figure,
        "Profile": study_plots.profile_figure,
    }
    return figures[type(thing).__name__](thing, options.title)


def map_figure(sweep: Any, **drawing: Any) -> Figure:
    """The two axes of a sweep as a heat map."""
    from stepbench.options import RunDrawingOptions
    from stepbench.report.styles import drawn_for, options_of

    options = options_of(RunDrawingOptions, drawing)
    with drawn_for(options):
        return drawn(sweep, options, as_map=True)


def notes(lecture: Any) -> list[str]:
    """How to read the table of a lecture."""
    from stepbench.report.lecture import lecture_notes

    return lecture_notes(lecture)


def story(autopsy: Any) -> str:
    """What happened in a run, in sentences."""
    from stepbench.report.anatomy import story

    return story(autopsy)


def film(thing: Any, path: str | Path, **film: Any) -> None:
    """Film the runs of a result or of a comparison, as ``stepbench.options.FilmOptions`` say."""
    from stepbench.options import FilmOptions
    from stepbench.report.animation import animate
    from stepbench.report.styles import options_of

    animate([thing.alone()] if type(thing).__name__ == "Result" else thing.results, path, options_of(FilmOptions, film))


def html(thing: Any) -> str:
    """What a notebook shows: the table and the figure; of a batch, how its runs ended."""
    from stepbench.report.notebook import html

    if type(thing).__name__ == "Result" and thing.f.ndim > 1:
        from stepbench.report.tables import endings

        return html(endings(thing))
    return html(table(thing), figure(thing))
