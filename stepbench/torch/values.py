"""The values of a method's state for parameters that are moved together, and what is kept of them for each one."""

from __future__ import annotations

import itertools
from collections.abc import MutableMapping
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stepbench.contracts import Method, State
from stepbench.fields import InputError
from stepbench.torch.entries import Entries, Path, flat
from stepbench.torch.names import parameter_name, short_name
from stepbench.torch.shards import own_part, placed_as

Kept = MutableMapping[Tensor, dict[Any, Any]]
"""What an optimizer keeps for each parameter: torch's ``optimizer.state``."""

Groups = list[dict[str, Any]]
"""Torch's parameter groups, in which parameters find their names."""

_MISSING = object()


class Values:
    """The values of a state: numbers per component as one vector, (n, 1), and numbers per run, (1,), or plain ones.

    What the optimizer keeps for each parameter are views of these vectors, so that who looks there, or writes there in
    place, has what the next step begins with. Where something else was put there, ``are_current`` says so.

    Where each of several parameters has numbers of its own, such as a step size, these are one vector too: (k,).
    """

    def __init__(
        self, params: list[Tensor], dtype: torch.dtype, entries: Entries, components: frozenset[Path] | None
    ) -> None:
        """Have no values yet, for these parameters, which are computed in this dtype.

        ``components`` is for several parameters each of which is a vector of its own: it says which values are numbers
        per component; the others are numbers per parameter.
        """
        self._params, self._dtype, self._entries, self._components = params, dtype, entries, components
        sizes = [own_part(p).numel() for p in params]
        self._sizes, self._size = sizes, sum(sizes)
        self._counts = torch.tensor(sizes, device=params[0].device)
        self._firsts = self._counts.cumsum(0) - self._counts
        self._values: dict[Path, Any] = {}
        self._next: dict[Path, Any] = {}  # what the pieces of a step have written so far
        self._before: dict[Path, Any] = {}  # what the piece that is moved had
        self.have_begun = False
        self._names: list[str] = []  # of the tensors that were shown last
        self._vectors: list[Tensor] = []
        self._views: list[list[Tensor]] = [[] for _ in params]
        self._others: dict[str, Any] = {}  # what else was shown

    def begin(self, method: Method, w: Tensor) -> None:
        """Have the method's first values, at the point w of all parameters, (n, 1)."""
        self._values = _owned(flat(method.init(w)), w)

    # Steps ------------------------------------------------------------------------------------------------------------

    def state(self, rows: slice | None = None) -> State:
        """The method's state for the whole vector, or for a piece, which has some of its rows."""
        if rows is None or rows.start == 0:
            self._next = {}
        self._before = {path: self._part(value, rows) for path, value in self._values.items()}
        return self._entries.state(self._before)

    def _part(self, value: Any, rows: slice | None) -> Any:
        """What the whole vector, or a piece of it, has of a value."""
        if not isinstance(value, Tensor):
            return value
        if value.ndim == 2:
            return value if rows is None else value[rows]
        if len(value) > 1:
            return value.repeat_interleave(self._counts, output_size=self._size).view(-1, 1)
        return value

    def write(self, state: State, new: Tensor, rows: slice | None = None) -> Tensor:
        """Take the next state, of the whole vector or of a piece; returns the next point, ``new``.

        All is written into the memory in which the last values lie. What lies in the memory of another value, as where
        a state hands its last w on, is copied before; the next point, too.
        """
        values = flat(state)
        memory = {_memory(value) for value in self._values.values() if isinstance(value, Tensor)}
        for path, value in values.items():
            if isinstance(value, Tensor) and value is not self._before.get(path) and _memory(value) in memory:
                values[path] = value.clone()
        if _memory(new) in memory:
            new = new.clone()
        last = self._next or self._values
        self._next = {path: self._written(path, value, last.get(path), rows) for path, value in values.items()}
        if rows is None or rows.stop == self._size:
            self._values, self.have_begun = self._next, True
        return new

    def _written(self, path: Path, value: Any, last: Any, rows: slice | None) -> Any:
        """The new value of the whole vector, or of a piece, in the vector's memory; ``last`` is what lies there."""
        if _is_plain(value):
            return _plain(value)
        if value is self._before.get(path) and last is self._values[path]:
            return last
        if value.ndim < 2:
            value, rows = value.view(1), None
        elif self._components is not None and path not in self._components:
            value = value.view(-1)[self._firsts]
        shape = value.shape if rows is None else (self._size, 1)
        fits = isinstance(last, Tensor) and last.shape == shape and last.dtype is value.dtype
        into: Tensor = last if fits else value.new_empty(shape)
        (into if rows is None else into[rows]).copy_(value)
        return into

    # What is kept for each parameter ----------------------------------------------------------------------------------

    def are_current(self, kept: Kept) -> bool:
        """Whether what is kept for each parameter is what was shown last."""
        others = list(self._others.values())
        for p, views in zip(self._params, self._views, strict=True):
            entries = kept.get(p, {})
            if not all(map(is_, map(entries.get, self._names), views)):
                return False
            if not all(map(is_, map(entries.get, self._others), others)):
                return False
        return self.have_begun

    def show(self, kept: Kept) -> None:
        """Keep for each parameter its part of the values."""
        vectors = {path: value for path, value in self._values.items() if isinstance(value, Tensor)}
        others = {self._entries.name(path): v for path, v in self._values.items() if not isinstance(v, Tensor)}
        if not (len(vectors) == len(self._vectors) and all(map(is_, vectors.values(), self._vectors))):
            gone = {*self._names, *self._others}
            self._names, self._vectors = [self._entries.name(path) for path in vectors], list(vectors.values())
            self._views = [list(views) for views in zip(*map(self._split, self._vectors), strict=True)] or self._views
            gone -= {*self._names, *others}
            for p, views in zip(self._params, self._views, strict=True):
                for name in gone:
                    kept[p].pop(name, None)
                kept[p].update(zip(self._names, views, strict=True))
        self._others = others
        if others:
            for p in self._params:
                kept[p].update(others)

    def _split(self, vector: Tensor) -> list[Tensor]:
        """A view for each parameter of its part of a vector."""
        if vector.ndim == 2:
            parts = torch.split(vector.view(-1), self._sizes)
            return [placed_as(part.view(own_part(p).shape), p) for part, p in zip(parts, self._params, strict=True)]
        numbers = list(vector.unbind()) if len(vector) > 1 else [vector[0]] * len(self._params)
        return [number.view(_shape_of_number(p)) for number, p in zip(numbers, self._params, strict=True)]

    def gather(self, method: Method, w: Tensor, kept: Kept, param_groups: Groups) -> None:
        """Have the values that are kept for the parameters, which are at w, (n, 1).

        What is missing is as the method begins. Raises InputError where what is kept cannot be a state.
        """
        own = [self._entries.of(kept.get(p, {})) for p in self._params]
        if not any(own):
            return
        first = _owned(flat(method.init(w)), w)
        for path in dict.fromkeys([*first, *itertools.chain(*own)]):
            given = [entries.get(path, _MISSING) for entries in own]
            self._values[path] = self._joined(method, path, given, first.get(path), param_groups)
        self.have_begun = True

    def _joined(self, method: Method, path: Path, given: list[Any], first: Any, param_groups: Groups) -> Any:
        """One value, of what is kept for each parameter; ``first`` is what it is when the method begins."""
        begins = isinstance(first, Tensor)
        given = [_MISSING if value is None and begins else value for value in given]
        known = [value for value in given if value is not _MISSING]
        if not known:
            return first
        for value, p in zip(given, self._params, strict=True):
            if value is not _MISSING and not fits(value, p, first):
                raise misfit(self._entries.name(path), value, p, param_groups)
        if any(is_per_component(value, p) for value, p in zip(given, self._params, strict=True)):
            return self._vector(method, given, first, param_groups)
        numbers = [v.detach().reshape(1).to(self._counts.device) if isinstance(v, Tensor) else v for v in known]
        if self._components is not None and path not in self._components and isinstance(numbers[0], Tensor):
            return torch.cat(numbers).to(self._dtype)
        if any(_shown(number) != _shown(numbers[0]) for number in numbers):
            raise InputError(
                f"the states of the parameters have different values of {self._entries.name(path)}, of which "
                "they share one: load the state of one optimizer, or clear optimizer.state to begin anew"
            )
        number = numbers[0]
        if isinstance(number, Tensor) and isinstance(first, int | float):  # a count, which others save as a tensor
            return number.item()
        return number.to(self._dtype) if isinstance(number, Tensor) and number.is_floating_point() else number

    def _vector(self, method: Method, given: list[Any], first: Any, param_groups: Groups) -> Tensor:
        """The vector, (n, 1), of what is kept for each parameter; missing rows are those of the first value."""
        rows = torch.split(first, self._sizes) if isinstance(first, Tensor) and first.ndim == 2 else None
        parts = []
        for i, (value, p) in enumerate(zip(given, self._params, strict=True)):
            if value is _MISSING or value is None:
                if rows is None:
                    raise InputError(
                        f"{parameter_name(p, param_groups)} is trained only after the first step, and "
                        f"{short_name(method)} takes all parameters as one vector, which cannot grow: make a new "
                        "optimizer"
                    )
                parts.append(rows[i])
            else:
                part = own_part(torch.as_tensor(value, device=p.device).detach())
                part = part.to(self._dtype) if part.is_floating_point() else part
                parts.append(part.expand(own_part(p).shape).reshape(-1, 1))
        return torch.cat(parts) if len(parts) > 1 else parts[0]


