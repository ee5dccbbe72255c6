"""The one door from objects to their tables and pictures: ``stepbench.report`` knows how each class is shown."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table


def report() -> Any:
    """The module that shows objects, imported when something is first shown: what computes does not depend on it."""
    return import_module("stepbench.report.shown")


class Shown:
    """An object that shows itself, in a terminal, a figure or a notebook."""

    def table(self, width: int | None = None) -> Table:
        """The table of this object, for ``print`` and rich, so many characters wide at most.

        None is the usual width.
        """
        return report().table(self, width)  # type: ignore[no-any-return]

    def figure(self, **drawing: Any) -> Figure:
        """The figure of this object.

        ``style`` is page, paper, slides, dark or a .mplstyle file (or several, with commas between them); ``width`` is
        in inches, ``dpi`` in pixels per inch, and ``title`` stands in place of the finding. Of runs, ``overlay`` is
        gradient, flow or model, ``surface=True`` draws f as a surface, and ``multiples=True`` a map per run.
        Raises InputError for what cannot be drawn so.
        """
        return report().figure(self, **drawing)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        """What it is in a line or a few, without its arrays."""
        return report().summary(self)  # type: ignore[no-any-return]

    def _repr_html_(self) -> str:
        """What a notebook shows: the table and the figure."""
        return report().html(self)  # type: ignore[no-any-return]


class Filmed(Shown):
    """An object that can be filmed, too."""

    def animate(self, path: str | Path, **film: Any) -> None:
        """Film it to a .gif or, where ffmpeg is installed, an .mp4 or a .webm.

        Each frame shows all runs at equal evaluations. The film moves for so many ``seconds``, with ``fps`` frames
        each, at a ``size`` such as "1280x720"; ``style`` gives its colours. Raises InputError for what cannot be made.
        """
        report().film(self, path, **film)
