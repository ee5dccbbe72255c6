"""``stepbench show``: one problem or method, explained."""

from __future__ import annotations

from typing import Annotated

import typer

from stepbench.options import OUTPUT


def command(
    name: Annotated[str, typer.Argument(help="A problem or method, as rosenbrock, rdbd or adam+l4.")],
    open_: Annotated[
        bool, typer.Option("--open", help="Open it as a page in the browser, with an example.", rich_help_panel=OUTPUT)
    ] = False,
) -> None:
    """Explain a problem or a method.

    A method's algorithm, source and hyper-parameters; a problem's formula,
    start, minimum and window.
    """
    from stepbench import catalog
    from stepbench.cli.output import console
    from stepbench.conformance.invariance import card
    from stepbench.contracts import Problem
    from stepbench.engine.vetting import vet_shapes
    from stepbench.report import document
    from stepbench.report.explained import method_blocks, problem_blocks

    thing = catalog.find(name)
    if isinstance(thing, Problem):
        vet_shapes(thing.unchanged)
        blocks = problem_blocks(thing)
    else:
        blocks = method_blocks(name, thing, card(thing))
    out = console()
    for block in blocks:
        out.print(document.terminal([block], out.width))
        if not isinstance(block, document.Heading):
            out.print()
    if open_:
        import tempfile
        import webbrowser
        from pathlib import Path

        from stepbench.web.explained import page

        file = Path(tempfile.mkdtemp(prefix="stepbench-"), "page.html")
        file.write_text(page(name, thing, blocks), encoding="utf-8")
        if not webbrowser.open(file.as_uri()):
            out.print(f"no browser was found: open {file} yourself")
