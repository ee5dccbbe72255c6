"""``stepbench profile``: methods on a whole suite of problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli.kept import Kept, print_notes
from stepbench.cli.options import Default, Only, given, takes
from stepbench.cli.output import Output
from stepbench.options import RUN, RunOptions, option

if TYPE_CHECKING:
    from stepbench.study.profile import Profile


@dataclass(frozen=True)
class ProfileOptions(RunOptions):
    """The options of runs on many problems."""

    seeds: int = option(1, "Seeds of each problem whose steps are random.", RUN, bounds="[1, inf)")


@takes
def command(
    methods: Annotated[list[str], typer.Argument(help="Methods, as gd adam csawg-p5 scipy:bfgs.")],
    *,
    suite: Annotated[
        list[str] | None,
        typer.Option(help="A suite of problems; may be repeated.", show_default="mgh", rich_help_panel=RUN),
    ] = None,
    problem: Annotated[
        list[str] | None,
        typer.Option(help="A problem, beside or in place of a suite; may be repeated.", rich_help_panel=RUN),
    ] = None,
    max_dim: Annotated[
        int | None,
        typer.Option(
            min=1, help="Leave out problems with more parameters.", show_default="no limit", rich_help_panel=RUN
        ),
    ] = None,
    tolerance: Annotated[
        str, typer.Option(help="Parts of f(w₀) − f* that may be left, with commas.", rich_help_panel=RUN)
    ] = "1e-1,1e-3,1e-5",
    run: Annotated[ProfileOptions, Only("budget", "seeds", "noise"), Default(budget=500)],
    output: Annotated[Output, Only("plot", "table", "json")],
    kept: Kept,
) -> None:
    """Profile methods on a suite: who solves how much, how fast?

    Dolan and Moré's performance profiles and Moré and Wild's data profiles,
    ranked by the area under them, with each method's unsolved problems and
    the sign test of every pair.
    """
    from stepbench import InputError, catalog
    from stepbench.report.study_tables import pairs_table, profile_notes, profile_table
    from stepbench.study.profile import profile

    output.check()
    try:
        tolerances = [float(word) for word in tolerance.split(",")]
    except ValueError:
        raise InputError(f"--tolerance {tolerance} must be numbers with commas between them, as 1e-1,1e-3") from None
    named = [name for chosen in suite or ([] if problem else ["mgh"]) for name in catalog.suite(chosen)]
    with kept.opened("profile") as study:
        chosen_problems = [*named, *(problem or [])]
        found = profile(methods, chosen_problems, max_dim=max_dim, tolerances=tolerances, study=study, **given(run))
    output.deliver(
        lambda: _summary(found),
        lambda width: [profile_table(found, width), pairs_table(found, width)],
        lambda out: print_notes(out, profile_notes(found, kept.study), study),
        found.figure,
    )


def _summary(found: Profile) -> dict[str, Any]:
    """A profile as JSON tells it: costs by tolerance, method and problem, null where unsolved."""
    from stepbench.report.records import finite

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
