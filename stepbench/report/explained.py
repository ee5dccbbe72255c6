"""What is told of a problem or a method: by ``stepbench show``, as a page of its own, and in the documentation."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.catalog.files import is_users
from stepbench.conformance.invariance import STEPS, Invariance
from stepbench.contracts import Joined, Problem, Runnable, hyperparameters, parameters
from stepbench.fields import Field, InputError, Parametric, show_point, show_value
from stepbench.report.document import Block, Grid, Heading, Paragraph, Part, Styled, Verbatim

SECTIONS = ("Algorithm", "Needs", "Source", "Deviations")
"""The sections of a method's docstring."""


def method_blocks(name: str, method: Runnable, changes: Iterable[Invariance]) -> list[Block]:
    """A method: its algorithm, its source, its hyper-parameters, and what changes its path."""
    told = list(method.parts)
    alone = ""
    if isinstance(method, Joined):  # the plain gradient and the constant step are said in passing
        plain = [method.direction.name == "gradient", method.rule.name == "constant"]
        told = [part for part, bare in zip(method.parts, plain, strict=False) if not bare] or told[:2]
        if told == [method.direction]:
            alone = "A direction: alone it runs with a constant step size; any rule can follow it, as "
            alone += f"{method.direction.name}+rdbd."
        elif told == [method.rule]:
            alone = "A step-size rule: alone it runs on the plain gradient; any direction can stand before it, as "
            alone += f"adam+{method.rule.name}."
    blocks: list[Block] = [Heading(1, name, name)]
    if name in catalog.ALIASES:
        blocks.append(Paragraph([Styled(name, "code"), " is ", Styled(catalog.ALIASES[name], "code"), "."]))
    for part in told:
        if told != [part] or part.name != name:
            blocks.append(Heading(2, part.name, name, part.name))
        title, *rest = _docstring(part, name, 2 if told == [part] else 3)
        blocks += [title, *([Paragraph(alone)] if alone else []), *rest]
    if fields := field_rows(hyperparameters(method)):
        blocks += [Heading(2, "Hyper-parameters", name), fields]
    return [*blocks, Heading(2, "What changes its path", name), *invariance_blocks(changes)]


def invariance_blocks(changes: Iterable[Invariance]) -> list[Block]:
    """Which changes of the function leave a method's path as it is; the deviation where one does not."""
    rows = []
    for change in changes:
        away = "changes by 100 times its length or more"
        if change.holds:
            away = "stays the same"
        elif math.isnan(change.deviation):
            away = "cannot be told: it goes nowhere"
        elif change.deviation < 100:
            away = f"changes by {change.deviation:.2g} of its length"
        rows.append(([Styled("✓", "good") if change.holds else Styled("✗", "bad")], change.change, away))
    return [Grid(("same", "when", f"the path of {STEPS} steps"), rows)]


def problem_blocks(problem: Problem) -> list[Block]:
    """A problem: its formula, its parameters, and what is known of it."""
    name = str(problem)
    blocks: list[Block] = [Heading(1, name, name), *_docstring(problem.unchanged, name, 2)]
    if fields := field_rows(parameters(problem)):
        blocks += [Heading(2, "Parameters", name), fields]
    return [*blocks, Heading(2, "What is known of it", name), Grid(("quantity", "value"), [*_facts(problem)])]


def _facts(problem: Problem) -> Iterator[tuple[str, str]]:
    """What is known of a problem, as far as it is without data that are not there."""
    yield "source", problem.source or "none given"
    try:
        yield from _measures(problem)
    except InputError as missing:
        yield "more", f"is known where its data are: {missing}"


def _measures(problem: Problem) -> Iterator[tuple[str, str]]:
    yield "dimension", f"{sum(problem.tensors):,}"
    if problem.in_numpy:
        yield "start", _points(problem.x0)
        yield "minimiser", _points(problem.x_star)
    yield "minimum f*", "unknown" if problem.f_star is None else f"{problem.f_star:g}"
    if problem.local_minima:
        yield "other minima", ", ".join(f"{value:g}" for value in problem.local_minima)
    cls = type(problem.unchanged)
    if not is_users(cls) or "smoothness" in vars(cls):  # else it is not declared
        yield "smoothness", problem.smoothness
    if problem.conditioning is not None:
        yield "conditioning", f"{problem.conditioning:.3g}: λmax/λmin of the Hessian at the minimiser"
    if problem.mu is not None and problem.L is not None:
        yield "μ, L", f"{problem.mu:g}, {problem.L:g} (condition number {problem.L / problem.mu:g})"
    if problem.view is not None:
        (left, right), (bottom, top) = problem.view
        yield "window", f"{left:g} … {right:g} by {bottom:g} … {top:g}"
    each = f"{1 / problem.fraction:g} per epoch" if problem.stochastic else "none: every step sees all of f"
    yield "mini-batches", each
    if "grad" in problem.derived:
        yield "gradient", f"derived from f by {problem.derivation('grad')}"


def _points(x: Any) -> str:
    if x is None:
        return "unknown"
    shown = [show_point(one) for one in np.reshape(x, (len(x), -1)).T]
    return ", ".join([*shown[:6], "…"] if len(shown) > 6 else shown)


def field_rows(owned: Mapping[str, tuple[Parametric, Field]]) -> Grid | None:
    """A row per field: its symbol, value, range, what tuning tries, and its meaning; None where there is no field."""
    if not owned:
        return None
    tuned = any(field.search for _, field in owned.values())
    heads = ["field", "symbol", "value", "range", *(["tuned over"] if tuned else []), "meaning"]
    rows = []
    for key, (part, field) in owned.items():
        search = [field.search] if tuned else []
        rows.append((key, field.symbol, show_value(getattr(part, field.name)), field.range, *search, field.meaning))
    return Grid(tuple(heads), rows)


def _docstring(thing: Parametric, page: str, level: int) -> Iterator[Block]:
    """A docstring: its first line as a sentence that stands out, its prose, and its algorithm as it stands."""
    title, _, body = catalog.docstring(type(thing)).partition("\n")
    yield Paragraph([Styled(title)])
    for heading, text in _sections(body):
        if heading:
            yield Heading(level, heading, page)
        if heading.startswith("Algorithm"):
            yield Verbatim(text.replace("``", ""))
        else:
            for paragraph in text.split("\n\n"):
                yield Paragraph(_with_code(" ".join(paragraph.split())))


def _with_code(text: str) -> list[Part]:
    """A text in which what stands between double backticks is code."""
    parts = re.split(r"``(.+?)``", text)
    return [Styled(part, "code") if k % 2 else part for k, part in enumerate(parts) if part]


def _sections(body: str) -> Iterator[tuple[str, str]]:
    """The sections of a docstring's body: (heading, text); the prose before the first heading has none."""
    heading, lines = "", list[str]()
    for line in [*body.splitlines(), "End"]:
        if line.split(",")[0] in (*SECTIONS, "End"):
            text = textwrap.dedent("\n".join(lines)).strip("\n")
            if text:
                yield heading, text
            heading, lines = line, []
        else:
            lines.append(line)
