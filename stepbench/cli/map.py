"""``stepbench map``: a heat map of two hyper-parameters, or of the starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepbench.cli._common import OUTPUT, PANEL, Budget, Noise, Output, Seed, Start, Steps, settings
from stepbench.cli._study import Error, File, Methods, Scheduler, Traces, Workers, deliver, opened


def command(
    problem: Annotated[str, typer.Argument(help="A problem, as rosenbrock or quadratic:kappa=100.")],
    method: Methods,
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over",
            help="Two axes: lr=1e-5:1:60:log, problem.kappa=10:1e4:30:log, w1=-2:2:300.",
            rich_help_panel=PANEL,
            show_default="starts over the problem's window",
        ),
    ] = None,
    points: Annotated[
        int, typer.Option(help="Starts along each side, where no axes are given.", rich_help_panel=PANEL)
    ] = 100,
    target: Error = None,
    budget: Budget = 1_000,
    steps: Steps = None,
    start: Start = None,
    seed: Seed = 0,
    noise: Noise = 0.0,
    plot: Annotated[Path, typer.Option(help="Draw to a .png, .svg or .pdf file.", rich_help_panel=OUTPUT)] = Path(
        "map.png"
    ),
    study: File = Path("study.db"),
    workers: Workers = 1,
    scheduler: Scheduler = None,
    traces: Traces = False,
) -> None:
    """Draw a heat map: two hyper-parameters, or all starts.

    Two hyper-parameters, a hyper-parameter and the problem's conditioning, or
    two components of the start; without --over it is the map of basins, every
    start of the problem's window.
    """
    from stepbench import InputError, catalog
    from stepbench.report.study_tables import map_notes, map_table
    from stepbench.study.sweep import sweep, window_axes

    Output(plot).check()
    given = settings(start, budget=budget, steps=steps, target=target, seed=seed, noise=noise)
    stated = catalog.problem(problem)
    if stated.f_star is None:
        raise InputError(f"{problem} does not know its minimum, so that a map has no cost to show: choose another")
    if over and len(over) != 2:
        raise InputError(f"a map has two axes: give --over twice, or not at all for the starts; got {len(over)}")
    axes = over or window_axes(stated, points)
    with opened(study, "map", workers=workers, scheduler=scheduler, traces=traces) as kept:
        found = sweep(problem, method, axes, study=kept, **given)
    deliver(
        lambda: None,
        lambda width: [map_table(found, width)],
        lambda: map_notes(found),
        found.map,
        kept,
        json=False,
        plot=plot,
    )
