"""``stepbench tune``: methods tuned alike, and scored on cases that the tuning did not see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli.data import DataOptions
from stepbench.cli.kept import Kept, print_notes
from stepbench.cli.options import GoalOptions, Only, ProblemName, given, takes
from stepbench.cli.output import DRAWN, Output
from stepbench.options import RUN, option

if TYPE_CHECKING:
    from stepbench.study.tune import Tuned


@dataclass(frozen=True)
class TuneOptions(GoalOptions):
    """The options of runs of which some are trials."""

    tune_budget: int | None = option(None, "Gradient evaluations of a trial.", RUN, bounds="[1, inf)", shown="--budget")


@takes
def command(
    problem: ProblemName,
    methods: Annotated[list[str], typer.Argument(help="Methods, as gd adam momentum+rdbd.")],
    *,
    trials: Annotated[int, typer.Option(help="Settings tried of each method.", rich_help_panel=RUN)] = 32,
    cases: Annotated[
        int,
        typer.Option(help="Starts (seeds, where steps are random) to tune on, and to score.", rich_help_panel=RUN),
    ] = 10,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="A range in place of the declared one: lr=1e-4:1:log, p=0:0.9, K=1,2,5.",
            rich_help_panel=RUN,
            show_default="declared by each method; see stepbench show",
        ),
    ] = None,
    run: Annotated[TuneOptions, Only("target", "budget", "tune_budget", "seed", "noise")],
    data: DataOptions,
    output: Annotated[Output, Only(*DRAWN, "table", "json")],
    kept: Kept,
) -> None:
    """Tune methods alike and score them fairly.

    Every method gets the same number of trials from its declared ranges, the
    same budget, starts and seeds. Its best setting is scored on fresh cases;
    the table gives the cost with and without the tuning, and below it, in
    words, what is less than fair.
    """
    from stepbench.engine.prepare import in_evaluations
    from stepbench.report.shown import drawn
    from stepbench.report.study_tables import tuning_notes, tuning_table
    from stepbench.study.tune import tune

    output.check(kept.study)
    function = data.problem(problem)
    with kept.opened("tune") as study:
        run = replace(run, budget=in_evaluations(function, run.budget, data.epochs))
        tuning = tune(function, methods, trials=trials, cases=cases, over=over or (), study=study, **given(run))
    output.deliver(
        lambda: [_summary(tuned) for tuned in tuning.ranked],
        lambda width: [tuning_table(tuning, width)],
        lambda out: print_notes(out, tuning_notes(tuning, kept.study), study),
        lambda: drawn(tuning, output),
    )


def _summary(tuned: Tuned) -> dict[str, Any]:
    """A tuned method as JSON tells it; what is not finite is null."""
    from stepbench.report.records import finite

    return {
        "label": tuned.label,
        "method": tuned.method.spec() if tuned.found else None,
        "setting": tuned.setting if tuned.found else None,
        "ranges": {key: str(span) for key, span in tuned.ranges.items()},
        "trials": tuned.trials,
        "evaluations_to_target": [finite(cost) for cost in tuned.cost.tolist()],
        "median": finite(tuned.median),
        "interval_95": [finite(end) for end in tuned.interval],
        "tuning_evaluations": tuned.spent,
        "with_tuning_charged": finite(tuned.charged),
    }
