"""``stepbench explain``: what happened in a run, and what would have helped."""

from __future__ import annotations

from typing import Annotated

import typer

from stepbench.cli._common import (
    PANEL,
    Most,
    Noise,
    Output,
    Plot,
    Progress,
    Seed,
    Start,
    Steps,
    Target,
    console,
    settings,
)


def command(
    problem: Annotated[str, typer.Argument(help="A problem, as rosenbrock or quadratic:kappa=100.")],
    method: Annotated[
        str, typer.Option("--method", "-m", help="A method, as tlr or tlr:lr=0.1.", rich_help_panel=PANEL)
    ] = "gd",
    budget: Most = None,
    steps: Steps = None,
    target: Target = None,
    start: Start = None,
    seed: Seed = 0,
    noise: Noise = 0.0,
    plot: Plot = None,
) -> None:
    """Explain a run: what happened, why, and what helps.

    Says where it was lost or stood still, and what its step sizes were against
    the curvature; then runs other settings and methods on the same terms, the
    best first. --plot draws its step sizes against those that the surface
    would have allowed.
    """
    from rich.text import Text

    from stepbench.autopsy import explain
    from stepbench.report.anatomy import advice
    from stepbench.report.tables import unequal

    Output(plot=plot).check()
    given = settings(start, budget=budget, steps=steps, target=target, seed=seed, noise=noise)
    with Progress("explain") as progress:
        found = explain(problem, method, progress=progress, **given)
    out = console()
    out.print(Text(f"{found.result.problem} · {found.result.label}", style="bold"), "", sep="\n")
    for paragraph in found.text.split("\n\n"):
        out.print(Text(paragraph), "", sep="\n")
    out.print(found.table())
    runs = (found.result, *found.tried)
    for line in unequal([r.label for r in runs], [r.told for r in runs]):
        out.print(Text(line, style="dim"))
    faster = found.result.status == "converged"
    out.print("What would have been faster:" if faster else "What would have helped:", style="bold")
    for line in advice(found):
        out.print(Text(f"  {line}"), soft_wrap=True)
    if plot is not None:
        found.figure().savefig(plot, dpi=130)
        out.print(Text(f"drawn to {plot}"))
