"""Several methods on one problem, at equal terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stepbench import catalog
from stepbench.contracts import Problem, Runnable
from stepbench.engine.result import Result
from stepbench.engine.running import attempt
from stepbench.fields import InputError
from stepbench.showing import Filmed


@dataclass(frozen=True, repr=False)
class Comparison(Filmed):
    """Single runs of one problem, by several methods: a row per method, all traces and errors in one figure."""

    results: Sequence[Result]


def compare(problem: str | Problem, methods: str | Runnable | Iterable[str | Runnable], **options: Any) -> Comparison:
    """Run each of the methods, one run each, with the same options of ``run``; who was lost is told by the table.

    A run in which f raises an error has failed, and the others are shown.
    Raises InputError where there is no method, or one cannot run.
    """
    problem = catalog.problem(problem)
    methods = [methods] if isinstance(methods, str | Runnable) else list(methods)
    if not methods:
        raise InputError("give at least one method")
    runners = [catalog.method(method) for method in methods]  # all are looked up before any is run
    names = [method if isinstance(method, str) else None for method in methods]
    return Comparison(
        [attempt(problem, m, label=name, **options).alone() for m, name in zip(runners, names, strict=True)]
    )
