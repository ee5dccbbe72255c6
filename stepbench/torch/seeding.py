"""Torch's random numbers, drawn from given seeds for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from stepbench.torch.library import library


def seed_of(*numbers: int) -> int:
    """A seed for torch that comes from several numbers, such as a run's seed and a step."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextmanager
def seeded(seed: int, place: Any) -> Iterator[list[Any]]:
    """Within it, torch draws from this seed, on the CPU and on a CUDA device ``place``; afterwards as it would have.

    Yields the generators, whose states tell whether anything was drawn.
    """
    torch = library()
    generators = [torch.default_generator]
    if place.type == "cuda":
        generators.append(torch.cuda.default_generators[place.index or torch.cuda.current_device()])
    before = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(seed)
    try:
        yield generators
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)
