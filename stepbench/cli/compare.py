"""``stepbench compare``: several methods on one problem."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from stepbench import stopping
from stepbench.cli import guaranteed
from stepbench.cli.data import DataOptions
from stepbench.cli.lost import print_suggestions
from stepbench.cli.options import ONE_RUN, Only, ProblemName, given, methods_like, takes
from stepbench.cli.output import WRITTEN, Output
from stepbench.cli.progress import Progress
from stepbench.options import RunOptions

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console


@takes
def command(
    problem: ProblemName,
    methods: Annotated[
        list[str], typer.Argument(help="Methods, as gd:lr=0.001 adam+rdbd scipy:bfgs.", autocompletion=methods_like)
    ],
    run: Annotated[RunOptions, Only(*ONE_RUN, "engine")],
    data: DataOptions,
    output: Annotated[Output, Only(*WRITTEN)],
    guarantee: guaranteed.Steps = None,
) -> None:
    """Compare methods on one problem.

    Prints a row per method, all at the same budget: its cost to each power of
    ten of the error, how it ended, its error as a sparkline. A star marks the
    least of each column. --plot draws all the traces and errors, --show draws
    in the terminal, --animate films the race, all methods at equal evaluations.
    --guarantee sets the exact worst case of the first steps beside them, in
    tables and the plot, where a method has one.
    """
    import stepbench
    from stepbench.engine.running import attempt
    from stepbench.report.records import summary
    from stepbench.report.tables import comparison, notes

    output.check()
    function = data.problem(problem)
    runners = [stepbench.method(method) for method in methods]  # all are looked up before any is run
    run = replace(run, epochs=data.epochs)
    guarantees = guaranteed.Guarantees(guarantee, function, run)
    results: list[stepbench.Result] = []
    code = 0
    try:
        with stopping.keeping():
            for method, runner in zip(methods, runners, strict=True):
                with Progress(method) as progress:
                    results.append(attempt(function, runner, label=method, progress=progress, **given(run)))
        guarantees.find(results, runners)
    except KeyboardInterrupt as stop:
        if isinstance(stop, stepbench.Interrupted):
            results.append(stop.result)
        if not results:
            raise
        code = stopping.say()

    def print_notes(out: Console) -> None:
        for line in notes(results):
            out.print(line, highlight=False)
        guarantees.print_notes(out)
        if rest := methods[len(results) :]:
            out.print(f"not run: {', '.join(rest)}", highlight=False)
        print_suggestions(zip(results, runners, strict=False), run, out)

    def figure() -> Figure:
        from stepbench.report.plots import comparison_figure

        return comparison_figure(results, guarantees.found, output)

    output.deliver(
        lambda: [summary(result) | guarantees.facts(result) for result in results],
        lambda width: [comparison(results, width), *guarantees.tables()],
        print_notes,
        figure,
        results,
        run.steps,
    )
    raise typer.Exit(code)
