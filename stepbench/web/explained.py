"""A problem or a method as one page of its own, with an example that runs in it: ``stepbench show NAME --open``."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

from stepbench import catalog
from stepbench.contracts import Problem, Runnable
from stepbench.engine.comparison import Comparison, compare
from stepbench.report import document
from stepbench.report.document import Block, Heading, Live, Paragraph, Styled
from stepbench.web import live

PROBLEMS = ("rosenbrock", "quadratic", "quadratic:kappa=10", "gallery/matyas")
"""Where a method is shown: on the first of these on which it is not lost."""

METHODS = ("gd", "adam:lr=0.01", "csawg")
"""What a problem is shown with."""

BUDGET = 1000


class Example(NamedTuple):
    """Some runs, the command that makes them, and their page for a browser."""

    runs: Comparison
    command: str
    page: str


def example(name: str, thing: Problem | Runnable) -> Example | None:
    """Runs that show a problem or a method; None where none can, as for a network, whose training takes long."""
    if isinstance(thing, Problem):
        return _example(compare(name, METHODS, budget=BUDGET)) if thing.in_numpy else None
    fitting = [problem for problem in PROBLEMS if not thing.missing(catalog.problem(problem).supplies)]
    runs = [compare(problem, [name], budget=BUDGET) for problem in fitting]
    first = min(runs, key=lambda one: one.results[0].status not in ("converged", "budget"), default=None)
    return None if first is None else _example(first)


def _example(runs: Comparison) -> Example:
    methods = " ".join(r.label for r in runs.results)
    command = f"stepbench compare {runs.results[0].problem} {methods} --budget {BUDGET}"
    return Example(runs, command, live.page(runs.results, f"{command} --html page.html"))


def example_blocks(name: str, shown: Example, source: str) -> list[Block]:
    """An example under its heading, with its command; ``source`` is where its page is."""
    words = ", ".join(r.label for r in shown.runs.results) + f" on {shown.runs.results[0].problem}"
    return [Heading(2, "An example", name), Paragraph([Styled(shown.command, "code")]), Live(words, source)]


def page(name: str, thing: Problem | Runnable, blocks: Sequence[Block]) -> str:
    """One HTML file of what is told of a problem or a method, with an example; it asks the network for nothing."""
    shown = example(name, thing)
    if shown is None:
        return document.page(name, blocks)
    source = f"data:text/html;charset=utf-8;base64,{b64encode(shown.page.encode()).decode()}"
    return document.page(name, [*blocks, *example_blocks(name, shown, source)])
