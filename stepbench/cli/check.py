"""``stepbench check``: a problem or a method judged as the built-in ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SPEC...", help="A file, as ./my_rule.py, or any name, as adam+rdbd; or several methods to compare."
        ),
    ] = None,
    implementations: Annotated[
        Path | None, typer.Option(help="Write a page that compares the bench's rules with other libraries'.")
    ] = None,
) -> None:
    """Check a problem or a method, as the project's own tests do.

    Prints what was measured, each failure with its numbers, and for a method
    what changes its path; of a file, which others it was seen to read.
    Exits 1 where anything failed, and 2 where it could not be judged.

    Several methods, as torch:Adam adam optax:adam, are run side by side with
    the hyper-parameters of the first: it prints where each leaves its path.
    """
    from stepbench import InputError

    if implementations is not None:
        if specs:
            raise InputError("--implementations compares the rules that it knows: leave out the methods")
        from stepbench.conformance.implementations import page

        try:
            implementations.write_text(page(), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{implementations} cannot be written: {error.strerror}") from None
    elif not specs:
        raise InputError("name a problem or a method, as adam+rdbd, or several methods to compare")
    elif len(specs) > 1:
        _compare(specs)
    else:
        _judge(specs[0])


def _compare(specs: list[str]) -> None:
    from stepbench.cli.output import console
    from stepbench.conformance.implementations import STEPS, alike, partings, reasons
    from stepbench.report.tables import parted

    methods = alike(specs)
    with console().status("comparing"):
        found = [*partings(specs, methods)]
    console().print(parted(STEPS, specs, methods, found, [reasons(method) for method in methods]))


def _judge(spec: str) -> None:
    from rich.text import Text

    from stepbench import InputError, catalog
    from stepbench.catalog import files
    from stepbench.cli.output import console
    from stepbench.conformance import judge
    from stepbench.conformance.invariance import card
    from stepbench.contracts import Method, Problem
    from stepbench.engine.vetting import vet_method, vet_shapes
    from stepbench.report.document import terminal
    from stepbench.report.explained import invariance_blocks
    from stepbench.report.tables import files_beside, findings

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
        out.print(terminal(invariance_blocks(card(thing)), out.width))
    for part in [thing.unchanged] if isinstance(thing, Problem) else thing.parts:
        if files.is_users(type(part)):
            out.print(Text(files_beside(files.seen_beside(type(part)))))
    passed = sum(finding.passed is True for finding in found)
    out.print(f"{passed} passed, {failed} failed", style="bold red" if failed else "green", highlight=False)
    raise typer.Exit(1 if failed else 0)
