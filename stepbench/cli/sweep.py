"""``stepbench sweep``: methods over a grid of hyper-parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepbench.cli.data import DataOptions
from stepbench.cli.kept import Kept, print_notes
from stepbench.cli.options import GoalOptions, MethodNames, Only, ProblemName, given, takes
from stepbench.cli.output import DRAWN, Output
from stepbench.options import RUN

if TYPE_CHECKING:
    from stepbench import Problem
    from stepbench.study.sweep import Sensitivity


@takes
def command(
    problem: ProblemName,
    method: MethodNames,
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            help="What to vary: lr=1e-5:1:60:log, beta1=0.5,0.9, K=1:6 (to 5), seed=0:8, problem.kappa=10,100, "
            "w1=-2:2:9.",
            rich_help_panel=RUN,
            show_default=False,
        ),
    ],
    run: Annotated[GoalOptions, Only("target", "budget", "steps", "start", "seed", "noise", "engine")],
    data: DataOptions,
    output: Annotated[Output, Only(*DRAWN, "table", "json")],
    kept: Kept,
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
    from stepbench.report.shown import drawn
    from stepbench.report.study_tables import sensitivity_table, sweep_notes
    from stepbench.study.sweep import sweep

    output.check(kept.study)
    function = data.problem(problem)
    _refuse_unequal(function, method, over, data)
    run = replace(run, budget=in_evaluations(function, run.budget, data.epochs))
    with kept.opened("sweep") as study:
        found = sweep(function, method, over, study=study, **given(run))
    output.deliver(
        lambda: [_summary(line, found.target is not None) for line in found.sensitivities()],
        lambda width: [sensitivity_table(found, width)],
        lambda out: print_notes(out, sweep_notes(found, kept.study), study),
        lambda: drawn(found, output),
    )


def _refuse_unequal(problem: Problem, methods: list[str], over: list[str], data: DataOptions) -> None:
    """Refuse epochs where what is varied changes how many steps they have, and a batch that is varied too."""
    from stepbench import InputError, catalog
    from stepbench.study.grid import axes

    if data.batch is None and data.epochs is None:
        return
    for axis in axes(over, problem, [catalog.method(method) for method in methods]):
        name = axis.name.removeprefix("problem.")
        if axis.kind == "problem" and name == "batch" and data.batch is not None:
            raise InputError("--batch: it is varied by --over problem.batch: leave one of them out")
        if axis.kind == "problem" and data.epochs is not None:
            steps = {catalog.problem(problem, **{name: value}).fraction for value in axis.values}
            if len(steps) > 1:
                raise InputError(f"--epochs: {axis.name} changes the steps of an epoch: give --budget")


def _summary(line: Sensitivity, known: bool) -> dict[str, Any]:
    """A sensitivity as JSON tells it."""
    from stepbench.report.records import finite

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
        "best": None if line.best is None else line.axis.values[line.best],
        "usable_range": usable,
        "decades": line.decades,
    }
