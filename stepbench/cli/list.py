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
    """List what there is, a line each."""
    from rich.table import Table
    from rich.text import Text

    from stepbench import InputError, catalog
    from stepbench.cli._common import console
    from stepbench.fields import nearest

    if group is not None and group not in GROUPS:
        raise InputError(f"no group {group}{nearest(group, GROUPS)}; there are {', '.join(GROUPS)}")
    out = console()

    def lines(heading: str, rows: list[tuple[str, str]]) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, min_width=19)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, words in rows:
            table.add_row(f"  {name}", Text(words))
        out.print(Text(heading, style="bold"), table, "", sep="\n")

    for kind in [group] if group else GROUPS:
        lines(GROUPS[kind], [(name, catalog.summary(catalog.load(kind, name))) for name in catalog.names(kind)])
    if group in (None, "methods"):
        lines("Names for settings", [*catalog.ALIASES.items()])
