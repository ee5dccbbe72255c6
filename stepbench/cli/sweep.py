"""``stepbench sweep``: methods over a grid of hyper-parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli._common import (
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
    Start,
    Steps,
    finite,
    settings,
    stated,
)
from stepbench.cli._study import Error, File, Methods, Over, Scheduler, Traces, Workers, deliver, opened

if TYPE_CHECKING:
    from stepbench import Problem
    from stepbench.study.sweep import Sensitivity


def command(
    problem: Annotated[str, typer.Argument(help="A problem, as rosenbrock or quadratic:kappa=100.")],
    method: Methods,
    over: Over,
    target: Error = None,
    budget: Most = None,
    steps: Steps = None,
    start: Start = None,
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
    """Sweep hyper-parameters: how sensitive is a method?

    Runs the full grid, and prints for every method the best value of what is
    varied first, its cost to the target, and the usable range: the decades
    within which it takes at most twice its best cost. --plot draws the cost
    against the value, with what did not get there and what diverged.

    Every run is kept in the study's file as it ends; the same command makes
    only those that are missing.
    """
    from stepbench.engine.prepare import in_evaluations
    from stepbench.report.study_tables import sensitivity_table, sweep_notes
    from stepbench.study.sweep import sweep

    Output(plot).check()
    function = stated(problem, batch=batch, device=device, data=data, download=download)
    _refuse_unequal(function, method, over, batch, epochs)
    budget = in_evaluations(function, budget, epochs)
    given = settings(start, budget=budget, steps=steps, target=target, seed=seed, noise=noise)
    with opened(study, "sweep", workers=workers, scheduler=scheduler, traces=traces) as kept:
        found = sweep(function, method, over, study=kept, **given)
    deliver(
        lambda: [_summary(line, found.target is not None) for line in found.sensitivities()],
        lambda width: [sensitivity_table(found, width)],
        lambda: sweep_notes(found),
        found.figure,
        kept,
        json=json,
        plot=plot,
    )


def _refuse_unequal(
    problem: Problem, methods: list[str], over: list[str], batch: int | None, epochs: float | None
) -> None:
    """Refuse epochs where what is varied changes how many steps they have, and a batch that is varied too."""
    from stepbench import InputError, catalog
    from stepbench.study.grid import axes

    if batch is None and epochs is None:
        return
    for axis in axes(over, problem, [catalog.method(method) for method in methods]):
        name = axis.name.removeprefix("problem.")
        if axis.kind == "problem" and name == "batch" and batch is not None:
            raise InputError("--batch: it is varied by --over problem.batch: leave one of them out")
        if axis.kind == "problem" and epochs is not None:
            steps = {catalog.problem(problem, **{name: value}).fraction for value in axis.values}
            if len(steps) > 1:
                raise InputError(f"--epochs: {axis.name} changes the steps of an epoch: give --budget")


def _summary(line: Sensitivity, known: bool) -> dict[str, Any]:
    """A sensitivity as JSON tells it."""
    costs = [finite(cost) for cost in line.cost.tolist()]
    left = [finite(value) for value in line.left.tolist()]
    usable = None if line.usable is None else [line.axis.values[k] for k in line.usable]
    return {
        "label": line.label,
        "axis": line.axis.name,
        "values": list(line.axis.values),
        "evaluations_to_target": costs,
        "error_at_end" if known else "f_at_end": left,
        "diverged": line.diverged.tolist(),
        "best": line.axis.values[line.best],
        "usable_range": usable,
        "decades": line.decades,
    }
