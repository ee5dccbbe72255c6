"""Whether a user's text does more than compute: a kernel calls it once, and what it does at each call would be lost."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from stepbench.catalog import files
from stepbench.contracts.settings import is_cached

TELLING = {"breakpoint", "input", "logging", "open", "print", "random", "time", "warnings"}
"""Names by which a text speaks to the world outside, or asks it."""


def speaks(things: Iterable[Any]) -> str:
    """The first of these names in the text of objects and classes of a user's file, "" where there is none."""
    for thing in things:
        for code in _codes(thing):
            if found := TELLING & {*code.co_names}:
                return min(found)
    return ""


def kept(things: Iterable[Any]) -> list[bytes]:
    """What users' objects and classes, and their files, hold, to be compared with what they hold later."""
    return [_content(name, value) for thing in things for name, value in _held(thing)]


def _classes(thing: Any) -> list[type]:
    own = thing if isinstance(thing, type) else type(thing)
    return [cls for cls in own.__mro__ if files.is_users(cls) or not cls.__module__.startswith("stepbench.")]


def _codes(thing: Any) -> Iterator[CodeType]:
    for cls in _classes(thing):
        for value in vars(cls).values():
            function = getattr(value, "fget", getattr(value, "func", value))
            if isinstance(function, FunctionType) and function.__module__ == cls.__module__:
                yield from _within(function.__code__)


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _within(constant)


def _held(thing: Any) -> Iterator[tuple[str, Any]]:
    if not any(files.is_users(cls) for cls in _classes(thing)):
        return
    if not isinstance(thing, type):
        for name, value in getattr(thing, "__dict__", {}).items():
            if not is_cached(type(thing), name):
                yield name, value
    for cls in _classes(thing):
        if files.is_users(cls):
            yield from vars(cls).items()
            yield from vars(sys.modules[cls.__module__]).items()


def _content(name: str, value: Any) -> bytes:
    if not isinstance(value, list | dict | set | bytearray | int | float | str | np.ndarray):
        return name.encode()
    try:
        return pickle.dumps((name, value))
    except Exception:  # of what cannot be pickled, only that it is there
        return name.encode()
