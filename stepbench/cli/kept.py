"""What the commands share whose runs are kept in a study: their options, the study itself, and what is said of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stepbench import stopping
from stepbench.cli.output import typed
from stepbench.cli.progress import Progress
from stepbench.options import option

if TYPE_CHECKING:
    from rich.console import Console

    from stepbench.study import Study

KEPT = "Where runs are made and kept"


@dataclass(frozen=True)
class Kept:
    """Where the runs of a study are made and kept: the options of the commands that make many."""

    study: Path = option(Path("study.db"), "The file that keeps every run.", KEPT)
    workers: int = option(1, "Local processes to work in; 1 is this one.", KEPT)
    scheduler: str | None = option(None, "A Dask scheduler to work at, as tcp://127.0.0.1:8786.", KEPT)
    traces: bool = option(False, "Keep every record of each run.", KEPT)

    @contextmanager
    def opened(self, label: str) -> Iterator[Study]:
        """The study, with a progress bar; after Ctrl-C it says what is kept, and how to go on."""
        from stepbench.study import Stopped, Study

        try:
            with (
                stopping.keeping(),
                Progress(label) as progress,
                Study(
                    self.study, workers=self.workers, scheduler=self.scheduler, traces=self.traces, progress=progress
                ) as study,
            ):
                yield study
        except Stopped as stop:
            raise typer.Exit(stopping.say(f": {stop}; to go on: {typed()}")) from None


def print_notes(out: Console, notes: Sequence[str], study: Study) -> None:
    """Print what stands below the tables of a study: its notes, and how many runs were made."""
    from stepbench.report.numbers import counted

    reused = f", {study.reused:,} were there" if study.reused else ""
    lines = [*notes, f"{study.store}: {counted(study.made, 'run')} made{reused}"]
    if stale := study.stale:
        remove = shlex.join(["stepbench", "study", "remove", str(study.store), "--stale"])
        lines.append(f"{counted(stale, 'run')} there of another version of stepbench: {remove} removes them")
    for line in lines:
        out.print(line, highlight=False, soft_wrap="stepbench study" in line)  # a command stays in one piece
