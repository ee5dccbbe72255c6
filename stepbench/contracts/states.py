"""The states of methods as plain data, and back: what an optimizer's state_dict and a checkpoint hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepbench.contracts.method import State


def plain(state: State) -> Any:
    """The state with its NamedTuples as dicts by field and its tuples as lists; arrays and numbers as they are."""
    if not isinstance(state, tuple):
        return state
    values = [plain(value) for value in state]
    names = getattr(state, "_fields", None)  # those of a NamedTuple
    return values if names is None else dict(zip(names, values, strict=True))


def restored(like: State, data: Any) -> State:
    """The state that ``plain`` took apart; ``like`` is one of the same method, such as its first, for the types."""
    if isinstance(data, dict):
        return type(like)(**{name: restored(getattr(like, name), value) for name, value in data.items()})
    if isinstance(data, list):
        return tuple(restored(None, value) for value in data)
    return data


def changed(data: Any, change: Callable[[Any], Any]) -> Any:
    """Plain data with every value, be it an array or a number, changed."""
    if isinstance(data, dict):
        return {name: changed(value, change) for name, value in data.items()}
    if isinstance(data, list):
        return [changed(value, change) for value in data]
    return change(data)
