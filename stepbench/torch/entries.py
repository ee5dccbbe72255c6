"""A method's state as the entries that torch's optimizers keep for each parameter, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from stepbench.contracts import Method, State
from stepbench.contracts.method import JoinedState

Path = tuple[str, ...]
"""Where a value stands in a state: the names of the fields that lead to it, and the places in tuples as digits."""


def flat(state: State) -> dict[Path, Any]:
    """The values of a state, arrays and numbers, by where they stand in it."""
    values: dict[Path, Any] = {}
    _collect(state, (), values)
    return values


def _collect(state: State, path: Path, values: dict[Path, Any]) -> None:
    if not isinstance(state, tuple):
        values[path] = state
        return
    for name, value in zip(getattr(state, "_fields", None) or map(str, range(len(state))), state, strict=True):
        _collect(value, (*path, name), values)


def built(like: State, values: dict[Path, Any], path: Path = ()) -> State:
    """The state that ``flat`` took apart; ``like`` is a state of the same method, for the types of its fields.

    A field that has no value is as in ``like``; a tuple that has no values is empty.
    """
    if path in values:
        return values[path]
    names = getattr(like, "_fields", None)
    if names is not None:
        return type(like)(*[built(part, values, (*path, name)) for name, part in zip(names, like, strict=True)])
    places = {int(where[len(path)]) for where in values if where[: len(path)] == path and len(where) > len(path)}
    if places or isinstance(like, tuple):
        return tuple(built(None, values, (*path, str(i))) for i in sorted(places))
    return like


class Entries:
    """The names of a method's entries: each field's own name, or ``u.m`` and ``rule.m`` where both parts have an m.

    A value in a tuple has its place after the name: ``B1.0.1``.
    """

    def __init__(self, method: Method) -> None:
        """The entries of a method, whose states have the same fields at every step."""
        self._like = method.init(torch.zeros(1, 1))
        self._first = flat(self._like)
        tops = _fields_of(self._like)
        own = [top[-1] if top else "state" for top in tops]
        names = [name if own.count(name) == 1 else ".".join(top) for top, name in zip(tops, own, strict=True)]
        self._names = dict(zip(tops, names, strict=True))
        self._fields = dict(zip(names, tops, strict=True))

    @property
    def required(self) -> set[str]:
        """The names of the entries that there are from the first step on."""
        return {self.name(path) for path in self._first}

    def first(self, path: Path) -> Any:
        """What a value is for one component when the method begins; None where there is none."""
        return self._first.get(path)

    def state(self, values: dict[Path, Any]) -> State:
        """The method's state with these values."""
        return built(self._like, values)

    def name(self, path: Path) -> str:
        """The name of the entry for the value that stands there."""
        top = path[: next(len(top) for top in self._names if path[: len(top)] == top)]
        return ".".join((self._names[top], *path[len(top) :]))

    @property
    def step_size(self) -> str | None:
        """The name of the entry that is the step size; None where the method has none."""
        return next((name for name, top in self._fields.items() if top in (("rule", "alpha"), ("alpha",))), None)

    def path(self, name: Any) -> Path | None:
        """Where the value of an entry stands; None for an entry that is not the method's."""
        parts = name.split(".") if isinstance(name, str) else []
        for length in range(len(parts), 0, -1):
            if (top := self._fields.get(".".join(parts[:length]))) is not None:
                return (*top, *parts[length:])
        return None

    def of(self, kept: Mapping[Any, Any]) -> dict[Path, Any]:
        """The method's entries among all that is kept for a parameter, by where their values stand."""
        return {path: value for name, value in kept.items() if (path := self.path(name)) is not None}


def _fields_of(like: State) -> list[Path]:
    """The fields of a state; those of both parts where it is joined."""
    if not isinstance(like, JoinedState):
        return [(name,) for name in getattr(like, "_fields", ())] or [()]
    found: list[Path] = []
    for part, state in zip(JoinedState._fields, like, strict=True):
        names = getattr(state, "_fields", None)
        found += [(part,)] if names is None else [(part, name) for name in names]
    return found
