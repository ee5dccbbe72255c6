"""``stepbench show``: one problem or method, explained."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def command(name: Annotated[str, typer.Argument(help="A problem or method, as rosenbrock, rdbd or adam+l4.")]) -> None:
    """Show a method's algorithm, source and hyper-parameters, or a problem's formula, start, minimum and window."""
    from stepbench import InputError, catalog
    from stepbench.fields import nearest

    head = name.partition(":")[0]
    if head in catalog.names("problems"):
        _show_problem(catalog.problem(name))
    elif head in catalog.method_names() or "+" in name:
        _show_method(name, catalog.method(name))
    else:
        known = (*catalog.names("problems"), *catalog.method_names())
        raise InputError(f"nothing is called {name}{nearest(name, known)}; see stepbench list")


def _text(thing: Any) -> None:
    import inspect

    from rich.text import Text

    from stepbench.cli._common import console

    title, _, body = (inspect.getdoc(type(thing)) or "").partition("\n")
    console().print(Text(f"{thing.name}: {title}", style="bold"))
    if body.strip():
        console().print(Text(body.strip("\n") + "\n"))


def _fields(parts: list[Any]) -> None:
    from rich.table import Table

    from stepbench.cli._common import console
    from stepbench.fields import fields_of

    table = Table("field", "symbol", "value", "range", "meaning", title_justify="left")
    for part in parts:
        for field in fields_of(type(part)).values():
            value = getattr(part, field.name)
            shown = "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            table.add_row(field.name, field.symbol, shown, field.range, field.meaning)
    if table.row_count:
        console().print(table)


def _show_method(name: str, method: Any) -> None:
    from stepbench import catalog
    from stepbench.cli._common import console
    from stepbench.contracts import Joined

    if name in catalog.ALIASES:
        console().print(f"{name} is {catalog.ALIASES[name]}\n", highlight=False)
    parts = [part for part in method.parts if part is not method or not isinstance(method, Joined)]
    for part in parts:
        _text(part)
    _fields([*parts, method] if isinstance(method, Joined) else parts)


def _show_problem(problem: Any) -> None:
    import numpy as np
    from rich.table import Table

    from stepbench.cli._common import console

    _text(problem)
    _fields([problem])

    def vector(x: Any) -> str:
        return (
            "unknown"
            if x is None
            else "(" + ", ".join(f"{v:g}" for v in np.asarray(x)[:6]) + ", …" * (len(x) > 6) + ")"
        )

    facts = Table.grid(padding=(0, 2))
    facts.add_row("start", vector(problem.x0))
    facts.add_row("minimiser", vector(problem.x_star))
    facts.add_row("minimum f*", "unknown" if problem.f_star is None else f"{problem.f_star:g}")
    if problem.mu is not None and problem.L is not None:
        facts.add_row("μ, L", f"{problem.mu:g}, {problem.L:g} (condition number {problem.L / problem.mu:g})")
    if problem.view is not None:
        (left, right), (bottom, top) = problem.view
        facts.add_row("window", f"{left:g} … {right:g} by {bottom:g} … {top:g}")
    facts.add_row("mini-batches", f"{problem.epoch} an epoch" if problem.stochastic else "none: f is not sampled")
    facts.add_row("source", problem.source or "none given")
    console().print(facts)
