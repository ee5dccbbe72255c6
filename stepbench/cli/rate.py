"""``stepbench rate``: the exact worst case of a method, by PEPit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stepbench.cli.options import Only, takes
from stepbench.cli.output import Output, console, write_json
from stepbench.cli.progress import Progress
from stepbench.options import RUN

if TYPE_CHECKING:
    from stepbench.guarantees import Criterion


@takes
def command(
    method: Annotated[str, typer.Argument(help="A method, as gd:lr=0.1 or silver.")],
    *,
    mu: Annotated[float, typer.Option(help="Strong convexity μ; 0 for convex.", rich_help_panel=RUN)] = 0.0,
    L: Annotated[float, typer.Option("--L", help="Smoothness L.", rich_help_panel=RUN)] = 1.0,
    steps: Annotated[int, typer.Option(help="Steps N; each number up to it is a row.", rich_help_panel=RUN)] = 5,
    criterion: Annotated[
        str,
        typer.Option(help="What is small: f, f(w) − f*; distance, ‖w − w*‖²; gradient, ‖∇f(w)‖².", rich_help_panel=RUN),
    ] = "f",
    output: Annotated[Output, Only("table", "json")],
) -> None:
    """Find the exact worst case of a fixed-step method.

    The worst of all μ-strongly convex L-smooth functions, of any dimension,
    where ‖w_0 − w*‖ ≤ 1: no run can do worse, and on some function one does as
    badly. PEPit finds it from the method's own text; closed forms of papers,
    exact (=) or bounds (≤), stand beside it.

    Step sizes are part of the method: gd:lr=0.1 has 1/L where L is 10. A method
    whose steps depend on values or inner products, as adaptive rules and line
    searches do, has no such guarantee, and says so. The worst case of 10 steps
    takes a second, of 20 ten, of 40 a minute. PEPit comes with the extra theory
    of stepbench.
    """
    from stepbench.guarantees import rate
    from stepbench.report.guarantees import rate_facts, rate_notes, rate_table

    output.check()
    with Progress("rate") as progress:
        chosen: Criterion = criterion  # type: ignore[assignment]  # rate refuses other words
        found = rate(method, mu=mu, L=L, steps=steps, criterion=chosen, progress=progress)
    if output.json:
        write_json(rate_facts(found))
        return
    out = console()
    out.print(rate_table(found))
    for line in rate_notes(found):
        out.print(line, highlight=False)
    output.write_tables([rate_table(found)], out)
