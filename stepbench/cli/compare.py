"""``stepbench compare``: several methods on one problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stepbench.cli._common import (
    Animate,
    Batch,
    Csv,
    Data,
    Device,
    Download,
    Epochs,
    Html,
    Json,
    Most,
    Noise,
    Output,
    Plot,
    Seed,
    Show,
    Start,
    Steps,
    Target,
    run_one,
    settings,
    stated,
    summary,
)

if TYPE_CHECKING:
    from rich.console import Console


def command(
    problem: Annotated[str, typer.Argument(help="A problem, as rosenbrock or quadratic:kappa=100.")],
    methods: Annotated[list[str], typer.Argument(help="Methods, as gd:lr=0.001 adam+rdbd scipy:bfgs.")],
    budget: Most = None,
    steps: Steps = None,
    target: Target = None,
    start: Start = None,
    seed: Seed = 0,
    noise: Noise = 0.0,
    batch: Batch = None,
    epochs: Epochs = None,
    device: Device = None,
    data: Data = None,
    download: Download = False,
    plot: Plot = None,
    show: Show = False,
    animate: Animate = None,
    html: Html = None,
    csv: Csv = None,
    json: Json = False,
) -> None:
    """Compare methods on one problem.

    Prints a row a method, all at the same budget: its cost to each power of
    ten of the error, how it ended, its error as a sparkline. A star marks the
    least of each column. --plot draws all the traces and errors, --show draws
    in the terminal, --animate films the race at equal evaluations a frame.
    """
    import stepbench
    from stepbench.report.tables import comparison, notes

    wanted = Output(plot, show, animate, html, csv, json)
    wanted.check()
    function = stated(problem, batch=batch, device=device, data=data, download=download)
    runners = [stepbench.method(method) for method in methods]  # all are looked up before any is run
    given = settings(start, budget=budget, epochs=epochs, steps=steps, target=target, seed=seed, noise=noise)
    results: list[stepbench.Result] = []
    code = 0
    for method, runner in zip(methods, runners, strict=True):
        try:
            results.append(run_one(function, runner, label=method, **given))
        except stepbench.Interrupted as stop:
            results.append(stop.result)
            code = 130
            break

    shown = stepbench.Comparison(results)

    def tables(out: Console) -> None:
        out.print(comparison(results, out.width))
        for line in notes(results):
            out.print(line, highlight=False)
        if rest := methods[len(results) :]:
            out.print(f"not run: {', '.join(rest)}", highlight=False)

    wanted.deliver(results, lambda: [summary(r) for r in results], tables, shown.figure)
    raise typer.Exit(code)
