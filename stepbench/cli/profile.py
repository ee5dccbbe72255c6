"""``stepbench profile``: methods on a whole suite of problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli.kept import Kept, print_notes
from stepbench.cli.options import Default, Only, given, takes
from stepbench.cli.output import DRAWN, Output
from stepbench.options import OUTPUT, RUN, ProfileKind, RunOptions, option

if TYPE_CHECKING:
    from stepbench.study.profile import Profile


@dataclass(frozen=True)
class ProfileOptions(RunOptions):
    """The options of runs on many problems."""

    seeds: int = option(1, "Seeds of each problem whose steps are random.", RUN, bounds="[1, inf)")
    kind: ProfileKind | None = option(
        None, "What the table and the picture show.", OUTPUT, shown="data and performance profiles"
    )


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
    run: Annotated[ProfileOptions, Only("budget", "seeds", "noise", "kind"), Default(budget=500)],
    output: Annotated[Output, Only(*DRAWN, "table", "json")],
    kept: Kept,
) -> None:
    """Profile methods on a suite: who solves how much, how fast?

    Moré and Wild's data profiles and Dolan and Moré's performance profiles,
    or another kind of the same runs; ranked by area, with each method's
    unsolved problems and the sign test of every pair.
    """
    from stepbench import InputError, catalog
    from stepbench.report.shown import drawn
    from stepbench.report.study_tables import pairs_table, profile_notes, profile_table
    from stepbench.study.profile import profile

    output.check(kept.study)
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
        lambda width: [profile_table(found, width), *([pairs_table(found, width)] if len(found.labels) > 1 else [])],
        lambda out: print_notes(out, profile_notes(found, kept.study), study),
        lambda: drawn(found, output),
    )


def _summary(found: Profile) -> dict[str, Any]:
    """A profile as JSON tells it: costs by tolerance, method and problem, null where unsolved."""
    from stepbench.report.records import finite

    return {
        "problems": list(found.problems),
        "tolerances": list(found.tolerances),
        "budget": found.budget,
        "kind": found.kind,
        "ranked_by": f"{found.judged} area",
        "ranking": [found.labels[m] for m in found.ranking],
        "methods": [
            {
                "label": label,
                "areas": found.areas[:, m].tolist(),
                "performance_areas": found.performance.areas[:, m].tolist(),
                "evaluations": dict(zip(("gradients", "f"), found.evaluations[m], strict=True)),
                "costs": [[finite(cost) for cost in costs[:, m].tolist()] for costs in found.costs],
            }
            for m, label in enumerate(found.labels)
        ],
        "pairs": [pair._asdict() for pair in found.pairs()],
        "profiles": [_curves(found, kind) for kind in found.drawn],
    }


def _curves(found: Profile, kind: ProfileKind) -> dict[str, Any]:
    """What a figure of this kind draws: by panel, method and place; or the ratios by tolerance and problem."""
    from stepbench.report.records import finite

    if kind == "log-ratio":
        return {"kind": kind, "log2_ratios": [[finite(ratio) for ratio in row] for row in found.log_ratio.tolist()]}
    steps = found.steps(kind)
    told = {"kind": kind, "at": steps.limits.tolist(), "parts": steps.heights(steps.limits).swapaxes(1, 2).tolist()}
    if len(found.instances) > 1 and kind != "runtime":
        told["bands"] = steps.band(steps.limits).swapaxes(2, 3).tolist()
    return told
