"""The settings of a method: its hyper-parameters by name, read, changed and handed to another array library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from stepbench.arrays import Array, Points, like, per_run
from stepbench.contracts.method import Joined, Method, Runnable
from stepbench.fields import Field, InputError, Parametric, fields_of, nearest


def hyperparameters(method: Runnable) -> dict[str, tuple[Parametric, Field]]:
    """A method's hyper-parameters by the key that sets each: the field's name, or ``part.name`` where two share it.

    A part from a file is called as the file is; two from files that are called alike are ``direction`` and ``rule``.
    """
    owned = [(part, field) for part in method.parts for field in fields_of(type(part)).values()]
    names = [field.name for _, field in owned]
    stems = [Path(part.name).stem for part in method.parts]
    if len(set(stems[:2])) < len(stems[:2]):
        stems = ["direction", "rule", "join"]
    prefix = {id(part): word for part, word in zip(method.parts, stems, strict=True)}
    return {
        field.name if names.count(field.name) == 1 else f"{prefix[id(part)]}.{field.name}": (part, field)
        for part, field in owned
    }


def values_of(method: Runnable) -> dict[str, Any]:
    """A method's hyper-parameters as they are set, by the keys of ``hyperparameters``."""
    return {key: getattr(part, field.name) for key, (part, field) in hyperparameters(method).items()}


def varying(method: Runnable) -> dict[str, Field]:
    """The hyper-parameters in which runs of one batch may differ, by their keys; a peer makes one run at a time."""
    if not isinstance(method, Method):
        return {}
    return {key: field for key, (_, field) in hyperparameters(method).items() if field.many}


def changed(part: Any, values: dict[str, Any]) -> Any:
    """The object with some fields changed, itself where none is; text is read as the field's kind says."""
    if not values:
        return part
    known = fields_of(type(part))
    for key in values:
        if key not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"{part.name} has no field {key}{nearest(key, known)}; {has}")
    read = {k: known[k].parse(v) if isinstance(v, str) else v for k, v in values.items()}
    if not _is_its_fields(part):
        raise InputError(
            f"{part.name} is more than its fields (it has its own __init__, or was given more): make one whose "
            f"{next(iter(values))} is what you want, and give that"
        )
    return dataclasses.replace(part, **read)


def _is_its_fields(part: Any) -> bool:
    """Whether its class makes the same object again of its fields."""
    try:
        return same(part, dataclasses.replace(part))
    except InputError:  # a value that only the bench sets, such as a step size that a scheduler put to rest
        return True
    except Exception:  # of a user's __init__
        return False


def same(one: Any, other: Any) -> bool:
    """Whether two objects are of one class and hold the same; what a cached property has computed does not count."""
    if type(one) is not type(other):
        return False
    states = [object.__getstate__(thing) for thing in (one, other)]
    return _same(*(_kept(type(one), state) for state in states))


def is_cached(cls: type, name: str) -> bool:
    """Whether an attribute of its objects is what a cached property has computed."""
    return isinstance(inspect.getattr_static(cls, name, None), cached_property)


def _kept(cls: type, state: Any) -> Any:
    if isinstance(state, tuple):  # with slots
        return tuple(_kept(cls, part) for part in state)
    held = {k: v for k, v in (state or {}).items() if not is_cached(cls, k)}
    return held or None  # as of an object that holds nothing


def _same(a: Any, b: Any) -> bool:
    """Whether two values are the same as far as can be told; false where it cannot."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, FunctionType):
        cells = [[cell.cell_contents for cell in function.__closure__ or ()] for function in (a, b)]
        alike = a.__code__ == b.__code__ and a.__globals__ is b.__globals__
        return alike and _same(a.__defaults__, b.__defaults__) and _same(*cells)
    try:
        return bool(pickle.dumps(a) == pickle.dumps(b))
    except Exception:  # whatever it is that a user's object holds
        return False


def with_values(method: Runnable, values: dict[str, Any]) -> Any:
    """The method with some hyper-parameters changed, by the keys of ``hyperparameters``; itself where none is."""
    if not values:
        return method
    known = hyperparameters(method)
    if unknown := [key for key in values if key not in known]:
        has = f"it has {', '.join(known)}"
        raise InputError(f"{method} has no hyper-parameter {unknown[0]}{nearest(unknown[0], known)}; {has}")

    def remade(part: Parametric) -> Any:
        return changed(part, {known[k][1].name: v for k, v in values.items() if known[k][0] is part})

    if not isinstance(method, Joined):
        return remade(method)
    joined = remade(method)
    return dataclasses.replace(joined, direction=remade(method.direction), rule=remade(method.rule))


def unbatched(method: Runnable) -> Any:
    """The method of the first run of a batch."""
    arrays = {key: value for key, value in values_of(method).items() if isinstance(value, np.ndarray)}
    return with_values(method, {key: float(value[0]) for key, value in arrays.items()})


def in_library(method: Any, w: Points) -> Any:
    """The method for points (d, R): where they are tensors, its real hyper-parameters become tensors too, (R,).

    A number and an array of it must give a run the same bits, and torch computes 1 − β of a number in float64.
    """
    if isinstance(w, np.ndarray):
        return method
    return with_arrays(method, lambda value: per_run(like(np.asarray(value), w), w))


def with_arrays(method: Any, array: Callable[[Any], Array]) -> Any:
    """The method with another library's arrays in place of its real hyper-parameters; their values are not checked."""
    made = copy.copy(method)
    for field in dataclasses.fields(method):
        value, known = getattr(method, field.name), fields_of(type(method)).get(field.name)
        if isinstance(value, Parametric):
            object.__setattr__(made, field.name, with_arrays(value, array))
        elif known is not None and known.many and value is not None:
            object.__setattr__(made, field.name, array(value))
    return made
