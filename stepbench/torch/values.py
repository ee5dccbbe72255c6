"""The values of a method's state for parameters that are moved together, and what is kept of them for each one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, MutableMapping
from operator import is_, itemgetter
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
        self,
        params: list[Tensor],
        dtype: torch.dtype,
        entries: Entries,
        *,
        piece_size: int | None = None,
        components: frozenset[Path] | None = None,
    ) -> None:
        """Have no values yet, for these parameters, which are computed in this dtype, in pieces of some size.

        ``components`` is for several parameters each of which is a vector of its own: it says which values are numbers
        per component; the others are numbers per parameter.
        """
        self._params, self._dtype, self._entries, self._components = params, dtype, entries, components
        sizes = [own_part(p).numel() for p in params]
        self._sizes, self._size = sizes, sum(sizes)
        self._piece_size = piece_size or max(1, self._size)
        self._counts = torch.tensor(sizes, device=params[0].device)
        self._firsts = self._counts.cumsum(0) - self._counts
        self.have_begun = False
        self._take({})
        self._names: list[str] = []  # of the tensors that were shown last
        self._vectors: list[Tensor] = []
        self._views: list[Tensor] = []
        self._others: dict[str, Any] = {}  # what else was shown
        self._kept: list[dict[Any, Any]] = []  # where it is shown, while a step is taken

    def begin(self, method: Method, w: Tensor) -> None:
        """Have the method's first values, at the point w of all parameters, (n, 1)."""
        self._take(_owned(flat(method.init(w)), w))

    def _take(self, values: dict[Path, Any]) -> None:
        """Have these values, and what each piece has of the vectors among them."""
        self._values = self._next = values
        count = max(1, -(-self._size // self._piece_size))  # rounded up; nothing at all is a piece, too
        self._parts: list[dict[Path, Tensor]] = [{} for _ in range(count)]
        for path, value in values.items():
            if isinstance(value, Tensor):
                self._cut(path, value, self._parts)
        self._next_parts = self._parts
        self._memory = {_memory(value) for value in values.values() if isinstance(value, Tensor)}
        self._before: dict[Path, Any] = {}

    def _cut(self, path: Path, vector: Tensor, parts: list[dict[Path, Tensor]]) -> None:
        """Give each piece its part of a vector; numbers per run are every piece's."""
        own = torch.split(vector, self._piece_size) if vector.ndim == 2 else [vector] * len(parts)
        for part, values in zip(own, parts, strict=True):
            values[path] = part

    # Steps ------------------------------------------------------------------------------------------------------------

    def state(self, piece: int = 0) -> State:
        """The method's state for a piece of the vector."""
        if piece == 0:
            self._next, self._next_parts = dict(self._values), self._parts
        self._before = self._values | self._parts[piece]
        if self._components is not None:
            for path, value in self._before.items():
                if isinstance(value, Tensor) and value.ndim == 1 and len(value) > 1:
                    repeated = value.repeat_interleave(self._counts, output_size=self._size)
                    self._before[path] = repeated.view(-1, 1)
        return self._entries.state(self._before)

    def write(self, state: State, new: Tensor, piece: int = 0) -> Tensor:
        """Take the next state of a piece; returns the next point, ``new``.

        All is written into the memory in which the last values lie. What lies in the memory of another value, as where
        a state hands its last w on, is copied before; the next point, too. With the last piece the step is taken.
        """
        values, memory = flat(state), self._memory
        if _memory(new) in memory:
            new = new.clone()
        into, written = [], []
        for path, value in values.items():
            if _is_plain(value):
                self._next[path] = _plain(value)
            elif value is not self._before.get(path):
                own = value.clone() if _memory(value) in memory else value
                into.append(self._place(path, self._as_kept(path, own), piece))
                written.append(self._as_kept(path, own))
        if into:
            torch._foreach_copy_(into, written)
        if piece == len(self._parts) - 1:
            if self._next_parts is self._parts and self._next.keys() == values.keys():
                self._values = self._next
            else:
                self._take({path: self._next[path] for path in values})
            self.have_begun = True
        return new

    def _as_kept(self, path: Path, value: Tensor) -> Tensor:
        """A value as it is kept: once per parameter where each component of a parameter has the same."""
        if value.ndim < 2:
            return value
        if self._components is not None and path not in self._components:
            return value.view(-1)[self._firsts]
        return value

    def _place(self, path: Path, value: Tensor, piece: int) -> Tensor:
        """Where a piece's new value is written: where its last one lies, if that fits, and else in a new vector."""
        place = self._next_parts[piece].get(path)
        if place is not None and place.shape == value.shape and place.dtype is value.dtype:
            return place
        if self._next_parts is self._parts:
            self._next_parts = [dict(parts) for parts in self._parts]
        vector = value.new_empty((self._size, 1) if value.ndim == 2 else value.shape)
        self._next[path] = vector
        self._cut(path, vector, self._next_parts)
        return self._next_parts[piece][path]

    # What is kept for each parameter ----------------------------------------------------------------------------------

    def are_current(self, kept: Kept) -> bool:
        """Whether what is kept for each parameter is what was shown last."""
        if not self.have_begun:
            return False
        try:
            entries = self._kept = [kept[p] for p in self._params]
            tensors = itertools.chain.from_iterable(map(_getter(self._names), entries))
            others = itertools.chain.from_iterable(map(_getter(self._others), entries))
            own = itertools.cycle(self._others.values())
            return all(map(is_, tensors, self._views)) and all(map(is_, others, own))
        except KeyError:
            return False

    def show(self, kept: Kept) -> None:
        """Keep for each parameter its part of the values."""
        vectors = {path: value for path, value in self._values.items() if isinstance(value, Tensor)}
        others = {self._entries.name(path): v for path, v in self._values.items() if path not in vectors}
        entries = self._kept or [kept[p] for p in self._params]
        if not (len(vectors) == len(self._vectors) and all(map(is_, vectors.values(), self._vectors))):
            gone = {*self._names, *self._others}
            self._names, self._vectors = [self._entries.name(path) for path in vectors], list(vectors.values())
            views = list(zip(*map(self._split, self._vectors), strict=True)) or [()] * len(entries)
            self._views = list(itertools.chain.from_iterable(views))
            for own, parts in zip(entries, views, strict=True):
                for name in gone - {*self._names, *others}:
                    own.pop(name, None)
                own.update(zip(self._names, parts, strict=True))
        self._others, self._kept = others, []
        for own in entries:
            own.update(others)

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
        first, values = _owned(flat(method.init(w)), w), {}
        for path in dict.fromkeys([*first, *itertools.chain(*own)]):
            given = [entries.get(path, _MISSING) for entries in own]
            values[path] = self._joined(method, path, given, first.get(path), param_groups)
        self._take(values)
        self.have_begun = True

    def _joined(self, method: Method, path: Path, given: list[Any], first: Any, param_groups: Groups) -> Any:
        """One value, of what is kept for each parameter; ``first`` is what it is when the method begins."""
        given = [_MISSING if value is None and first is not None else value for value in given]
        known = [value for value in given if value is not _MISSING]
        if not known:
            return first
        for value, p in zip(given, self._params, strict=True):
            if value is not _MISSING and not fits(value, p, first):
                raise misfit(self._entries.name(path), value, p, param_groups)
        is_vector = (
            isinstance(first, Tensor) and first.ndim == 2 and (self._components is None or path in self._components)
        )
        if is_vector or any(is_per_component(value, p) for value, p in zip(given, self._params, strict=True)):
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
                floats = rows is not None or part.is_floating_point()
                part = part.to(self._dtype) if floats else part
                parts.append(part.expand(own_part(p).shape).contiguous().view(-1, 1))
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


def _getter(names: Collection[str]) -> Callable[[dict[Any, Any]], tuple[Any, ...]]:
    """A fast function that gives the entries of these names."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda entries: tuple(entries[name] for name in names)


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
