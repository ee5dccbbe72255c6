"""The fields of a problem or a method: each says what it means, in which symbol, and within which bounds.

A problem, direction, step-size rule or method is a frozen dataclass. Its fields are its parameters, and everything
else (the command line, ``stepbench show``, specs such as ``csawg:K=2``) is read from them.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import numbers
import os
import re
import stat
import sys
import types
import typing
from abc import ABC
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import numpy as np

USER_FILES = "stepbench.files."
"""How the names of the modules begin that were loaded from a user's files."""

CATALOGUE = ("problems", "directions", "stepsizes", "methods")
"""The folders whose files are named in the catalogue."""

LARGEST = (1 << 63) - 1
"""The largest integer that a field, or an option that counts, may have: no array of NumPy holds a larger one."""

TOO_LARGE = 1 << 1024
"""The least integer that is larger than every float."""

Scalar: TypeAlias = float | np.ndarray[Any, Any]
"""A real hyper-parameter: one number, or an array of shape (R,) with one number per run."""


class InputError(ValueError):
    """What the user gave cannot be used; the message is one line that says what to do instead."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`` (did you mean a, b?)`` with the known names closest to a mistyped one; an empty text where none is close.

    Capitals do not matter.
    """
    known = [*known]
    close = difflib.get_close_matches(word.lower(), {name.lower() for name in known}, n=3, cutoff=0.5)
    meant = [name for lower in close for name in known if name.lower() == lower]
    return f" (did you mean {', '.join(meant)}?)" if meant else ""


def named_path(text: str) -> Path:
    """The file that a text names: ``~/x.py`` lies in the home folder, and ``~x.py`` is a name like any other."""
    return Path(text).expanduser() if re.match(r"~([/\\]|$)", text) else Path(text)


def refuse_no_file(path: str | Path) -> None:
    """Raise InputError where a path leads to a pipe or a device: to open or to read one may last for ever."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # whoever opens it says why it cannot be
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{path} is a pipe or a device: name a file")


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two paths lead to one file, be it by links."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def shown_path(path: str | Path) -> str:
    """A file as a spec names it: ``./mine.py`` where it lies in or below this folder, and else its whole path."""
    path = Path(path)
    return f"./{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else str(path)


def param(default: Any, symbol: str, meaning: str, bounds: str = "(-inf, inf)", search: str = "") -> Any:
    """A dataclass field with its paper symbol, its meaning and the interval it must lie in, e.g. ``"(0, 1]"``.

    ``search`` is what `stepbench tune` tries: ``"1e-6:10:log"``, evenly in the logarithm, ``"0:0.99"``, evenly, or
    the values ``"1,2,5"``. A field without it keeps its value in tuning.
    """
    if not _INTERVAL.fullmatch(bounds):
        raise InputError(f"bounds {bounds!r} must be an interval, as (0, 1] or [0, inf)")
    metadata = {"symbol": symbol, "meaning": meaning, "bounds": bounds, "search": search}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Field:
    """One parameter of a problem or method, as read from its dataclass field.

    ``kind`` is "float", "int", "bool", "choice" or, of a field annotated ``Path``, "file". ``many`` says whether it may
    be an array with one number per run, as a field annotated ``Scalar`` may. A field that may not is structural: runs
    that differ in it are separate batches.
    """

    name: str
    kind: Literal["float", "int", "bool", "choice", "file"]
    many: bool
    optional: bool
    choices: tuple[str, ...]
    default: Any
    symbol: str
    meaning: str
    bounds: str
    search: str

    @property
    def range(self) -> str:
        """What the field accepts, in words for a table or a message."""
        if self.kind == "choice":
            words = " or ".join(self.choices)
        elif self.kind == "bool":
            words = "true or false"
        elif self.kind == "file":
            words = "a file, with no comma in its path"
        else:
            words = "an integer" if self.kind == "int" else "a number"
            words += f" in {self.bounds}" if self.bounds else ""
        return f"{words}, or none" if self.optional else words

    @property
    def limits(self) -> tuple[float, float]:
        """The lower and the upper end of its bounds, infinite where there is none."""
        return _ends(self.bounds) if self.bounds else (-math.inf, math.inf)

    def parse(self, text: str) -> Any:
        """The value that a piece of text means; raises InputError where it means none."""
        word = text.strip().lower()
        if self.optional and word == "none":
            return None
        try:
            if self.kind == "float":
                return float(word)
            if self.kind == "int":
                return int(word)
        except ValueError:
            raise InputError(f"{self.name}={text} must be {self.range}") from None
        if self.kind == "bool":
            values = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            if word in values:
                return values[word]
            raise InputError(f"{self.name}={text} must be {self.range}")
        return text.strip()

    def check(self, value: Any) -> None:
        """Raise InputError unless the value is of the field's kind and within its bounds."""
        if value is None and self.optional:
            return
        if self.kind in ("float", "int") and isinstance(value, np.ndarray | list | tuple):
            if not self.many:
                raise InputError(
                    f"{self.name} is structural and takes one number, not an array: runs that differ in it are "
                    "separate calls"
                )
            try:
                value = np.asarray(value, dtype=float)
            except (TypeError, ValueError):
                raise InputError(f"{self.name} must be {self.range}, or an array with one number per run") from None
            if np.ndim(value) != 1 or not np.size(value):
                raise InputError(f"{self.name} must be a number or a 1-D array with one number per run")
            for number in (np.min(value), np.max(value)):  # both are NaN where any number is
                self.check(float(number))
        elif not self._admits(value):
            raise InputError(f"{self.name}={short(value)} must be {self.range}")
        elif self.kind == "int" and not -LARGEST <= value <= LARGEST:
            raise InputError(f"{self.name}={short(value)} is beyond 64 bits: it must be at most {LARGEST}")

    def plain(self, value: Any) -> Any:
        """A checked value as a plain float or int, or as a float64 array, so that nothing has less precision."""
        if value is None or self.kind in ("bool", "choice"):
            return value
        if self.kind == "file":
            return str(value)
        if np.size(value) > 1:
            values = np.array(value, dtype=float)
            values.flags.writeable = False
            return values
        value = np.ravel(value)[0] if np.ndim(value) else value
        return int(value) if self.kind == "int" else float(value)

    def _admits(self, value: Any) -> bool:
        if self.kind == "bool":
            return isinstance(value, bool)
        if self.kind == "choice":
            return value in self.choices
        if self.kind == "file":
            return isinstance(value, str | Path) and "," not in str(value)
        kind = numbers.Integral if self.kind == "int" else numbers.Real
        if not isinstance(value, kind) or isinstance(value, bool):
            return False
        if isinstance(value, int) and abs(value) >= TOO_LARGE:
            return False
        return not self.bounds or within(float(value), self.bounds)


