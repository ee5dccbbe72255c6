"""What each step sees anew: a sample of the problem, the problem as it has drifted, the noise.

The numbers of such an object stand for those of every step, and are the same for all runs. What is computed of them
alone is left to NumPy, which does it as each step comes; where they meet the runs' own numbers they become inputs of
the program. So the program of a mini-batch is straight-line code too, and has a row of numbers for each step.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from stepbench.contracts import Vector
from stepbench.contracts.settings import is_cached
from stepbench.kernels import symbols
from stepbench.kernels.symbols import Node, Symbols, Unrecordable

PROBED = (2, 10, 100, 1000)
"""The steps that are held against the first, to tell the numbers that each step has for itself from constants."""

REAL = "fiub"
"""The kinds of NumPy's types that an input may be made of: floats, whole numbers and truths."""

Path = tuple[Any, ...]
"""Where a number or an array stands in what a step sees."""


class Seen:
    """What steps see, as one object whose numbers are symbols.

    ``at(step)`` is what the step 1, 2, … of the ``last`` sees: tuples, objects and in them numbers and arrays. What is
    the very same object in all the steps that are ``PROBED`` is a constant. Raises Unrecordable where two steps see
    what has not the same structure.
    """

    def __init__(self, at: Callable[[int], Any], last: int) -> None:
        self._at, self._first = at, at(1)
        probed = sorted({min(step, last) for step in PROBED})
        self.own = {path: own for step in probed for path, own, _ in _apart(self._first, at(step))}
        self._read = self._reader(self._first, ())
        self._met: list[Shared] = []  # what is an input of the program
        self.names: list[str] = []  # and how the entries are called, one after the other

    @property
    def symbolic(self) -> Any:
        """What a step sees, with symbols in place of what is not constant."""
        return self._on_symbols(self._first, ())

    def _on_symbols(self, thing: Any, path: Path) -> Any:
        if path in self.own:
            return Shared(self, lambda leaves: leaves[path])
        if not self._varies(path):
            return thing
        made = {name: self._on_symbols(part, (*path, name)) for name, part in _parts(thing).items()}
        if isinstance(thing, tuple | list):
            return type(thing)(*made.values()) if hasattr(thing, "_fields") else type(thing)(made.values())
        return changed(thing, made)

    def _varies(self, path: Path) -> bool:
        return any(longer[: len(path)] == path for longer in self.own)

    def _reader(self, thing: Any, path: Path) -> Callable[[Any, dict[Path, Any]], None]:
        """What notes the numbers of such a thing by their paths, and raises Unrecordable for one that is unlike."""
        if path in self.own:
            kind = _kind(thing)

            def note(other: Any, leaves: dict[Path, Any]) -> None:
                if _kind(other) != kind:
                    raise Unrecordable(CHANGES)
                leaves[path] = other

            return note
        if not self._varies(path):

            def compare(other: Any, _: dict[Path, Any]) -> None:
                if other is not thing and any(True for _ in _apart(thing, other)):
                    raise Unrecordable("a step sees something new where those before it saw a constant")

            return compare
        readers = {name: self._reader(part, (*path, name)) for name, part in _parts(thing).items()}
        kind, plain = type(thing), isinstance(thing, tuple | list)

        def go_on(other: Any, leaves: dict[Path, Any]) -> None:
            if type(other) is not kind:
                raise Unrecordable(CHANGES)
            parts = dict(enumerate(other)) if plain else vars(other)
            if parts.keys() != readers.keys() and _parts(other).keys() != readers.keys():
                raise Unrecordable(CHANGES)
            for name, read in readers.items():
                read(parts[name], leaves)

        return go_on

    def inputs(self, shared: Shared) -> Any:
        """New inputs for the entries of an array, as an array of nodes; for a number, as one without axes."""
        first = len(self.names)
        if np.asarray(shared.value).dtype.kind not in REAL:
            raise Unrecordable("a step sees what are no real numbers")
        made = symbols.inputs(shared.shape, lambda k: f"n.{first + k}")
        self._met.append(shared)
        self.names += [f"n.{first + k}" for k in range(made.size)]
        return made.view(np.ndarray)

    def rows(self, first: int, n: int) -> Vector:
        """The inputs of n steps, (n, K), in the order of their names.

        Raises Unrecordable where a step sees what is unlike the others, or where what it sees is not to be had: its
        error is then raised by NumPy, if a run comes so far.
        """
        rows = np.empty((n, len(self.names)))
        for row, step in zip(rows, range(first, first + n), strict=True):
            leaves, k = dict(self.own), 0
            try:
                self._read(self._at(step), leaves)
                for shared in self._met:
                    entries = np.asarray(shared.recipe(leaves))
                    if entries.shape != shared.shape:
                        raise Unrecordable(CHANGES)
                    row[k : k + entries.size] = entries.reshape(-1)
                    k += entries.size
            except Unrecordable:
                raise
            except Exception as error:
                raise Unrecordable(f"step {step} sees nothing ({type(error).__name__}: {error})") from error
        return rows


CHANGES = "what a step sees changes its shape"


