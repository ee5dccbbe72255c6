"""``stepbench explain``: what happened in a run, and what would have helped."""

from __future__ import annotations

from typing import Annotated

from stepbench.cli.options import ONE_RUN, MethodName, Only, ProblemName, given, takes
from stepbench.cli.output import DRAWN, Output, console, open_file
from stepbench.cli.progress import Progress
from stepbench.options import RunOptions


@takes
def command(
    problem: ProblemName,
    *,
    method: MethodName = "gd",
    run: Annotated[RunOptions, Only(*ONE_RUN, "every")],
    output: Annotated[Output, Only(*DRAWN, "table")],
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

    output.check()
    with Progress("explain") as progress:
        found = explain(problem, method, progress=progress, **given(run))
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
    output.write_tables([found.table()], out)
    if output.plot is not None:
        from stepbench.report.shown import drawn

        output.write_picture(lambda: drawn(found, output))
        out.print(Text(f"drawn to {output.plot}"))
        if output.open:
            open_file(output.plot)
