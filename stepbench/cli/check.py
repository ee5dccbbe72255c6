"""``stepbench check``: a problem or a method judged as the built-in ones are."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    spec: Annotated[str, typer.Argument(help="A file, as ./my_rule.py, or any name, as rosenbrock or adam+rdbd.")],
) -> None:
    """Check a problem or a method, as the project's own tests do.

    Prints what was measured, each failure with its numbers, and for a method
    what changes its path; of a file, which others it was seen to read.
    Exits 1 where anything failed, and 2 where it could not be judged.
    """
    from rich.text import Text

    from stepbench import InputError, catalog
    from stepbench.catalog import files
    from stepbench.cli.output import console
    from stepbench.conformance import judge
    from stepbench.conformance.invariance import STEPS, card
    from stepbench.contracts import Method, Problem
    from stepbench.engine.vetting import vet_method, vet_shapes
    from stepbench.report.tables import files_beside, findings, invariance_card

    thing = catalog.find(spec)
    out = console()
    if isinstance(thing, Problem):
        vet_shapes(thing.unchanged)
    elif isinstance(thing, Method):
        vet_method(thing)
    else:
        raise InputError(f"{spec} owns its loop, so that there is no step to check; stepbench show {spec} has its card")
    with out.status("checking"):
        found = [*judge(thing)]
    out.print(findings(spec, found))
    failed = sum(finding.passed is False for finding in found)
    if not isinstance(thing, Problem):
        out.print(invariance_card(STEPS, card(thing)))
    for part in [thing.unchanged] if isinstance(thing, Problem) else thing.parts:
        if files.is_users(type(part)):
            out.print(Text(files_beside(files.seen_beside(type(part)))))
    passed = sum(finding.passed is True for finding in found)
    out.print(f"{passed} passed, {failed} failed", style="bold red" if failed else "green", highlight=False)
    raise typer.Exit(1 if failed else 0)
