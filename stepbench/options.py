"""The options of a run, each declared once: its default, its meaning, the interval it must lie in, and its heading.

The command line reads its options from here. Its help must not wait for NumPy, so nothing large is imported.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

RUN = "What to run"
DATA = "Where data are drawn in mini-batches, as by networks"
OUTPUT = "What to write"


Engine: TypeAlias = Literal["auto", "numpy", "kernel"]
"""What makes the runs: NumPy, a kernel compiled from the same text, or whichever is faster with NumPy's bits."""

ProfileKind: TypeAlias = Literal["data", "performance", "log-ratio", "quality", "runtime"]
"""What a profile shows of its runs; ``stepbench.study.kinds`` has each with its paper."""


def option(default: Any, meaning: str, heading: str, *, bounds: str = "", shown: str = "") -> Any:
    """A dataclass field with its meaning and the heading that it is listed under.

    ``bounds`` is the interval that the value must lie in, e.g. ``"[1, inf)"``. ``shown`` says what None stands for.
    """
    said = {"meaning": meaning, "heading": heading, "bounds": bounds, "shown": shown}
    return dataclasses.field(default=default, metadata=said)


def same_option(record: Any, name: str) -> Any:
    """A dataclass field that is the option of this name of another record."""
    field = record.__dataclass_fields__[name]
    return dataclasses.field(default=field.default, metadata=field.metadata)


@dataclass(frozen=True)
class RunOptions:
    """The options of ``stepbench.run``, whose docstring says more about each."""

    budget: int | None = option(None, "Gradient evaluations to spend.", RUN, bounds="[1, inf)", shown="10000")
    epochs: float | None = option(None, "Passes over the data to spend, in place of --budget.", DATA, bounds="(0, inf)")
    steps: int | None = option(None, "Iterations at most.", RUN, bounds="[1, inf)")
    target: float | None = option(None, "Stop at this error f − f*.", RUN, bounds="[0, inf)", shown="0")
    start: Any = option(None, "First point, as -1,0.", RUN, shown="the problem's")  # a sequence of numbers, or an array
    seed: int = option(0, "Seed of initial weights, mini-batches and noise.", RUN, bounds=f"[0, {1 << 63})")
    noise: float = option(0.0, "Standard deviation of noise on the gradient.", RUN, bounds="[0, inf)")
    every: int | None = option(
        None,
        "Steps from one record to the next.",
        OUTPUT,
        bounds="[1, inf)",
        shown="1; for a network, several records per epoch",
    )
    checkpoint: str | Path | None = option(
        None, "Keep the run in this file; the same command goes on from there.", OUTPUT
    )
    checkpoint_every: int = option(1000, "Steps between two savings.", OUTPUT, bounds="[1, inf)")
    grad_target: float | None = option(None, "Stop at this ‖∇f‖.", RUN, bounds="[0, inf)", shown="none")
    engine: Engine = option("auto", "What makes the runs: auto, numpy, or kernel, which is compiled.", RUN)
