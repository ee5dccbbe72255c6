"""``stepbench map``: a heat map of two hyper-parameters, or of the starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stepbench.cli.kept import Kept, print_notes
from stepbench.cli.options import Default, GoalOptions, MethodNames, Only, ProblemName, given, takes
from stepbench.cli.output import DRAWN, Output
from stepbench.options import RUN


@takes
def command(
    problem: ProblemName,
    method: MethodNames,
    *,
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over",
            help="Two axes: lr=1e-5:1:60:log, problem.kappa=10:1e4:30:log, w1=-2:2:300.",
            rich_help_panel=RUN,
            show_default="starts over the problem's window",
        ),
    ] = None,
    points: Annotated[
        int, typer.Option(help="Starts along each side, where no axes are given.", rich_help_panel=RUN)
    ] = 100,
    run: Annotated[
        GoalOptions, Only("target", "budget", "steps", "start", "seed", "noise", "engine"), Default(budget=1_000)
    ],
    output: Annotated[Output, Only(*DRAWN, "table"), Default(plot=Path("map.png"))],
    kept: Kept,
) -> None:
    """Draw a heat map: two hyper-parameters, or all starts.

    Two hyper-parameters, a hyper-parameter and the problem's conditioning, or
    two components of the start; without --over it is the map of basins, every
    start of the problem's window.
    """
    from stepbench import InputError, catalog
    from stepbench.report.shown import drawn
    from stepbench.report.study_tables import map_notes, map_table
    from stepbench.study.sweep import sweep, window_axes

    output.check(kept.study)
    stated = catalog.problem(problem)
    if stated.f_star is None:
        raise InputError(f"{problem} does not know its minimum, so that a map has no cost to show: choose another")
    if over and len(over) != 2:
        raise InputError(f"a map has two axes: give --over twice, or not at all for the starts; got {len(over)}")
    axes = over or window_axes(stated, points)
    with kept.opened("map") as study:
        found = sweep(problem, method, axes, study=study, **given(run))

    output.deliver(
        lambda: None,
        lambda width: [map_table(found, width)],
        lambda out: print_notes(out, map_notes(found, kept.study), study),
        lambda: drawn(found, output, as_map=True),
    )
