"""How much the step size matters: where the same run ends with each of many step sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench.contracts import Problem, Runnable, hyperparameters, values_of, with_values
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.web.batches import NoKernelError, quickly
from stepbench.web.controls import slider_range

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


def step_sizes(method: Runnable) -> Any:
    """The step sizes that are tried, (n,), evenly in the logarithm over the slider's range.

    Raises InputError where the method has none to set.
    """
    owned, value = hyperparameters(method), values_of(method).get("lr")
    low, high, log = slider_range(owned["lr"][1], value) if value is not None else (0.0, 0.0, False)
    if not log:
        raise InputError(f"{method} has no step size to set")
    return np.array([float(f"{size:.3g}") for size in np.geomspace(low, high, VALUES).tolist()])


def sensitivity(problem: Problem, method: Runnable, start: Sequence[float], budget: int) -> Sensitivity:
    """Where runs of a budget end with each step size of the method's slider.

    Raises InputError where there is none, where no run can be made, or where they take too long.
    """
    sizes = step_sizes(method)
    batch = with_values(method, {"lr": sizes})
    options: dict[str, Any] = {"start": start, "budget": budget}
    try:
        result = quickly(problem, batch, engine="kernel", **options)
    except NoKernelError:
        result = quickly(problem, batch, engine="numpy", **options)
    return Sensitivity(sizes, result)
