"""``stepbench show``: one problem or method, explained."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from stepbench.contracts import Problem, Runnable
    from stepbench.fields import Field


def command(name: Annotated[str, typer.Argument(help="A problem or method, as rosenbrock, rdbd or adam+l4.")]) -> None:
    """Explain a problem or a method.

    A method's algorithm, source and hyper-parameters; a problem's formula,
    start, minimum and window.
    """
    from stepbench import catalog
    from stepbench.contracts import Problem

    thing = catalog.find(name)
    if isinstance(thing, Problem):
        _show_problem(thing)
    else:
        _show_method(name, thing)


def _show_method(name: str, method: Runnable) -> None:
    from stepbench import catalog
    from stepbench.cli.output import console
    from stepbench.conformance.invariance import STEPS, card
    from stepbench.contracts import Joined, hyperparameters
    from stepbench.report.tables import invariance_card

    if name in catalog.ALIASES:
        console().print(f"{name} is {catalog.ALIASES[name]}\n", highlight=False)
    told = list(method.parts)
    if isinstance(method, Joined):  # the plain gradient and the constant step are said in passing
        plain = [method.direction.name == "gradient", method.rule.name == "constant"]
        told = [part for part, bare in zip(method.parts, plain, strict=False) if not bare] or told[:2]
    for part in told:
        _explain(part)
    _fields(hyperparameters(method))
    if isinstance(method, Joined) and len(told) == 1:
        other = "on the plain gradient; any direction can stand before it, as adam+" + method.rule.name
        if told[0] is method.direction:
            other = f"with a constant step size; any rule can follow it, as {method.direction.name}+rdbd"
        console().print(f"Alone it runs {other}.\n", highlight=False)
    console().print(invariance_card(STEPS, card(method)))


def _show_problem(problem: Problem) -> None:
    import numpy as np

    from stepbench.catalog.files import is_users
    from stepbench.cli.output import console
    from stepbench.contracts import parameters
    from stepbench.engine.vetting import vet_shapes
    from stepbench.fields import show_point
    from stepbench.report.literal import Table

    vet_shapes(problem.unchanged)
    _explain(problem.unchanged)
    _fields(parameters(problem))

    def vector(x: Any) -> str:
        if x is None:
            return "unknown"
        each = np.reshape(x, (len(x), -1)).T
        shown = [show_point(one) for one in each]
        if len(shown) > 6:
            shown = [*shown[:6], "…"]
        return ", ".join(shown)

    facts = Table.grid(padding=(0, 2))
    facts.add_row("start", vector(problem.x0))
    facts.add_row("minimiser", vector(problem.x_star))
    facts.add_row("minimum f*", "unknown" if problem.f_star is None else f"{problem.f_star:g}")
    if problem.local_minima:
        facts.add_row("other minima", ", ".join(f"{value:g}" for value in problem.local_minima))
    cls = type(problem.unchanged)
    if not is_users(cls) or "smoothness" in vars(cls):  # else it is not declared
        facts.add_row("smoothness", problem.smoothness)
    if problem.conditioning is not None:
        facts.add_row("conditioning", f"{problem.conditioning:.3g}: λmax/λmin of the Hessian at the minimiser")
    if problem.mu is not None and problem.L is not None:
        facts.add_row("μ, L", f"{problem.mu:g}, {problem.L:g} (condition number {problem.L / problem.mu:g})")
    if problem.view is not None:
        (left, right), (bottom, top) = problem.view
        facts.add_row("window", f"{left:g} … {right:g} by {bottom:g} … {top:g}")
    facts.add_row(
        "mini-batches",
        f"{1 / problem.fraction:g} per epoch" if problem.stochastic else "none: every step sees all of f",
    )
    if "grad" in problem.derived:
        facts.add_row("gradient", f"derived from f by {problem.derivation('grad')}")
    facts.add_row("source", problem.source or "none given")
    console().print(facts)


def _explain(thing: Any) -> None:
    """Print a docstring: its first line as a title, its prose wrapped to the terminal, its algorithm as it stands."""
    from rich.padding import Padding
    from rich.text import Text

    from stepbench import catalog
    from stepbench.cli.output import console

    title, _, body = catalog.docstring(type(thing)).partition("\n")
    out = console()
    out.print(Text(f"{thing.name}: {title}\n", style="bold"))
    for heading, text in _sections(body.replace("``", "")):
        if heading:
            out.print(Text(heading, style="bold"))
        verbatim = heading.startswith("Algorithm")
        words = text if verbatim else "\n\n".join(" ".join(p.split()) for p in text.split("\n\n"))
        out.print(Padding(Text(words), (0, 0, 1, 4 if heading else 0)))


def _sections(body: str) -> Iterator[tuple[str, str]]:
    """The sections of a docstring's body: (heading, text); the prose before the first heading has none."""
    heading, lines = "", list[str]()
    for line in [*body.splitlines(), "End"]:
        if line.split(",")[0] in ("Algorithm", "Needs", "Source", "Deviations", "End"):
            text = textwrap.dedent("\n".join(lines)).strip("\n")
            if text:
                yield heading, text
            heading, lines = line, []
        else:
            lines.append(line)


def _fields(owned: dict[str, tuple[Any, Field]]) -> None:
    from rich import box

    from stepbench.cli.output import console
    from stepbench.fields import show_value
    from stepbench.report.literal import Table

    tuned = any(field.search for _, field in owned.values())
    headings = ["field", "symbol", "value", "range", "meaning"]
    if tuned:
        headings.insert(-1, "tuned over")
    table = Table(*headings, box=box.SIMPLE_HEAD, pad_edge=False)
    for key, (part, field) in owned.items():
        cells = [key, field.symbol, show_value(getattr(part, field.name)), field.range, field.meaning]
        if tuned:
            cells.insert(-1, field.search)
        table.add_row(*cells)
    if table.row_count:
        console().print(table)
