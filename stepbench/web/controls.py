"""The sliders of a page: which inputs they set, what those mean, and between which values they go."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Sequence
from typing import Any

from stepbench.contracts import Method, Problem, values_of
from stepbench.contracts.settings import hyperparameters, with_arrays
from stepbench.fields import Field, fields_of

LARGEST = sys.float_info.max
"""Beyond it is no number that JSON has."""


def slider_range(field: Field, value: float) -> tuple[float, float, bool]:
    """Between which values a slider goes, and whether evenly in the logarithm: as in tuning, or around the value."""
    low, high = field.limits
    if field.search:
        words = field.search.split(":") if ":" in field.search else [*field.search.split(",")]
        log = words[-1] == "log"
        numbers = [float(word) for word in words if word != "log"]
        first, last = min(numbers), max(numbers)
    elif low >= 0 and value > 0 and high > 10 * value:
        first, last, log = max(low, value / 100), min(high, value * 100), True
    elif high - low <= 720:
        first, last, log = low, high, False
    else:
        size = 3 * max(1.0, abs(value))
        first, last, log = max(low, value - size), min(high, value + size), False
    first, last = max(min(first, value), -LARGEST), min(max(last, value), LARGEST)
    return first, last, log and first > 0


def control(key: str, name: str, field: Field, value: float) -> dict[str, Any]:
    """A slider: which input it sets, how it is called, and between which values it goes."""
    first, last, log = slider_range(field, value)
    low, high = field.limits
    return {
        "input": key,
        "name": name,
        "symbol": field.symbol,
        "meaning": field.meaning,
        "value": value,
        "first": first,
        "last": last,
        "log": log,
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
        "open": [field.bounds[:1] == "(", field.bounds[-1:] == ")"],
        "range": field.range,
    }


def of_problem(problem: Problem, free: Sequence[str]) -> list[dict[str, Any]]:
    """The sliders of some fields of a problem."""
    return [control(f"q.{name}", name, fields_of(type(problem))[name], getattr(problem, name)) for name in free]


def of_method(method: Method) -> dict[str, Any]:
    """The sliders of a method, its spec in which the page puts their values, and all that the page can set."""
    shown, settable = _with_places(method)
    known, values = hyperparameters(method), values_of(method)
    order = [id(part) for part in reversed(method.parts)]  # the step size stands before the direction
    return {
        "spec": str(shown),
        "fixed": {name: str(float(values[key])).replace("inf", "Infinity") for key, name in settable.items()},
        "parameters": [
            control(name, key, known[key][1], float(values[key]))
            for key, name in sorted(settable.items(), key=lambda item: order.index(id(known[item[0]][0])))
            if math.isfinite(values[key])
        ],
    }


def inputs_of(method: Method) -> dict[str, str]:
    """The inputs of a method's program, by the hyper-parameters that they are."""
    return _with_places(method)[1]


def _with_places(method: Method) -> tuple[Any, dict[str, str]]:
    """The method with the name of an input, in braces, in place of each number; and those names by hyper-parameter."""
    places: list[str] = []

    def place(_: Any) -> Any:
        places.append(f"p.{len(places)}")
        return f"{{{places[-1]}}}"

    shown = with_arrays(method, place)
    return shown, {key: word[1:-1] for key, word in values_of(shown).items() if str(word)[1:-1] in places}


def problem_spec(problem: Problem, free: Sequence[str]) -> str:
    """The spec of a problem in which the page puts its values: each stands as {q.field}."""
    shown = copy.copy(problem)
    for name in free:
        object.__setattr__(shown, name, f"{{q.{name}}}")
    return str(shown)
