"""What a network is trained on and tested on: tensors, or data sets of torch that are read into tensors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from stepbench.fields import InputError
from stepbench.torch.library import library

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor
    Inputs = Tensor | tuple[Tensor, ...]

PART = 1 << 18
"""The numbers in the examples that are computed at once, where all examples count: fast, and small in memory."""

CHUNK = 256
"""How many examples of a data set are read at once."""


class Examples(NamedTuple):
    """A data set: what to train on and what to test on, tensors with a row per example.

    Where a module takes several inputs, ``inputs`` and ``test_inputs`` are tuples of tensors.
    """

    inputs: Inputs
    targets: Tensor
    test_inputs: Inputs
    test_targets: Tensor

    def to(self, place: torch.device, real: torch.dtype) -> Examples:
        """The same examples on a device, with real numbers of this dtype."""

        def moved(part: Tensor) -> Tensor:
            return part.to(place, real) if part.is_floating_point() else part.to(place)

        return Examples(*(tuple(map(moved, part)) if isinstance(part, tuple) else moved(part) for part in self))  # type: ignore[arg-type]


def rows_of(inputs: Inputs, chosen: Any) -> Inputs:
    """Some rows of the inputs: an index, a slice, or a tensor of numbers."""
    return tuple(part[chosen] for part in inputs) if isinstance(inputs, tuple) else inputs[chosen]


def parts_of(inputs: Inputs, targets: Tensor) -> Iterator[tuple[tuple[Inputs, Tensor], float]]:
    """Some examples at a time, as many as are fast to compute, each time with their share of all examples."""
    n, rows = len(targets), rows_at_once(inputs)
    for first in range(0, n, rows):
        chosen = slice(first, first + rows)
        part = rows_of(inputs, chosen), targets[chosen]
        yield part, len(part[1]) / n


def rows_at_once(inputs: Inputs) -> int:
    """How many examples are computed at once where all count."""
    numbers = sum(part[0].numel() for part in inputs) if isinstance(inputs, tuple) else inputs[0].numel()
    return max(1, PART // max(1, numbers))


def read(name: str, given: Any) -> Any:
    """What a network's ``examples`` gave, with the data sets of torch among it read into tensors.

    A pair of data sets or loaders, to train on and to test on, becomes ``Examples``; anything else stays as it is.
    Raises InputError where a data set does not fit into memory, or does not give pairs of inputs and a target.
    """
    data = library().utils.data
    if isinstance(given, data.Dataset | data.DataLoader):
        raise InputError(f"{name}: examples gives one data set: give two, (to train on, to test on)")
    if not isinstance(given, tuple):
        return given
    if len(given) == 2 and all(isinstance(part, data.Dataset | data.DataLoader) for part in given):
        return Examples(*_read(f"{name}: training", given[0]), *_read(f"{name}: test", given[1]))
    return Examples(*given) if len(given) == 4 else given


def _read(which: str, source: Any) -> tuple[Inputs, Tensor]:
    """The inputs and the targets of one data set, all in order, whatever batches a loader would make of it."""
    torch = library()
    data = torch.utils.data
    collate = data.default_collate
    if isinstance(source, data.DataLoader):
        source, collate = source.dataset, source.collate_fn
    if not hasattr(source, "__len__"):
        raise InputError(f"{which} data has no length, and may have no end: give it __len__, or put it into a list")
    stream = isinstance(source, data.IterableDataset)
    items = iter(source) if stream else (source[i] for i in range(len(source)))
    room = _free_memory() // 2  # each part is there twice while they are joined
    inputs: list[tuple[Tensor, ...]] = []
    targets: list[Tensor] = []
    while some := [*islice(items, CHUNK)]:
        try:
            batch = collate(some)
            given, target = batch
            several = tuple(given) if isinstance(given, tuple | list) else (given,)
            held = sum(part.numel() * part.element_size() for part in (*several, target))
        except (TypeError, ValueError, RuntimeError, AttributeError) as error:
            said = str(error).partition("\n")[0]
            raise InputError(f"{which} data must give pairs (inputs, target) that stack to tensors: {said}") from None
        inputs.append(several)
        targets.append(target)
        room -= held
        if room < 0:
            raise InputError(f"{which} data does not fit into memory: give fewer examples")
    if not targets:
        raise InputError(f"{which} data is empty: give examples")
    try:
        joined = tuple(torch.cat(parts) for parts in zip(*inputs, strict=True))
        return joined if len(joined) > 1 else joined[0], torch.cat(targets)
    except (RuntimeError, ValueError) as error:
        said = str(error).partition("\n")[0]
        raise InputError(f"{which} data has examples of different shapes: give them one shape: {said}") from None


def _free_memory() -> int:
    """The bytes of memory that are free on this machine, as far as it tells; else those of a small machine."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 4 << 30
