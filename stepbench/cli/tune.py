"""``stepbench tune``: methods tuned alike, and scored on cases that the tuning did not see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli._common import (
    PANEL,
    Batch,
    Data,
    Device,
    Download,
    Epochs,
    Json,
    Most,
    Noise,
    Output,
    Plot,
    Seed,
    finite,
    stated,
)
from stepbench.cli._study import Error, File, Scheduler, Traces, Workers, deliver, opened

if TYPE_CHECKING:
    from stepbench.study.tune import Tuned


def command(
    problem: Annotated[str, typer.Argument(help="A problem, as rosenbrock or quadratic:kappa=100.")],
    methods: Annotated[list[str], typer.Argument(help="Methods, as gd adam momentum+rdbd.")],
    trials: Annotated[int, typer.Option(help="Settings tried of each method.", rich_help_panel=PANEL)] = 32,
    cases: Annotated[
        int,
        typer.Option(help="Starts (seeds, where steps are random) to tune on, and to score.", rich_help_panel=PANEL),
    ] = 10,
    over: Annotated[
        list[str] | None,
        typer.Option(
            help="A range in place of the declared one: lr=1e-4:1:log, p=0:0.9, K=1,2,5.",
            rich_help_panel=PANEL,
            show_default="declared by each method; see stepbench show",
        ),
    ] = None,
    target: Error = None,
    budget: Most = None,
    tune_budget: Annotated[
        int | None,
        typer.Option(help="Gradient evaluations of a trial.", show_default="--budget", rich_help_panel=PANEL),
    ] = None,
    seed: Seed = 0,
    noise: Noise = 0.0,
    batch: Batch = None,
    epochs: Epochs = None,
    device: Device = None,
    data: Data = None,
    download: Download = False,
    plot: Plot = None,
    json: Json = False,
    study: File = Path("study.db"),
    workers: Workers = 1,
    scheduler: Scheduler = None,
    traces: Traces = False,
) -> None:
    """Tune methods alike and score them fairly.

    Every method gets the same number of trials from its declared ranges, the
    same budget, starts and seeds. Its best setting is scored on fresh cases;
    the table gives the cost with and without the tuning, and below it, in
    words, what is less than fair.
    """
    from stepbench.engine.prepare import in_evaluations
    from stepbench.report.study_tables import tuning_notes, tuning_table
    from stepbench.study.tune import tune

    Output(plot).check()
    function = stated(problem, batch=batch, device=device, data=data, download=download)
    with opened(study, "tune", workers=workers, scheduler=scheduler, traces=traces) as kept:
        tuning = tune(
            function,
            methods,
            trials=trials,
            cases=cases,
            over=over or (),
            target=target,
            budget=in_evaluations(function, budget, epochs),
            tune_budget=tune_budget,
            seed=seed,
            noise=noise,
            study=kept,
        )
    deliver(
        lambda: [_summary(tuned) for tuned in tuning.ranked],
        lambda width: [tuning_table(tuning, width)],
        lambda: tuning_notes(tuning),
        tuning.figure,
        kept,
        json=json,
        plot=plot,
    )


def _summary(tuned: Tuned) -> dict[str, Any]:
    """A tuned method as JSON tells it; what is not finite is null."""
    return {
        "label": tuned.label,
        "method": tuned.method.spec(),
        "setting": tuned.setting,
        "ranges": {key: str(span) for key, span in tuned.ranges.items()},
        "trials": tuned.trials,
        "evaluations_to_target": [finite(cost) for cost in tuned.cost.tolist()],
        "median": finite(tuned.median),
        "interval_95": [finite(end) for end in tuned.interval],
        "tuning_evaluations": tuned.spent,
        "with_tuning_charged": finite(tuned.charged),
    }
