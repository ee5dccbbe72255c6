"""What ``run`` and ``compare`` share that set guarantees beside their runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli.progress import Progress
from stepbench.options import OUTPUT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from stepbench import Result
    from stepbench.contracts import Problem, Runnable
    from stepbench.guarantees import Beside
    from stepbench.options import RunOptions

Steps = Annotated[
    int | None,
    typer.Option(
        "--guarantee",
        help="Set beside the first so many steps the worst that f − f* can be, as stepbench rate finds it.",
        rich_help_panel=OUTPUT,
        show_default="none",
    ),
]


class Guarantees:
    """The guarantees beside some runs, of so many steps; none where ``steps`` is None."""

    def __init__(self, steps: int | None, problem: Problem, run: RunOptions) -> None:
        """Refuse, before anything runs, where the problem has none."""
        self.steps, self.run = steps, run
        self.found: list[Beside] = []
        self.lines: list[str] = []
        if steps is not None:
            from stepbench.guarantees import check

            check(problem, steps, run.noise)

    def find(self, results: Sequence[Result], methods: Sequence[Runnable]) -> None:
        """Find those of the runs, and a line for each method that has none."""
        if self.steps is None:
            return
        from stepbench import InputError
        from stepbench.guarantees import beside

        for result, method in zip(results, methods, strict=False):
            horizon = result.budget if self.run.steps is None else min(result.budget, self.run.steps)
            try:
                with Progress(f"{result.label}: guarantee") as progress:
                    told = beside(result, method, self.steps, horizon, progress)
                self.found.append(told)
                self.lines += [told.ended] if told.ended else []
            except InputError as error:
                self.lines.append(str(error))

    def tables(self) -> list[Table]:
        """The table of the runs that have one, if there are any."""
        if not self.found:
            return []
        from stepbench.report.guarantees import beside_table

        return [beside_table(self.found)]

    def print_notes(self, out: Console) -> None:
        """Print the lines."""
        for line in self.lines:
            out.print(line, highlight=False)

    def facts(self, result: Result) -> dict[str, Any]:
        """What JSON says of the guarantee beside a run: nothing where none was asked for, null where it has none."""
        if self.steps is None:
            return {}
        from stepbench.report.guarantees import beside_facts

        return {"guarantee": next((beside_facts(told) for told in self.found if told.result is result), None)}
