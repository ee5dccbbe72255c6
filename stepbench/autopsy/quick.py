"""A quick trial: what settings a run that was lost could have had, tried in one short batch."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stepbench.autopsy.trials import better, rank
from stepbench.contracts import Method, Runnable, values_of, varying, with_values
from stepbench.engine.result import Result
from stepbench.engine.running import run_quietly
from stepbench.study.grid import interval

EVALUATIONS = 1_000
"""The budget of each run of a trial: some hundred runs in lock-step then take about a tenth of a second."""

PATIENCE = 1.0
"""The seconds after which a trial is given up, as on a function that is slow to compute."""


class _TooSlow(Exception):  # noqa: N818 - not an error
    """A trial has lasted too long."""


class QuickTrial(NamedTuple):
    """The method as the trial found it best, its run, and how many settings were tried."""

    method: Method
    result: Result
    settings: int


def quick_trial(result: Result, method: Runnable, options: dict[str, Any]) -> QuickTrial | None:
    """The best setting of a method whose single run was lost, found in one batch; None where none does better.

    What is tried are the step sizes and other scales, which decide whether a run is lost: the hyper-parameters whose
    declared range is logarithmic, in powers of ten, each alone and every two together. Two are changed only where that
    is worth telling. ``options`` are those of the run but for its budget, as ``stepbench.run`` takes them. Networks and
    peers are not tried, and a trial that is not quick is given up.
    """
    if not isinstance(method, Method) or not result.problem.in_numpy:
        return None
    scales = _scales(method)
    alone = [{key: value} for key, values in scales.items() for value in values]
    together = [
        {one: a, other: b}
        for one, other in itertools.combinations(scales, 2)
        for a, b in itertools.product(scales[one], scales[other])
    ]
    settings = alone + together
    if not settings:
        return None
    own = values_of(method)
    batch = {key: np.array([setting.get(key, own[key]) for setting in settings]) for key in scales}
    terms = options | {"budget": min(result.budget, EVALUATIONS), "trace": False, "progress": _deadline()}
    try:
        runs = run_quietly(result.problem, with_values(method, batch), **terms)
    except Exception:  # a user's file may fail in a batch or far away, where the run itself did not
        return None
    best = _best(runs, range(len(alone)))
    if together and better(runs[two := _best(runs, range(len(alone), len(settings)))], runs[best]):
        best = two
    if not better(runs[best], result):
        return None
    return QuickTrial(with_values(method, settings[best]), runs[best], len(settings))


def _scales(method: Method) -> dict[str, list[float]]:
    """The powers of ten, or near them, of each hyper-parameter whose declared range is logarithmic, by its key."""
    own, scales = values_of(method), {}
    for key, field in varying(method).items():
        if field.search.endswith(":log") and own[key] is not None:
            span = interval(key, field.search, field)
            decades = max(1, round(math.log10(span.high / span.low)))
            scales[key] = span.values(np.linspace(0, 1, decades + 1))
    return scales


def _best(runs: Result, among: range) -> int:
    return min(among, key=lambda r: rank(runs[r]))


def _deadline() -> Callable[[int, int], None]:
    """What a run calls now and then, and what ends it when it has lasted too long."""
    end = time.monotonic() + PATIENCE

    def look(*_: int) -> None:
        if time.monotonic() > end:
            raise _TooSlow

    return look
