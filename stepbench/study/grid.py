"""Axes: what a study varies, written as ``lr=1e-5:1:60:log``, ``beta1=0.5,0.9`` or ``seed=0:8``."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, Problem, Runnable, hyperparameters, parameters, varying, with_values
from stepbench.engine.memory import refuse_beyond
from stepbench.engine.vetting import vet
from stepbench.fields import Field, InputError, nearest, show_value

Over: TypeAlias = str | Sequence[str] | Mapping[str, Any]
"""What is varied: texts such as ``"lr=1e-5:1:60:log"``, or values by name."""

MOST = 1_000_000
_SEED = Field("seed", "int", False, False, (), 0, "", "", "[0, inf)", "")
_START = Field("start", "float", True, False, (), 0.0, "", "", "(-inf, inf)", "")


@dataclass(frozen=True)
class Axis:
    """A name and the values it takes: a hyper-parameter, ``problem.kappa``, ``seed``, or ``w1`` of the start.

    Numbers are in order of size.
    """

    name: str
    values: tuple[Any, ...]
    log: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers, which lie on a line."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers, as of a field that counts."""
        return all(isinstance(value, int) and not isinstance(value, bool) for value in self.values)

    @property
    def kind(self) -> str:
        """What it varies: "method", "problem", "seed" or "start"."""
        if self.name == "seed":
            return "seed"
        if self.name.startswith("problem."):
            return "problem"
        return "start" if re.fullmatch(r"w[1-9]\d*", self.name) else "method"

    @property
    def component(self) -> int:
        """Which component of the start it is, from 0."""
        return int(self.name[1:]) - 1


def axes(over: Over, problem: Problem, methods: Sequence[Runnable]) -> tuple[Axis, ...]:
    """The axes that are asked for; raises InputError where the problem or a method has no such parameter."""
    if not methods:
        raise InputError("give at least one method")
    vet(problem)
    varied = []
    for name, values in pairs(over):
        fields = _fields(name, problem, methods)
        axis = _parsed(name, values, fields[0]) if isinstance(values, str) else _listed(name, values, fields[0])
        for field in fields:
            for value in axis.values:
                field.check(value)
        varied.append(axis)
    refuse_too_many(math.prod(len(axis.values) for axis in varied), len(methods), problem, "values")
    return tuple(sorted(varied, key=lambda axis: axis.kind == "seed"))  # repetitions come last


def refuse_too_many(runs: int, methods: int, problem: Problem, fewer: str) -> None:
    """Raise InputError where so many runs of each method do not fit a study, or their ends do not fit the memory."""
    if runs > MOST:
        raise InputError(f"that is {runs:,} runs per method; at most {MOST:,} fit a study: take fewer {fewer}")
    # What tells a run from others and how it ended, as Python has it; and the points where it begins and ends.
    refuse_beyond(runs * methods * (2000 + 80 * problem.x0.size), f"{runs * methods:,} runs", f"take fewer {fewer}")


def pairs(over: Over) -> list[tuple[str, Any]]:
    """What is varied, by name."""
    if isinstance(over, Mapping):
        return list(over.items())
    over = [over] if isinstance(over, str) else over
    if lacking := [text for text in over if "=" not in text]:
        raise InputError(f"{lacking[0]!r} varies nothing: write name=values, as lr=1e-5:1:60:log")
    asked = [(name.strip(), values) for name, _, values in (text.partition("=") for text in over)]
    if twice := [name for k, (name, _) in enumerate(asked) if name in dict(asked[:k])]:
        raise InputError(f"{twice[0]} is varied twice: give all its values at once")
    return asked


def _fields(name: str, problem: Problem, methods: Sequence[Runnable]) -> list[Field]:
    """The field that an axis varies, in each of the methods."""
    axis = Axis(name, ())
    if axis.kind == "seed":
        return [_SEED]
    if axis.kind == "start":
        if axis.component >= problem.x0.size:
            raise InputError(f"{name}: {problem} has {problem.x0.size} parameters, w1 to w{problem.x0.size}")
        return [_START]
    if axis.kind == "problem":
        key, of_problem = name.removeprefix("problem."), parameters(problem)
        if key not in of_problem:
            has = f"it has {', '.join(of_problem)}"
            raise InputError(f"{problem} has no parameter {key}{nearest(key, of_problem)}; {has}")
        return [of_problem[key][1]]
    fields = []
    for method in methods:
        known = {key: field for key, (_, field) in hyperparameters(method).items()}
        if name not in known:
            close = nearest(name, known)
            if name in parameters(problem):
                close = f" (the problem's is problem.{name})"
            raise InputError(f"{method} has no hyper-parameter {name}{close}; it has {', '.join(known)}")
        fields.append(known[name])
    return fields


