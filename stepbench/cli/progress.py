"""The progress bar of the commands that run something."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stepbench.cli.options import given

if TYPE_CHECKING:
    from stepbench import Result
    from stepbench.options import RunOptions


class Progress:
    """A progress bar on stderr for what lasts over a second, and nothing for what does not."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.began = time.monotonic()
        self.bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show how much is done."""
        if self.bar is None:
            if time.monotonic() - self.began < 1:
                return
            from rich.console import Console
            from rich.progress import Progress, TextColumn

            terminal = Console(stderr=True, emoji=False)
            self.bar = Progress(
                TextColumn("{task.description}", markup=False),
                *Progress.get_default_columns()[1:],
                TextColumn("{task.fields[rate]:,.0f}/s"),
                console=terminal,
                transient=True,
                disable=not terminal.is_terminal,
            )
            self.task = self.bar.add_task(self.label, total=total, rate=0.0)
            self.bar.start()
        rate = done / (time.monotonic() - self.began)
        self.bar.update(self.task, completed=done, total=total, rate=rate)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()


def run_one(problem: Any, method: Any, options: RunOptions, label: str) -> Result:
    """Run with a progress bar; divergence is told by the tables and not by a warning."""
    from stepbench.engine.running import run_quietly

    with Progress(label) as progress:
        return run_quietly(problem, method, label=label, progress=progress, **given(options))
