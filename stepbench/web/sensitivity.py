"""How much the step size matters: where the same run ends with each of many step sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, FixedTicker, Range1d, Span

from stepbench.contracts import Problem, Runnable, with_values
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.web.assets import asset
from stepbench.web.batches import NoKernelError, quickly
from stepbench.web.figures import RED, Scale, a_figure, finite, scale_of, set_scale
from stepbench.web.selection import Control, method_controls

VALUES = 60
"""How many step sizes are tried."""


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The ends of runs that differ in their step size alone.

    ``sizes`` (n,) are the step sizes, and ``result`` the batch, whose ``value[-1]`` (n,) are the final errors.
    """

    sizes: Any
    result: Result

    @property
    def lost(self) -> Any:
        """Which of the runs diverged or failed, (n,)."""
        return np.isin(self.result.status, ("diverged", "failed"))

    @property
    def curves(self) -> list[Any]:
        """The first and the last value of each run that was not lost."""
        value: Any = self.result.value
        return [value[:, k] for k in np.flatnonzero(~self.lost)] or [value[:1, 0]]


def step_size(method: Runnable) -> Control:
    """The slider of a method's step size; raises InputError where it has none."""
    for control in method_controls(method):
        if control.key == "lr" and control.kind == "log":
            return control
    raise InputError(f"{method} has no step size to set")


def sensitivity(problem: Problem, method: Runnable, start: Sequence[float], budget: int) -> Sensitivity:
    """Where runs of a budget end with each step size of the method's slider.

    Raises InputError where there is none, where no run can be made, or where they take too long.
    """
    control = step_size(method)
    places = np.linspace(control.low, control.high, VALUES)
    sizes = np.array([control.value(place) for place in places.tolist()])
    batch = with_values(method, {"lr": sizes})
    options: dict[str, Any] = {"start": start, "budget": budget}
    try:
        result = quickly(problem, batch, engine="kernel", **options)
    except NoKernelError:
        result = quickly(problem, batch, engine="numpy", **options)
    return Sensitivity(sizes, result)


class Panel:
    """The figure of a sensitivity: ``figure``, which ``show``, ``mark`` and ``clear`` fill."""

    def __init__(self) -> None:
        self.figure = fig = a_figure("step size α", "final error", "stretch_both")
        fig.x_range = Range1d(-6, 1)
        fig.xaxis.ticker = FixedTicker(ticks=[])
        fig.xgrid.ticker = fig.xaxis.ticker
        fig.xaxis.formatter = CustomJSTickFormatter(args={"linear": None}, code=asset("tick.js"))
        self._curve = ColumnDataSource({"x": [], "y": []}, name="ends")
        self._lost = ColumnDataSource({"x": [], "y": []}, name="ends lost")
        self._here = ColumnDataSource({"x": [], "y": [], "colour": []}, name="end here")
        self._line = Span(dimension="height", line_color="#5a6472", line_dash=[4, 3], line_width=1.5, visible=False)
        fig.add_layout(self._line)
        self._drawn = fig.line("x", "y", line_width=2.5, source=self._curve)
        self._dots = fig.scatter("x", "y", size=4, source=self._curve)
        fig.scatter("x", "y", marker="x", size=9, line_color=RED, line_width=2, source=self._lost)
        fig.scatter("x", "y", size=13, color="colour", line_color="white", line_width=2, source=self._here)
        self._scale = Scale(1e-2, 1.0)

    def show(self, found: Sensitivity, colour: str) -> None:
        """Draw the curve, in the colour of its method; what was lost stands at the top, as a red cross."""
        self._scale = scale = scale_of([found.result], found.curves)
        value = found.result.value[-1]
        with np.errstate(all="ignore"):
            height = scale.place(value if scale.linear else np.where(value > 0, value, scale.low))
        height[found.lost] = math.nan
        x = np.log10(found.sizes)
        low, high = float(x[0]), float(x[-1])
        self.figure.x_range.update(start=low - 0.02 * (high - low), end=high + 0.02 * (high - low))
        self.figure.xaxis.ticker.ticks = [float(e) for e in range(math.ceil(low), math.floor(high) + 1)]
        set_scale(self.figure, scale)
        for glyph in (self._drawn.glyph, self._dots.glyph):
            glyph.line_color = colour
        self._dots.glyph.fill_color = colour
        self._curve.data = {"x": x, "y": finite(height)}
        bottom, top = float(scale.place(scale.low)), float(scale.place(scale.high))
        lost = x[found.lost]
        self._lost.data = {"x": lost, "y": np.full(lost.size, top - 0.04 * (top - bottom))}

    def mark(self, size: float, value: float, colour: str) -> None:
        """Mark where the slider stands, and where the run with this step size ended; NaN where it was lost."""
        x = math.log10(size)
        self._line.update(location=x, visible=True)
        y = float(self._scale.place(value if self._scale.linear else max(value, self._scale.low)))
        self._here.data = {"x": [x], "y": [y], "colour": [colour]} if math.isfinite(y) else NOWHERE

    def clear(self) -> None:
        """Draw nothing."""
        self._line.visible = False
        self._curve.data, self._lost.data, self._here.data = {"x": [], "y": []}, {"x": [], "y": []}, NOWHERE


NOWHERE: dict[str, Any] = {"x": [], "y": [], "colour": []}