def _listed(name: str, values: Any, field: Field) -> Axis:
    """The axis of values given as they are."""
    plain = _plain(name, values, field)
    return _axis(name, plain, _looks_logarithmic(plain))


def _plain(name: str, values: Any, field: Field) -> list[Any]:
    """The values of a list, each as the field keeps it."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if isinstance(values, list | tuple | range) and not values:
        raise InputError(f"{name} has no values")
    if not isinstance(values, list | tuple | range):
        raise InputError(f"{name} must have a list of values, or a text such as 1e-5:1:60:log; got {values!r}")
    for value in values:
        if isinstance(value, list | tuple | np.ndarray):
            raise InputError(f"{name} must have one number per value, not {value!r}")
        field.check(value)
    return [field.plain(value) for value in values]


def _looks_logarithmic(values: Sequence[Any]) -> bool:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return len(numbers) == len(values) > 1 and min(numbers) > 0 and max(numbers) >= 20 * min(numbers)


def _axis(name: str, values: Sequence[Any], log: bool) -> Axis:
    if len(set(values)) < len(values):
        again = next(v for k, v in enumerate(values) if v in values[:k])
        raise InputError(f"{name} has the value {show_value(again)} twice")
    axis = Axis(name, tuple(values), log)
    return replace(axis, values=tuple(sorted(values))) if axis.numeric else axis


def _parsed(name: str, text: str, field: Field) -> Axis:
    """The axis that a text describes."""
    if ":" not in text or field.kind not in ("int", "float"):
        values = [field.plain(field.parse(word)) for word in text.split(",")]
        return _axis(name, values, _looks_logarithmic(values))
    low, high, *rest = text.split(":")
    if not rest:
        return _axis(name, _integers(name, low, high, field), False)
    if rest[1:] not in ([], ["log"]):
        raise InputError(f"{name}={text}: write values as a,b,c, as a:b:n, as a:b:n:log, or as a:b for integers")
    try:
        n = int(rest[0])
    except ValueError:
        example = f"{low}:{high}:60:log" if "log" in rest else f"{low}:{high}:60"
        raise InputError(f"{name}={text}: how many values? Write {example}") from None
    spaced = interval(name, ":".join([low, high, *rest[1:]]), field)
    if not 2 <= n <= MOST:
        raise InputError(f"{name}={text}: the number of values must be from 2 to {MOST:,}")
    return _axis(name, list(dict.fromkeys(spaced.values(np.linspace(0.0, 1.0, n)))), spaced.log)


def _integers(name: str, low: str, high: str, field: Field) -> list[Any]:
    try:
        first, end = int(low), int(high)
    except ValueError:
        raise InputError(
            f"{name}={low}:{high}: how many values? Write {low}:{high}:20, or {low}:{high}:20:log"
        ) from None
    if first >= end:
        raise InputError(f"{name}={low}:{high} are the integers from {low} up to but not {high}: there are none")
    if end > first + MOST:
        raise InputError(f"{name}={low}:{high} are {end - first:,} values; at most {MOST:,} fit a study")
    return [field.plain(value) for value in range(first, end)]


@dataclass(frozen=True)
class Interval:
    """The numbers from ``low`` to ``high``, spread evenly or evenly in the logarithm; or a list of choices.

    ``whole`` where only whole numbers are meant.
    """

    low: float
    high: float
    log: bool
    whole: bool
    choices: tuple[Any, ...] = ()

    def values(self, parts: Any) -> list[Any]:
        """The values at these places, from 0 to 1 along the interval.

        They have twelve digits, so that a value that is printed gives the same run again.
        """
        parts = np.asarray(parts, dtype=float)
        if self.choices:
            return [self.choices[min(int(part * len(self.choices)), len(self.choices) - 1)] for part in parts]
        if self.log:
            spread = self.low ** (1 - parts) * self.high**parts
        else:
            spread = self.low * (1 - parts) + self.high * parts
        if self.whole:
            return [round(value) for value in spread.tolist()]
        return [min(max(float(f"{value:.12g}"), self.low), self.high) for value in spread.tolist()]

    def could_begin_lower(self, field: Field) -> bool:
        """Whether the field takes a value a little below ``low``."""
        return self._takes(field, self.low / 2 if self.log else self.low - 0.1 * (self.high - self.low))

    def could_end_higher(self, field: Field) -> bool:
        """Whether the field takes a value a little above ``high``."""
        return self._takes(field, self.high * 2 if self.log else self.high + 1e-3 * (self.high - self.low))

    def _takes(self, field: Field, value: float) -> bool:
        if self.choices:
            return False
        try:
            field.check(round(value) if self.whole else value)
        except InputError:
            return False
        return True

    def __str__(self) -> str:
        """As it is written."""
        if self.choices:
            return ",".join(show_value(choice) for choice in self.choices)
        return f"{self.low:g}:{self.high:g}:log" if self.log else f"{self.low:g}:{self.high:g}"


def interval(name: str, text: Any, field: Field) -> Interval:
    """What ``1e-6:10:log``, ``0:0.99`` or ``1,2,5`` spans, or a list of choices; raises InputError."""
    if not isinstance(text, str):
        return Interval(0.0, 1.0, False, False, tuple(_plain(name, text, field)))
    if ":" not in text or field.kind not in ("int", "float"):
        choices = tuple(field.plain(field.parse(word)) for word in text.split(","))
        for choice in choices:
            field.check(choice)
        return Interval(0.0, 1.0, False, False, choices)
    low, high, *rest = text.split(":")
    if rest not in ([], ["log"]):
        raise InputError(f"{name}={text}: a range is written low:high or low:high:log, as {low}:{high}:log")
    ends = []
    for word in (low, high):
        try:
            ends.append(float(word))
        except ValueError:
            raise InputError(f"{name}={text}: {word!r} is not a number") from None
        field.check(int(ends[-1]) if field.kind == "int" and ends[-1].is_integer() else ends[-1])
    if not ends[0] < ends[1] < np.inf:
        raise InputError(f"{name}={text} must go up, from a finite number to a larger one")
    if rest and ends[0] <= 0:
        raise InputError(f"{name}={text}: a logarithm needs numbers above 0")
    return Interval(ends[0], ends[1], bool(rest), field.kind == "int")


@dataclass(frozen=True)
class Group:
    """The cells of a grid that run in lock-step: one problem, one structure, one seed; arrays for the rest."""

    problem: Problem
    method: Runnable
    seed: int
    values: dict[str, np.ndarray[Any, Any]]
    start: np.ndarray[Any, Any] | None
    cells: np.ndarray[Any, Any]


def groups(
    problem: Problem, method: Runnable, over: Sequence[Axis], seed: int, start: Sequence[float] | None
) -> Iterator[Group]:
    """Every group of the grid of these axes; the ``cells`` are indices into the grid, in C order."""
    shape = [len(axis.values) for axis in over]
    together = [axis for axis in over if _in_lockstep(axis, method)]
    apart = [axis for axis in over if axis not in together]
    order = [over.index(axis) for axis in (*apart, *together)]
    cells = np.arange(math.prod(shape)).reshape(shape).transpose(order)
    spread = np.meshgrid(*(np.array(axis.values, dtype=float) for axis in together), indexing="ij")
    arrays = {axis: values.ravel() for axis, values in zip(together, spread, strict=True)}
    for chosen, cells_of_group in zip(
        itertools.product(*(axis.values for axis in apart)),
        cells.reshape(-1, math.prod(len(axis.values) for axis in together)),
        strict=True,
    ):
        fixed = dict(zip(apart, chosen, strict=True))
        values = {axis.name.removeprefix("problem."): v for axis, v in fixed.items() if axis.kind == "problem"}
        varied = catalog.problem(problem, **values)
        yield Group(
            varied,
            with_values(method, {axis.name: value for axis, value in fixed.items() if axis.kind == "method"}),
            next((value for axis, value in fixed.items() if axis.kind == "seed"), seed),
            {axis.name: values for axis, values in arrays.items() if axis.kind == "method"},
            _start(varied, start, {axis: value for axis, value in (fixed | arrays).items() if axis.kind == "start"}),
            cells_of_group,
        )


def _in_lockstep(axis: Axis, method: Runnable) -> bool:
    """Whether runs that differ along the axis are one batch."""
    if axis.kind == "start":
        return isinstance(method, Method)
    return axis.kind == "method" and axis.numeric and axis.name in varying(method)


def _start(problem: Problem, start: Sequence[float] | None, components: dict[Axis, Any]) -> np.ndarray[Any, Any] | None:
    """The start, (d,), or one per run, (d, R), with some components replaced; None for the problem's own."""
    point = np.array(problem.x0 if start is None else start, dtype=float)
    if point.shape != problem.x0.shape:
        raise InputError(f"the start must have {problem.x0.size} numbers, as {problem} has parameters")
    if not components:
        return None if start is None else point
    points = np.repeat(point[:, None], max(np.size(value) for value in components.values()), axis=1)
    for axis, value in components.items():
        if axis.component >= len(points):
            raise InputError(f"{axis.name}: the start has {len(points)} numbers, w1 to w{len(points)}")
        points[axis.component] = value
    return points if points.shape[1] > 1 else points[:, 0]
