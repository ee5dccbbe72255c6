"""The columns: every quantity that is recorded of a run, each declared once.

The records as they come in, a ``Result`` and its file, CSV and JSON, the table of a study and its export all derive
from the fields of ``Records``. A new column is a new field here, and whatever computes its numbers: ``derive``, where
they follow from other columns. Such a column is computed when it is first asked for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from stepbench.contracts import Problem, Vector

TOGETHER = 1 << 14
"""How many distances are computed at a time: few enough that what leads to them stays in the processor's cache."""

Record = np.ndarray[Any, Any]
Derive = Callable[[Problem, Mapping[str, Vector]], Vector | None]


@dataclass(frozen=True)
class Column:
    """One recorded quantity, as read from its field of ``Records``.

    ``title`` is its name in CSV and JSON, and ``end`` that of its last value in JSON and in the export of a study.
    ``sql`` is the type of that value in a study's table, where it is called ``kept``; empty where a study does not keep
    it. ``spent`` says that it counts what a run has spent,
    which is told wherever costs are. ``always`` says that a file has it for every run, be it known or not. ``derive``
    computes it from the problem and the other columns, None where it is unknown.
    """

    name: str
    title: str
    end: str
    sql: Literal["", "INTEGER", "REAL"]
    kept: str
    spent: bool
    always: bool
    derive: Derive | None


def column(
    title: str,
    *,
    end: str = "",
    sql: Literal["", "INTEGER", "REAL"] = "REAL",
    kept: str = "",
    spent: bool = False,
    always: bool = True,
    derive: Derive | None = None,
) -> Any:
    """A field of ``Records``, described as ``Column`` says."""
    return dataclasses.field(
        init=derive is None,
        metadata={
            "title": title,
            "end": end or title,
            "sql": sql,
            "kept": kept,
            "spent": spent,
            "always": always,
            "derive": derive,
        },
    )


def error_of(problem: Problem, known: Mapping[str, Vector]) -> Vector | None:
    """f − f*, where the minimum is known."""
    return None if problem.f_star is None else known["f"] - problem.f_star


def distance_of(problem: Problem, known: Mapping[str, Vector]) -> Vector | None:
    """The distance of every point, (n, d, R) or (n, d), from the nearest minimiser, (n, R) or (n,), if one is known."""
    if problem.x_star is None or known["x"] is None:
        return None
    x = known["x"]
    distance = np.empty((len(x), *x.shape[2:]))
    some = -(-TOGETHER // max(1, distance[:1].size))
    with np.errstate(all="ignore"):
        for begin in range(0, len(x), some):
            points, nearest = x[begin : begin + some], math.inf
            for star in np.reshape(problem.x_star, (problem.x0.size, -1)).T:
                square: Any = 0.0
                for i, w in enumerate(star):  # one component after the other, as ``dot`` sums, without a copy of x
                    square = square + (points[:, i] - w) ** 2
                nearest = np.minimum(nearest, square)
            np.sqrt(nearest, out=distance[begin : begin + some])
    return distance


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Records:
    """Every record of one run, or of a batch of R runs on the last axis; record 0 is the start.

    ``problem`` is that of the runs: ``error`` and ``distance`` follow from it and from the other columns.
    """

    problem: Problem

    iteration: Record = column("iteration", end="iterations", sql="INTEGER", kept="steps", spent=True)
    evals: Record = column("gradient_evaluations", sql="INTEGER", spent=True)
    fevals: Record = column("function_evaluations", sql="INTEGER", spent=True)
    f: Record = column("f")
    error: Record | None = column("error", derive=error_of)
    distance: Record | None = column("distance", derive=distance_of)
    gradient_norm: Record = column("gradient_norm")
    accuracy: Record | None = column("accuracy", always=False)
    elapsed: Record | None = column("elapsed", sql="", spent=True, always=False)  # the time is not the run's alone
    step_size: Record | None = column("step_size", sql="")
    x: Any = column("w", sql="")

    if not TYPE_CHECKING:  # every field has a type of its own

        def __getattr__(self, name: str) -> Vector | None:
            """A column that follows from others, when it is first asked for."""
            if name not in DERIVED:
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            value = DERIVED[name](self.problem, vars(self))
            object.__setattr__(self, name, value)  # the class is frozen
            return value


COLUMNS = tuple(
    Column(field.name, **{**field.metadata, "kept": field.metadata["kept"] or field.name})
    for field in dataclasses.fields(Records)
    if field.metadata
)
"""Every column, in the order in which they are written."""

DERIVED = {column.name: column.derive for column in COLUMNS if column.derive is not None}
"""Those that follow from others, and how."""

KEPT = tuple(column for column in COLUMNS if column.sql)
"""Those that a study keeps of the end of each run."""

NUMBERS = tuple(column for column in COLUMNS if column.name not in ("step_size", "x"))
"""Those that have one number per run in each record; of step sizes and of w there may be one per component."""
