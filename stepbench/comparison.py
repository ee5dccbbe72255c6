"""Several methods on one problem, at equal terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepbench import catalog
from stepbench.contracts import Problem, Runnable
from stepbench.engine import run_quietly
from stepbench.fields import InputError
from stepbench.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table


@dataclass(frozen=True)
class Comparison:
    """Single runs of one problem, by several methods."""

    results: Sequence[Result]

    def table(self) -> Table:
        """A row a method: what each power of ten of the error cost, and how it ended; the least carries a star."""
        from stepbench.report.tables import comparison

        return comparison(self.results)

    def figure(self) -> Figure:
        """The traces side by side, and the errors of all in one."""
        from stepbench.report.plots import comparison_figure

        return comparison_figure(self.results)

    def animate(self, path: str | Path) -> None:
        """Film the race to a .gif or, where ffmpeg is installed, an .mp4: a frame shows all at equal evaluations."""
        from stepbench.report.animation import animate

        animate(self.results, path)

    def _repr_html_(self) -> str:
        """What a notebook shows: the table and the figure."""
        from stepbench.report.notebook import html

        return html(self.table(), self.figure())


def compare(problem: str | Problem, methods: str | Runnable | Iterable[str | Runnable], **options: Any) -> Comparison:
    """Run each of the methods, one run each, with the same options of ``run``; who diverged is told by the table.

    Raises InputError where there is no method, or one cannot run.
    """
    problem = catalog.problem(problem)
    methods = [methods] if isinstance(methods, str | Runnable) else list(methods)
    if not methods:
        raise InputError("give at least one method")
    runners = [catalog.method(method) for method in methods]  # all are looked up before any is run
    names = [method if isinstance(method, str) else None for method in methods]
    return Comparison(
        [run_quietly(problem, m, label=name, **options).alone() for m, name in zip(runners, names, strict=True)]
    )