def short(value: Any) -> str:
    """A value as a message says it; an integer with dozens of digits by its size only, as 1e400."""
    if isinstance(value, int) and value.bit_length() > 80:
        return f"{'-' if value < 0 else ''}1e{math.floor(value.bit_length() * math.log10(2))}"
    return str(value)


_NUMBER = r"\s*[+-]?(?:inf|\d+\.?\d*(?:e[+-]?\d+)?)\s*"
_INTERVAL = re.compile(rf"[\[(]{_NUMBER},{_NUMBER}[\])]")


def _ends(bounds: str) -> tuple[float, float]:
    low, high = bounds[1:-1].split(",")
    return float(low), float(high)


def refuse_bare_fields(cls: type, place: str) -> None:
    """Raise InputError where a class was not made a dataclass, so that nothing would set a field of its own."""
    for name, value in vars(cls).items():
        if isinstance(value, dataclasses.Field):
            raise InputError(f"{place} has the field {name}: put @dataclass(frozen=True) on the line above the class")


def within(number: float, bounds: str) -> bool:
    """Whether a number lies in an interval, as ``"[0, inf)"``; NaN lies in none."""
    low, high = _ends(bounds)
    above = number >= low if bounds[0] == "[" else number > low
    below = number <= high if bounds[-1] == "]" else number < high
    return above and below and not math.isnan(number)


def fields_of(cls: type) -> dict[str, Field]:
    """The declared parameters of a problem, direction, rule or method class, by name, in the order of its file.

    A plain field, ``kappa: float = 30.0``, counts as one without a symbol, a meaning or bounds.
    """
    return _fields_of(cast(Hashable, cls))


KINDS: dict[type, str] = {bool: "bool", float: "float", int: "int", Path: "file"}
"""The kinds of fields, but for a choice, by what they are annotated with."""


