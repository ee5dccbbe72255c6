"""``stepbench list``: what there is to run."""

from __future__ import annotations

from typing import Annotated

import typer

from stepbench.cli.options import Only, takes
from stepbench.cli.output import Output, console

GROUPS = {
    "problems": "Problems",
    "methods": "Whole methods",
    "directions": "Directions (alone: with a constant step size)",
    "stepsizes": "Step-size rules (alone: on the gradient; with a direction: adam+rdbd)",
}


@takes
def command(
    group: Annotated[
        str | None, typer.Argument(help="problems, methods, directions or stepsizes; everything if left out.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="The problems of one suite, as mgh, with what is known of each.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="Other libraries' optimizers, which are methods: torch:Adam.")
    ] = False,
    *,
    output: Annotated[Output, Only("table")],
) -> None:
    """List what there is, one line each."""
    from rich.padding import Padding
    from rich.text import Text

    from stepbench import InputError, catalog
    from stepbench.fields import nearest
    from stepbench.report.literal import Table

    if group is not None and group not in GROUPS:
        raise InputError(f"no group {group}{nearest(group, GROUPS)}; there are {', '.join(GROUPS)}")
    output.check()
    if output.table is not None and suite is None:
        raise InputError("--table writes the table of a suite: give --suite, as --suite mgh")
    out = console()
    if peers:
        if group is not None or suite is not None:
            raise InputError(f"--peers lists other libraries: leave out {group or '--suite'}")
        for name in catalog.libraries():
            library = catalog.library(name)
            try:
                known = library.names()
                out.print(Text(f"{name} {library.version()}: {len(known)} names, as {name}:{known[0]}", style="bold"))
                out.print(Padding(Text(", ".join(known)), (0, 0, 1, 2)))
            except InputError as error:
                out.print(Text(f"{name}: {error}\n", style="bold"))
        return
    suites = catalog.suites()
    if suite is not None:
        catalog.suite(suite)  # refuses a suite that is not there
        if group not in (None, "problems"):
            raise InputError(f"--suite {suite} lists problems: leave out {group}")
        from stepbench.report.tables import suite_table

        shown = suite_table(suite, suites[suite])
        out.print(shown)
        output.write_tables([shown], out)
        return

    def lines(heading: str, rows: list[tuple[str, str]]) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, min_width=19)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for name, words in rows:
            table.add_row(f"  {name}", Text(words))
        out.print(Text(heading, style="bold"), table, "", sep="\n")

    def named(kind: str, names: list[str]) -> list[tuple[str, str]]:
        return [(name, catalog.summary(catalog.load(kind, name))) for name in names]

    for kind in [group] if group else GROUPS:
        lines(GROUPS[kind], named(kind, [name for name in catalog.names(kind) if "/" not in name]))
        if kind == "problems" and group is None:
            lines("Suites of problems (each: stepbench list --suite NAME)", [*suites.items()])
        elif kind == "problems":
            for name, words in suites.items():  # another library may have hundreds, and need not be there
                if catalog.is_foreign(name):
                    lines(f"{words} (stepbench list --suite {name})", [])
                else:
                    lines(words, named(kind, catalog.suite(name)))
    if group in (None, "methods"):
        lines("Names for settings", [*catalog.ALIASES.items()])
