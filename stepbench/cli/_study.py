"""What the commands share whose runs are kept in a study: their options, the study itself, and its words."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli._common import PANEL, Progress, console, write_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from stepbench.study import Study

WHERE = "Where runs are made and kept"

Over = Annotated[
    list[str],
    typer.Option(
        "--over",
        help="What to vary: lr=1e-5:1:60:log, beta1=0.5,0.9, K=1:6 (to 5), seed=0:8, problem.kappa=10,100, w1=-2:2:9.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
Methods = Annotated[
    list[str],
    typer.Option("--method", "-m", help="A method, as adam or adam+rdbd; may be repeated.", rich_help_panel=PANEL),
]
Error = Annotated[
    float | None,
    typer.Option("--target", help="The error f − f* to reach.", show_default="1e-6", rich_help_panel=PANEL),
]
File = Annotated[Path, typer.Option("--study", help="The file that keeps every run.", rich_help_panel=WHERE)]
Workers = Annotated[int, typer.Option(help="Local processes to work in; 1 is this one.", rich_help_panel=WHERE)]
Scheduler = Annotated[
    str | None,
    typer.Option(help="A Dask scheduler to work at, as tcp://127.0.0.1:8786.", rich_help_panel=WHERE),
]
Traces = Annotated[bool, typer.Option("--traces", help="Keep every record of each run.", rich_help_panel=WHERE)]


@contextmanager
def opened(path: Path, label: str, *, workers: int, scheduler: str | None, traces: bool) -> Iterator[Study]:
    """The study of a command, with a progress bar; after Ctrl-C it says what is kept, and how to go on."""
    from stepbench.study import Stopped, Study

    try:
        with (
            Progress(label) as progress,
            Study(path, workers=workers, scheduler=scheduler, traces=traces, progress=progress) as study,
        ):
            yield study
    except Stopped as stop:
        print(f"stepbench: {stop}; to go on: {shlex.join(['stepbench', *sys.argv[1:]])}", file=sys.stderr)
        raise typer.Exit(130) from None


def deliver(
    tell: Callable[[], Any],
    tables: Callable[[int], Sequence[Table]],
    notes: Callable[[], Sequence[str]],
    draw: Callable[[], Figure],
    study: Study,
    *,
    json: bool,
    plot: Path | None,
) -> None:
    """Write what was asked for: JSON, or tables as wide as the terminal with notes below them; and a figure."""
    from stepbench.report.study_tables import counted

    out = console()
    if json:
        write_json(tell())
    else:
        for table in tables(out.width):
            out.print(table)
        reused = f", {study.reused:,} were there" if study.reused else ""
        for line in [*notes(), f"{study.store}: {counted(study.made, 'run')} made{reused}"]:
            out.print(line, highlight=False)
    if plot is not None:
        draw().savefig(plot)
        if not json:
            out.print(f"drawn to {plot}", highlight=False)