def is_per_component(value: Any, p: Tensor) -> bool:
    """Whether an entry of a parameter has a number for each of its components, and is not one number."""
    return isinstance(value, Tensor) and value.shape == p.shape


def misfit(name: str, value: Any, p: Tensor, param_groups: list[dict[str, Any]]) -> InputError:
    """The error for an entry of a parameter's state that cannot be one."""
    shown = f"of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    return InputError(
        f"the state's {name} of {parameter_name(p, param_groups)} is {shown}, which does not fit a parameter of shape "
        f"{tuple(p.shape)}: optimizer.state.pop(parameter) lets it begin anew"
    )


def fits(value: Any, p: Tensor, first: Any) -> bool:
    """Whether something can be an entry of a parameter, where the method begins with the value ``first``."""
    if isinstance(value, Tensor):
        return value.shape in (p.shape, _shape_of_number(p))
    return value is None or isinstance(value, int | float | type(first))


def _is_plain(value: Any) -> bool:
    """Whether a value of a state is a number alone, and no array of numbers per run or per component."""
    return not isinstance(value, Tensor) or not value.ndim


def _plain(value: Any) -> Any:
    """A number as Python's own, of the same bits."""
    return value.item() if isinstance(value, np.generic | Tensor) else value


def signature(entries: Entries, kept: dict[Any, Any], p: Tensor, *, alone: bool) -> Any:
    """What must be the same for parameters that are moved together, of what is kept for one of them.

    With ``alone`` each is a vector with numbers of its own.
    """
    found = []
    for path, value in entries.of(kept).items():
        if is_per_component(value, p):
            found.append((path, "components"))
        else:
            found.append((path, "number" if alone and isinstance(value, Tensor) else _shown(value)))
    return tuple(sorted(found))


def _shown(number: Any) -> str:
    """A number, in a tensor or not, as a text that tells its bits."""
    return repr(number.item() if isinstance(number, Tensor) and number.numel() == 1 else number)


def _shape_of_number(p: Tensor) -> tuple[int, ...]:
    """The shape of an entry that is one number: (), or (1,) for a parameter whose components are of shape ()."""
    return () if p.ndim else (1,)


def _memory(value: Tensor) -> int:
    """The address of the memory in which a tensor lies."""
    return value.untyped_storage().data_ptr()


def _owned(values: dict[Path, Any], *others: Tensor) -> dict[Path, Any]:
    """The values, each tensor in memory of its own, apart from that of others."""
    taken = {_memory(other) for other in others}
    owned = {}
    for path, value in values.items():
        if _is_plain(value):
            owned[path] = _plain(value)
            continue
        lies_apart = value.is_contiguous() and _memory(value) not in taken
        owned[path] = value if lies_apart else value.clone(memory_format=torch.contiguous_format)
        taken.add(_memory(owned[path]))
    return owned
