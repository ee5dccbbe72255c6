"""What every problem and every method must satisfy: the project's own tests and ``stepbench check`` ask the same.

A check is a function. It returns what it measured, in words; "" says that it does not apply. It raises Nonconformance,
with the numbers, where the object fails. Its docstring says what holds where the check passes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.catalog import files
from stepbench.contracts import Method, Problem, Runnable
from stepbench.fields import InputError


class Nonconformance(AssertionError):  # noqa: N818 - it is a finding
    """The object breaks the contract; the message gives the numbers."""


def require(condition: Any, detail: str) -> None:
    """Raise Nonconformance with the detail unless the condition holds."""
    if not condition:
        raise Nonconformance(detail)


class Finding(NamedTuple):
    """What one check found: ``passed`` is None where it does not apply."""

    check: str
    passed: bool | None
    detail: str


def judge(thing: Problem | Runnable) -> Iterator[Finding]:
    """Every check of a problem or of a method, one after the other."""
    if isinstance(thing, Problem):
        for check in import_module(f"stepbench.conformance.{thing.checks}").CHECKS:
            yield _finding(check, [partial(check, thing)])
    elif isinstance(thing, Method):
        methods = import_module("stepbench.conformance.methods")
        problems = [catalog.problem(spec) for spec in methods.PROBLEMS]
        problems = [problem for problem in problems if not thing.missing(problem.supplies)]
        for check in methods.CHECKS:
            yield _finding(check, [partial(check, thing, problem) for problem in problems])


def _finding(check: Callable[..., str], calls: Iterable[Callable[[], str]]) -> Finding:
    title = inspect.getdoc(check) or ""
    try:
        with np.errstate(all="ignore"):
            details = [call() for call in calls]
    except (Nonconformance, InputError) as failure:
        return Finding(title, False, str(failure))
    except Exception as error:  # anything that the user's code raises, or ours on its answers
        detail = f"{type(error).__name__}: {error}"
        if (lines := files.users_lines(error)) is not None:
            detail = f"{lines[0]}: {detail}"
        return Finding(title, False, detail)
    if detail := "; ".join(dict.fromkeys(filter(None, details))):
        return Finding(title, True, detail)
    return Finding(title, None, "does not apply")
