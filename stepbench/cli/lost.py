"""What ``run`` and ``compare`` say below their tables of a run that was lost: what a quick trial found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stepbench.cli.options import ONE_RUN, given

if TYPE_CHECKING:
    from rich.console import Console

    from stepbench import Result
    from stepbench.contracts import Runnable
    from stepbench.options import RunOptions


def print_suggestions(runs: Iterable[tuple[Result, Runnable]], options: RunOptions, out: Console) -> None:
    """Try other settings of every method whose run diverged, and print the best as a command, or that none helped."""
    lost = [(result, method) for result, method in runs if result.status == "diverged"]
    if not lost:
        return
    from rich.text import Text

    from stepbench import catalog
    from stepbench.autopsy.quick import quick_trial
    from stepbench.report.tables import suggestion

    asked = {key: value for key, value in given(options).items() if key in (*ONE_RUN, "epochs")}
    for result, method in lost:
        trial = quick_trial(result, method, {key: asked[key] for key in asked if key not in ("budget", "epochs")})
        if trial is not None:
            out.print(Text(suggestion(trial, result, catalog.label(method), asked)), soft_wrap=True)