@cache
def _fields_of(cls: Any) -> dict[str, Field]:
    hints = typing.get_type_hints(cls)
    read = [_read(f, hints[f.name]) for f in dataclasses.fields(cls) if f.init]
    return {field.name: field for field in read if field is not None}


def _read(f: dataclasses.Field[Any], hint: Any) -> Field | None:
    parts = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    choices = next((typing.get_args(p) for p in parts if typing.get_origin(p) is Literal), ())
    kinds = [kind for held, kind in KINDS.items() if held in parts]
    if not choices and not kinds:
        return None
    kind: Any = "choice" if choices else kinds[0]
    many = any(typing.get_origin(part) is np.ndarray for part in parts)
    metadata = {"symbol": "", "meaning": "", "bounds": "", "search": ""} | f.metadata
    return Field(f.name, kind, many, type(None) in parts, choices, f.default, **metadata)


@dataclass(frozen=True)
class Parametric(ABC):  # noqa: B024 - what derives from it has abstract methods
    """Anything described by its dataclass fields; building one with a value out of bounds raises InputError."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a constant of a subclass that has the name of an inherited field, ``batch = 32``, be its new default."""
        super().__init_subclass__(**options)
        inherited = {field.name: field for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else {}
        own = vars(cls).get("__annotations__", {})
        for name in [name for name in vars(cls) if name in inherited and name not in own]:
            if callable(vars(cls)[name]) or hasattr(vars(cls)[name], "__get__"):
                continue  # a property, say, that is asked in its place
            hints = typing.get_type_hints(cls.__mro__[1])
            cls.__annotations__ = {**vars(cls).get("__annotations__", {}), name: hints[name]}
            setattr(cls, name, dataclasses.field(default=vars(cls)[name], metadata=inherited[name].metadata))

    def __post_init__(self) -> None:
        refuse_bare_fields(type(self), self.name)
        for name, field in fields_of(type(self)).items():
            value = getattr(self, name)
            try:
                field.check(value)
            except InputError as error:
                raise InputError(f"{self.name}: {error}") from None
            object.__setattr__(self, name, field.plain(value))

    @property
    def name(self) -> str:
        """The name in the catalogue, which is that of the class's file; for a user's file, its path.

        For any other class it is the name of the class.
        """
        if self._home is None:
            return type(self).__name__
        return shown_path(self._home) if type(self).__module__.startswith(USER_FILES) else self._home

    @property
    def _home(self) -> str | None:
        """The name in the catalogue, or the whole path of a user's file; None for a class that is in neither."""
        module = type(self).__module__
        if module.startswith(USER_FILES):
            return sys.modules[module].__file__
        package, *rest = module.split(".")
        if package != "stepbench" or len(rest) < 2 or rest[0] not in CATALOGUE:
            return None
        return "/".join(rest[1:]).replace("_", "-")

    def spec(self) -> str:
        """The whole spec, with every field: it builds this object again even where the defaults have changed."""
        return self._stated(self._home or self.name, lambda *_: True)

    def __str__(self) -> str:
        """A short name for tables: the spec with only the fields that differ from their defaults."""
        return self._stated(self.name, lambda field, value: not np.array_equal(value, field.default))

    def _stated(self, name: str, wanted: Callable[[Field, Any], bool]) -> str:
        values = [(field, getattr(self, name)) for name, field in fields_of(type(self)).items()]
        stated = [f"{field.name}={show_value(value)}" for field, value in values if wanted(field, value)]
        return f"{name}:{','.join(stated)}" if stated else name


def show_point(w: Any, most: int = 6) -> str:
    """A point or a vector, (d,), as a message states it: its first components."""
    components = [f"{value:.6g}" for value in w[:most]]
    if len(w) > most:
        components.append("…")
    return f"({', '.join(components)})"


_MANY = re.compile(r"\[\d+ values\]")


def of_one(name: str, values: Iterable[float]) -> str:
    """The name of one run of a batch: the batch's, in which these stand, in their order, where it says [R values]."""
    for value in values:
        name = _MANY.sub(show_value(value), name, count=1)
    return name


def show_value(value: Any) -> str:
    """A field's value as a spec states it; [R values] where the R runs of a batch have their own."""
    if isinstance(value, np.ndarray):
        return f"[{value.size} values]"
    if isinstance(value, bool | None):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
