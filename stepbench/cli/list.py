"""``stepbench list``: what there is to run."""

from __future__ import annotations

from typing import Annotated

import typer

GROUPS = {
    "problems": "Problems",
    "methods": "Whole methods",
    "directions": "Directions (alone: with a constant step size)",
    "stepsizes": "Step-size rules (alone: on the gradient; with a direction: adam+rdbd)",
}


def command(
    group: Annotated[
        str | None, typer.Argument(help="problems, methods, directions or stepsizes; everything if left out.")
    ] = None,
) -> None:
    """List the problems, methods, directions and step-size rules, a line each."""
    from rich.table import Table
    from rich.text import Text

    from stepbench import InputError, catalog
    from stepbench.cli._common import console
    from stepbench.fields import nearest

    if group is not None and group not in GROUPS:
        raise InputError(f"no group {group}{nearest(group, GROUPS)}; there are {', '.join(GROUPS)}")
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for kind in [group] if group else GROUPS:
        table.add_row(Text(GROUPS[kind], style="bold"), "")
        for name in catalog.names(kind):
            table.add_row(f"  {name}", Text(catalog.summary(catalog.load(kind, name))))
        table.add_row()
    if group in (None, "methods"):
        table.add_row(Text("Names for settings", style="bold"), "")
        for name, spec in catalog.ALIASES.items():
            table.add_row(f"  {name}", spec)
    console().print(table)