def changed(thing: Any, values: dict[str, Any]) -> Any:
    """An object with other attributes, of which some are given; what it had cached is left out."""
    made = copy.copy(thing)
    for name in [name for name in vars(made) if is_cached(type(made), name)]:
        object.__delattr__(made, name)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def _apart(own: Any, theirs: Any, path: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """The places of two things where they have other numbers or arrays, with both; what is one object is left out."""
    if theirs is own:
        return
    if type(theirs) is not type(own):
        raise Unrecordable(CHANGES)
    if isinstance(own, np.ndarray | np.number | float):
        if _kind(own) != _kind(theirs) or np.asarray(own).dtype.kind not in REAL:
            raise Unrecordable(CHANGES)
        yield path, own, theirs
    elif isinstance(own, bool | int):
        if theirs != own:
            yield path, own, theirs
    elif not isinstance(own, str) or theirs != own:
        mine, others = _parts(own), _parts(theirs)
        if mine.keys() != others.keys():
            raise Unrecordable(CHANGES)
        for name, part in mine.items():
            yield from _apart(part, others[name], (*path, name))


def _kind(number: Any) -> Any:
    """What all the numbers or arrays that stand at a place must have in common."""
    return (number.shape, number.dtype) if isinstance(number, np.ndarray) else type(number)


def _parts(thing: Any) -> dict[Any, Any]:
    """What a thing consists of, by name or number; raises Unrecordable where that cannot be told."""
    if isinstance(thing, tuple | list):
        return dict(enumerate(thing))
    copied_alone = any("__reduce_ex__" in vars(cls) for cls in type(thing).__mro__[:-1])  # it holds more than is seen
    if callable(thing) or copied_alone or not hasattr(thing, "__dict__"):
        raise Unrecordable(f"what a step sees holds a {type(thing).__name__}")
    return {name: part for name, part in vars(thing).items() if not is_cached(type(thing), name)}


class Shared:
    """A number or an array that each step has anew, and all runs have in common.

    ``recipe`` makes it of the numbers and arrays that a step sees, by their paths, and ``value`` is that of the first
    step. With its like and with constants NumPy's functions and operators make another; with nodes they are recorded.
    """

    def __init__(self, seen: Seen, recipe: Callable[[dict[Path, Any]], Any]) -> None:
        self._seen, self.recipe, self.value = seen, recipe, recipe(seen.own)
        self.shape = np.shape(self.value)

    @cached_property
    def nodes(self) -> Any:
        """Its entries as inputs of the program."""
        return self._seen.inputs(self)

    def _of(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """What a function makes of this and of other things, none of which hangs on a run."""
        made = Shared(self._seen, lambda leaves: function(*_replaced(args, lambda a: a.recipe(leaves)), **options))
        if isinstance(made.value, tuple | list):
            return [self._of(lambda whole, k=k: whole[k], made) for k in range(len(made.value))]
        return made

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Where it stands among nodes."""
        return self.nodes

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """An element-wise function, or a sum and the like."""
        if _meets(inputs):
            return symbols.on_symbols(ufunc, method, inputs, options)
        if "out" in options:
            raise Unrecordable("it writes into an array that holds numbers")
        return self._of(getattr(ufunc, method), *inputs, **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Another function of NumPy's."""
        if function.__name__ in symbols.FACTS:
            return function(*_replaced(args, lambda a: a.value), **options)
        if _meets(args):
            return symbols.by_symbols(function, tuple(_replaced(args, lambda a: a.nodes)), options)
        return self._of(function, *args, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if name in symbols.FACTS:
            return found
        if callable(found):
            return lambda *args, **options: self._of(lambda a, *rest: getattr(a, name)(*rest, **options), self, *args)
        return self._of(lambda a: getattr(a, name), self)

    def __getitem__(self, key: Any) -> Any:
        return self._of(operator.getitem, self, key)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        raise Unrecordable("Python needs the value of a number that each step has anew")

    __float__ = __int__ = __index__ = __bool__
    __hash__ = object.__hash__


def _meets(things: Any) -> bool:
    """Whether any of these is a run's own, in lists and tuples too."""
    if isinstance(things, tuple | list):
        return any(map(_meets, things))
    return isinstance(things, Node | Symbols)


def _replaced(things: Any, by: Callable[[Shared], Any]) -> Any:
    """Lists and tuples with something else in place of what all runs have in common."""
    if type(things) in (tuple, list):
        return type(things)([_replaced(each, by) for each in things])
    return by(things) if isinstance(things, Shared) else things


def _operator(name: str, ufunc: np.ufunc) -> None:
    function = getattr(operator, name if hasattr(operator, name) else f"{name}_")

    def forward(a: Shared, b: Any) -> Any:
        return symbols.on_symbols(ufunc, "__call__", (a, b), {}) if _meets(b) else a._of(function, a, b)

    def backward(a: Shared, b: Any) -> Any:
        return symbols.on_symbols(ufunc, "__call__", (b, a), {}) if _meets(b) else a._of(function, b, a)

    setattr(Shared, f"__{name}__", forward)
    setattr(Shared, f"__r{name}__", backward)


for _name, _of_two in (symbols.OPERATORS | {"matmul": np.matmul}).items():
    _operator(_name, _of_two)
for _one in (operator.neg, operator.abs, operator.invert, operator.pos):
    setattr(Shared, f"__{_one.__name__}__", lambda a, of=_one: a._of(of, a))
