"""What would have helped: other settings and methods, each run on the same terms."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.autopsy.steps import Steps
from stepbench.contracts import Joined, Runnable, hyperparameters, values_of, with_values
from stepbench.engine.result import Result
from stepbench.engine.running import attempt
from stepbench.fields import InputError


def tried(
    result: Result,
    method: Runnable,
    steps: Steps,
    options: dict[str, Any],
    progress: Callable[[int, int], None] | None,
) -> tuple[Result, ...]:
    """A run of each candidate on the same terms, the best first."""
    results: list[Result] = []
    candidates = list(_candidates(result, method, steps))
    for k, candidate in enumerate(candidates):
        if progress is not None:
            progress(k, len(candidates))
        try:
            results.append(attempt(result.problem, candidate, label=catalog.label(candidate), **options))
        except InputError:  # it needs what the problem lacks
            continue
    return tuple(sorted(results, key=rank))


def _candidates(result: Result, method: Runnable, steps: Steps) -> Iterator[Runnable]:
    """Other settings of the method, and a few other methods; each once, and never the method itself."""
    specs = {method.spec()}
    for candidate in _ideas(result, method, steps):
        if candidate.spec() not in specs:
            specs.add(candidate.spec())
            yield candidate


def _ideas(result: Result, method: Runnable, steps: Steps) -> Iterator[Runnable]:
    known = hyperparameters(method)
    if values_of(method).get("f_star") is not None and result.problem.f_star is not None:
        yield with_values(method, {"f_star": None})
    rates = []
    if "lr" in known:
        lr = float(values_of(method)["lr"])
        rates = [lr * factor for factor in (0.1, 0.3, 3, 10)]
        steepest = steps.steepest[result.value[steps.record] <= result.value[0]]
        if steepest.size and (most := np.nanmax(steepest, initial=0.0)) > 0:
            rates += [1 / float(most)]
        for rate in rates:
            yield with_values(method, {"lr": _round(rate)})
    if isinstance(method, Joined) and method.rule.name == "constant":
        yield with_values(
            catalog.method(f"{method.direction.name}+cosine"), {"lr": values_of(method)["lr"]} | _of_direction(method)
        )
    if isinstance(method, Joined) and method.direction.name == "gradient":
        momentum = dataclasses.replace(method, direction=catalog.method("momentum").direction)
        yield momentum
        if rates:
            yield with_values(momentum, {"lr": _round(rates[0])})
            yield with_values(momentum, {"lr": _round(rates[-1])})
    yield catalog.method("bb")
    if result.problem.f_star is not None:
        yield catalog.method("polyak")


def _of_direction(method: Joined) -> dict[str, Any]:
    """The hyper-parameters of the direction, as they are set."""
    return {
        key: value for key, value in values_of(method).items() if hyperparameters(method)[key][0] is method.direction
    }


def _round(rate: float) -> float:
    return float(f"{rate:.2g}")


def rank(result: Result) -> tuple[bool, float, float]:
    """The order of runs: those that met the target by what they spent, then the others by where they ended."""
    last = float(result.value[-1])
    if result.status == "converged":
        return False, float(result.cost[-1]), last
    if result.status == "budget":
        return True, last, 0.0
    return True, math.inf, 0.0


def better(one: Result, other: Result) -> bool:
    """Whether the difference is worth telling: a better status, a tenth less spent, or half the error."""
    if one.status == "converged":
        return other.status != "converged" or bool(one.cost[-1] <= 0.9 * other.cost[-1])
    if other.status == "diverged":
        return one.status == "budget" and bool(one.value[-1] < other.value.min())
    if one.error is None:
        return bool(one.f[-1] < other.f[-1] - 1e-6 * abs(other.f[-1]))
    return bool(one.error[-1] <= 0.5 * other.value[-1])
