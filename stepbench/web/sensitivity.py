"""How much the step size matters: where the same run ends with each of many step sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench.contracts import Problem, Runnable, with_values
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.web.batches import NoKernel, quickly
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
    except NoKernel:
        result = quickly(problem, batch, engine="numpy", **options)
    return Sensitivity(sizes, result)


def place(size: float) -> float:
    """Where a step size stands on the axis."""
    return math.log10(size) if size > 0 else math.nan
