"""``stepbench profile``: methods on a whole suite of problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli._common import PANEL, Budget, Json, Noise, Output, Plot, finite
from stepbench.cli._study import File, Scheduler, Traces, Workers, deliver, opened

if TYPE_CHECKING:
    from stepbench.study.profile import Profile


def command(
    methods: Annotated[list[str], typer.Argument(help="Methods, as gd adam csawg-p5 scipy:bfgs.")],
    suite: Annotated[
        list[str] | None,
        typer.Option(help="A suite of problems; may be repeated.", show_default="mgh", rich_help_panel=PANEL),
    ] = None,
    problem: Annotated[
        list[str] | None,
        typer.Option(help="A problem, beside or in place of a suite; may be repeated.", rich_help_panel=PANEL),
    ] = None,
    tolerance: Annotated[
        str, typer.Option(help="Parts of f(w₀) − f* that may be left, with commas.", rich_help_panel=PANEL)
    ] = "1e-1,1e-3,1e-5",
    budget: Budget = 500,
    seeds: Annotated[
        int, typer.Option(help="Seeds of each problem whose steps are random.", rich_help_panel=PANEL)
    ] = 1,
    noise: Noise = 0.0,
    plot: Plot = None,
    json: Json = False,
    study: File = Path("study.db"),
    workers: Workers = 1,
    scheduler: Scheduler = None,
    traces: Traces = False,
) -> None:
    """Profile methods on a suite: who solves how much, how fast?

    Dolan and Moré's performance profiles and Moré and Wild's data profiles,
    ranked by the area under them, with each method's unsolved problems and
    the sign test of every pair.
    """
    from stepbench import InputError, catalog
    from stepbench.report.study_tables import pairs_table, profile_notes, profile_table
    from stepbench.study.profile import profile

    Output(plot).check()
    try:
        tolerances = [float(word) for word in tolerance.split(",")]
    except ValueError:
        raise InputError(f"--tolerance {tolerance} must be numbers with commas between them, as 1e-1,1e-3") from None
    named = [name for chosen in suite or ([] if problem else ["mgh"]) for name in catalog.suite(chosen)]
    with opened(study, "profile", workers=workers, scheduler=scheduler, traces=traces) as kept:
        found = profile(
            methods,
            [*named, *(problem or [])],
            tolerances=tolerances,
            budget=budget,
            seeds=seeds,
            noise=noise,
            study=kept,
        )
    deliver(
        lambda: _summary(found),
        lambda width: [profile_table(found, width), pairs_table(found, width)],
        lambda: profile_notes(found),
        found.figure,
        kept,
        json=json,
        plot=plot,
    )


def _summary(found: Profile) -> dict[str, Any]:
    """A profile as JSON tells it: costs by tolerance, method and problem, null where unsolved."""
    return {
        "problems": list(found.problems),
        "tolerances": list(found.tolerances),
        "budget": found.budget,
        "ranking": [found.labels[m] for m in found.ranking],
        "methods": [
            {
                "label": label,
                "areas": found.areas[:, m].tolist(),
                "costs": [[finite(cost) for cost in costs[:, m].tolist()] for costs in found.costs],
            }
            for m, label in enumerate(found.labels)
        ],
        "pairs": [pair._asdict() for pair in found.pairs()],
    }
