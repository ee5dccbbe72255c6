"""The ends of many runs as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench.engine.columns import KEPT
from stepbench.study.runs import Outcomes

Numbers = np.ndarray[Any, Any]


def asked_for_f(evals: Numbers, fevals: Numbers) -> Numbers:
    """How many evaluations of f were asked for per evaluation of the gradient; 0 where no gradients were."""
    return np.where(evals > 0, fevals / np.maximum(evals, 1), 0.0)


@dataclass(frozen=True, eq=False)
class Ends:
    """The ends of many runs, as arrays of one shape; a number that is unknown is NaN.

    ``numbers`` are the columns that a study keeps, by name; each is an attribute too: ``ends.error``. ``point`` has the
    components of w on one more axis, the last; NaN where a problem has fewer than another.
    """

    status: Numbers
    numbers: dict[str, Numbers]
    point: Numbers

    @classmethod
    def of(cls, outcomes: Outcomes, shape: tuple[int, ...]) -> Ends:
        """The arrays of these outcomes, in C order."""
        numbers = {column.name: values.reshape(shape) for column, values in zip(KEPT, outcomes.numbers.T, strict=True)}
        point = outcomes.point.reshape(*shape, outcomes.point.shape[1])
        return cls(outcomes.status.astype(str).reshape(shape), numbers, point)

    def __getattr__(self, name: str) -> Numbers:
        """A column, by its name."""
        numbers: dict[str, Numbers] = vars(self).get("numbers", {})
        if name not in numbers:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return numbers[name]

    @property
    def cost(self) -> Numbers:
        """What each run spent: gradient evaluations, or those of f where it asked for no gradients."""
        return np.where(self.evals == 0, self.fevals, self.evals)

    @property
    def gradient_free(self) -> Numbers:
        """Which runs asked for function values only."""
        return np.asarray((self.evals == 0) & (self.fevals > 0))

    @property
    def lost(self) -> Numbers:
        """Which runs diverged or failed."""
        return np.isin(self.status, ("diverged", "failed"))

    def left(self, target: float | None) -> Numbers:
        """What the error was at the end, or f where there is no target; infinite where the run was lost."""
        return np.where(self.lost, math.inf, self.f if target is None else self.error)

    def cost_to(self, target: float | None) -> Numbers:
        """What each run spent to an error of at most ``target``; infinite without one, or where it was not met."""
        if target is None:
            return np.full(self.f.shape, math.inf)
        return np.where((self.error <= target) & ~self.lost, self.cost, math.inf)
