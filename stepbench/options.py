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
DRAWING = "How to draw it"
FILM = "How to film it"


Engine: TypeAlias = Literal["auto", "numpy", "kernel"]
"""What makes the runs: NumPy, a kernel compiled from the same text, or whichever is faster with NumPy's bits."""

Overlay: TypeAlias = Literal["gradient", "flow", "model"]
"""What is drawn over the map of f: arrows of −∇f, the gradient flow from the start, or the quadratic model there."""

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


STYLES = ("page", "paper", "slides", "dark")
"""Where a figure will stand: on a page, in a column of a paper, on a slide, or on a dark page."""


@dataclass(frozen=True)
class DrawingOptions:
    """How every figure can be drawn."""

    style: str = option(
        "page", "Where it will stand: page, paper, slides, dark, or a .mplstyle file; several with commas.", DRAWING
    )
    width: float | None = option(None, "Inches across.", DRAWING, bounds="[1, 60]", shown="the style's")
    dpi: int | None = option(None, "Pixels per inch.", DRAWING, bounds="[20, 2400]", shown="the style's")
    title: str | None = option(None, "The sentence above it.", DRAWING, shown="the finding")


@dataclass(frozen=True)
class RunDrawingOptions(DrawingOptions):
    """How a figure of runs can be drawn."""

    overlay: Overlay | None = option(
        None,
        "Over the map: arrows of −∇f, the flow from the start, or the quadratic model there.",
        DRAWING,
        shown="none",
    )
    surface: bool = option(False, "f as a surface, in place of the map.", DRAWING)
    multiples: bool = option(False, "A map per method, in place of one for all.", DRAWING)


@dataclass(frozen=True)
class FilmOptions(DrawingOptions):
    """How runs can be filmed; the style gives the colours."""

    seconds: float = option(10.0, "How long the film moves.", FILM, bounds="[0.1, 600]")
    fps: int = option(10, "Frames per second.", FILM, bounds="[1, 60]")
    size: str = option("1280x720", "Its width and height in pixels.", FILM)


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
