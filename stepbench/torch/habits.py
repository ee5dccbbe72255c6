"""What a network does beside computing its outputs of its weights and its inputs, found by trying it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from stepbench.fields import InputError
from stepbench.torch.flat import Flat, Loss
from stepbench.torch.library import library
from stepbench.torch.seeding import seeded

if TYPE_CHECKING:
    import torch

TRIES = 4
"""How often a network is asked the same, to see whether it answers the same."""


class Habits(NamedTuple):
    """``carries`` says whether a step changes the network's buffers, such as a batch norm's running means.

    ``steady`` says whether a step sees the very function that is looked at: no buffer changes, nothing is drawn at
    random, and training is no other than eval().
    """

    carries: bool
    steady: bool


def habits_of(name: str, flat: Flat, loss: Loss, place: torch.device) -> Habits:
    """The habits of a module; raises InputError where the same seed and the same buffers give two losses."""
    begun = flat.buffers
    w = flat.vector.clone()
    out = library().empty_like(w)

    def tried(*, training: bool) -> tuple[Any, bool, bool]:
        """The loss, whether random numbers were drawn, and whether a buffer changed."""
        flat.buffers = begun
        with seeded(0, place) as generators, nullcontext() if training else flat.looking():
            before = [generator.get_state() for generator in generators]
            value = flat.gradient(loss, w, out)  # with a gradient, since torch takes other ways where none is asked
            drew = any(not a.get_state().equal(b) for a, b in zip(generators, before, strict=True))
        return value, drew, not _same(flat.buffers, begun)

    try:
        value, drew, changes = tried(training=True)
        if not all(_same(tried(training=True)[0], value) for _ in range(1, TRIES)):
            raise InputError(
                f"{name}: the same seed and buffers give another loss: draw random numbers by torch, and remember "
                "between steps in buffers only (register_buffer)"
            )
        looked, drew_when_looked, _ = tried(training=False)
    finally:
        flat.buffers = begun
    return Habits(changes, not (drew or drew_when_looked or changes) and _same(looked, value))


def _same(a: Any, b: Any) -> bool:
    """Whether two tensors have the same numbers; what is NaN in one must be so in the other."""
    return bool(((a == b) | ((a != a) & (b != b))).all())
