"""A quick trial: what settings a run that was lost could have had, tried in short batches."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from stepbench.autopsy.trials import better, rank
from stepbench.contracts import Method, Runnable, hyperparameters, values_of, varying, with_values
from stepbench.engine.result import Result
from stepbench.engine.running import run_quietly
from stepbench.fields import Field
from stepbench.study.grid import interval

EVALUATIONS = 1_000
"""The budget of each run at first: some hundred runs in lock-step then take a few hundredths of a second."""

FINALISTS = 4
"""How many of the best settings are run to the end, of those that change one hyper-parameter, and of the others."""

PATIENCE = 1.0
"""The seconds after which the short runs are given up, or those to the end, as on a function that is slow."""

Setting: TypeAlias = dict[str, Any]
"""One or two of a method's hyper-parameters, by their keys, with other values."""

Tried: TypeAlias = tuple[Setting, Result]
"""A setting, and the run of it."""


class _TooSlow(Exception):  # noqa: N818 - not an error
    """The runs of a trial have lasted too long."""


class QuickTrial(NamedTuple):
    """What a trial found, and how many ``settings`` it tried.

    ``method`` is the method with the best setting, and ``result`` the longest run of it that was made; both are None
    where no setting ends lower than the start.
    """

    settings: int
    method: Method | None = None
    result: Result | None = None


def quick_trial(result: Result, method: Runnable, options: dict[str, Any]) -> QuickTrial | None:
    """The best setting of a method whose single run was lost; None where nothing can be tried.

    Three kinds of settings are tried in turn, until one ends lower than the start: ``_scaled``, ``_beyond`` and
    ``_restructured``. All runs of a kind are short; the best of them are run to the end, since a setting that is lost
    later is no help. Several hyper-parameters are changed only where that is worth telling. ``options`` are those of
    the run but for its budget, as ``stepbench.run`` takes them. Networks and peers are not tried, and a trial that is
    not quick is given up.
    """
    if not isinstance(method, Method) or not result.problem.in_numpy:
        return None
    terms = options | {"trace": False, "progress": _deadline(), "budget": min(result.budget, EVALUATIONS)}
    steps = min(result.budget, options.get("steps") or result.budget)
    tried = 0
    for kind in (_scaled(method), _beyond(method), _restructured(method, steps)):
        settings = [*kind]
        try:
            made = _tried(result, method, settings, terms)
        except Exception:  # a user's file may fail in a batch or far away, where the run itself did not
            break
        tried += len(settings)
        best = _finalists(made)
        try:
            settings = [setting for setting, _ in best]
            to_the_end = terms | {"budget": result.budget, "progress": _deadline()}
            best = _finalists(_tried(result, method, settings, to_the_end))
        except Exception:  # what was measured of the short runs still holds
            pass
        if best:
            setting, run = best[0]
            return QuickTrial(tried, with_values(method, setting), run)
    return QuickTrial(tried) if tried else None


# The kinds of settings


def _scaled(method: Method) -> Iterator[Setting]:
    """Other step sizes and scales, which mostly decide whether a run is lost.

    These are the hyper-parameters whose declared range is logarithmic, in powers of ten, alone and every two together.
    """
    yield from _alone_and_together({key: _decades(key, field) for key, field in _ranged(method) if _is_scale(field)})


def _beyond(method: Method) -> Iterator[Setting]:
    """All hyper-parameters with a range, over it and on towards the bound below it, alone and every two together."""
    yield from _alone_and_together(
        {key: [*_decades(key, field), *_towards_bound(key, field)] for key, field in _ranged(method)}
    )


def _restructured(method: Method, steps: int) -> Iterator[Setting]:
    """Larger structural numbers, such as a window or a horizon, alone and with every scale.

    They are 10 to 1000 times what they are, or what a run has of ``steps`` where they are none.
    """
    scales = {key: _decades(key, field) for key, field in _ranged(method) if _is_scale(field)}
    own = values_of(method)
    for key, (_, field) in hyperparameters(method).items():
        if field.many or field.kind not in ("int", "float") or field.limits[1] < math.inf:
            continue
        now = steps if own[key] is None else own[key] or 1
        for value in (10 * now, 100 * now, 1000 * now):
            yield {key: value}
            yield from ({key: value, scale: other} for scale, values in scales.items() for other in values)


def _alone_and_together(values: dict[str, list[float]]) -> Iterator[Setting]:
    yield from ({key: value} for key in values for value in values[key])
    for one, other in itertools.combinations(values, 2):
        yield from ({one: a, other: b} for a, b in itertools.product(values[one], values[other]))


def _ranged(method: Method) -> Iterator[tuple[str, Field]]:
    """The hyper-parameters that have a range and a value, and in which the runs of a batch may differ."""
    own = values_of(method)
    return ((key, field) for key, field in varying(method).items() if ":" in field.search and own[key] is not None)


def _is_scale(field: Field) -> bool:
    return field.search.endswith(":log")


def _decades(key: str, field: Field) -> list[float]:
    """Values over the range of a hyper-parameter: powers of ten, or near them, of a scale, and five of another."""
    span = interval(key, field.search, field)
    steps = max(1, round(math.log10(span.high / span.low))) if span.log else 4
    return span.values(np.linspace(0, 1, steps + 1))


def _towards_bound(key: str, field: Field) -> list[float]:
    """Values below the range of a hyper-parameter, each a tenth as far from its lower bound as the one before."""
    low, bound = interval(key, field.search, field).low, field.limits[0]
    return [float(f"{bound + (low - bound) / 10**k:.12g}") for k in range(1, 5)] if -math.inf < bound < low else []


# Their runs


def _tried(result: Result, method: Method, settings: list[Setting], terms: dict[str, Any]) -> list[Tried]:
    """Each setting with its run. Those that differ in structural numbers are batches of their own."""
    numbers, own = varying(method), values_of(method)
    batches: dict[tuple[tuple[str, Any], ...], list[Setting]] = {}
    for setting in settings:
        batches.setdefault(tuple(item for item in setting.items() if item[0] not in numbers), []).append(setting)
    found: list[Tried] = []
    for structure, batch in batches.items():
        keys = numbers.keys() & itertools.chain(*batch)
        arrays = {key: np.array([setting.get(key, own[key]) for setting in batch]) for key in keys}
        runs = run_quietly(result.problem, with_values(method, dict(structure) | arrays), **terms)
        found += [(setting, runs[r] if runs.f.ndim > 1 else runs) for r, setting in enumerate(batch)]
    return found


def _finalists(tried: list[Tried]) -> list[Tried]:
    """The best that end lower than the start: some that change one hyper-parameter, and some that change two.

    Those that change one come first, unless the others do better by so much that it is worth telling.
    """
    lower = [(s, run) for s, run in tried if run.status in ("converged", "budget") and run.value[-1] < run.value[0]]
    lower.sort(key=lambda one: rank(one[1]))
    alone, together = ([one for one in lower if len(one[0]) == n][:FINALISTS] for n in (1, 2))
    if not alone or (together and better(together[0][1], alone[0][1])):
        return together + alone
    return alone + together


def _deadline() -> Callable[[int, int], None]:
    """What a run calls now and then, and what ends it when that has lasted too long."""
    end = time.monotonic() + PATIENCE

    def look(*_: int) -> None:
        if time.monotonic() > end:
            raise _TooSlow

    return look
