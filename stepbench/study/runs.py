"""Runs of one setting, in columns and one by one: what tells them from all others, and how they ended."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, get_args

import numpy as np

from stepbench.engine.columns import KEPT

Keep = Literal["end", "curve", "trace"]
"""What is kept of a run: its end; also its least f by each evaluation; also every record."""
KEEPS: tuple[Keep, ...] = get_args(Keep)

Column: TypeAlias = np.ndarray[Any, Any]


class Heads(NamedTuple):
    """What tells runs of one setting from all others: arrays with the runs on their first axis.

    ``key``, (R,), has a digest of 16 bytes of everything else here and of the setting. ``seed`` is (R,), and
    ``parameters``, (R,), has the hyper-parameters as JSON. ``start`` is (R, d); NaN where a run starts at the problem's
    own start, and (R, 0) where all do.
    """

    key: Column
    seed: Column
    parameters: Column
    start: Column


class Outcomes(NamedTuple):
    """How runs of one setting ended: arrays with the runs on their first axis; the names are those of ``Result``.

    ``numbers``, (R, columns), are the values of the columns that a study keeps. A number is NaN where it is unknown,
    and all are where the run crashed. ``point`` is w at the end, (R, d), NaN where it is unknown, and (R, 0) where all
    are. ``curve``, (R,), has the costs at which f came lower and these values of f, (2, n) float64 in bytes, and
    ``trace``, (R,), the file that ``Result.save`` writes; both are None where they are not kept.
    """

    status: Column
    detail: Column
    numbers: Column
    point: Column
    curve: Column
    trace: Column

    @classmethod
    def failed(cls, why: str, runs: int) -> Outcomes:
        """Those of runs that crashed."""
        nothing, numbers = objects([None] * runs), np.full((runs, len(KEPT)), math.nan)
        status, detail = objects(["failed"] * runs), objects([why] * runs)
        return cls(status, detail, numbers, np.empty((runs, 0)), nothing, nothing)

    @property
    def crashed(self) -> Column:
        """Of which runs nothing is known, (R,)."""
        return unknown(self.numbers)


Columns = TypeVar("Columns", Heads, Outcomes)


def taken(columns: Columns, places: Any) -> Columns:
    """Some of the runs, by their places, a mask or a slice."""
    return type(columns)(*(column[places] for column in columns))


def joined(parts: Sequence[Columns]) -> Columns:
    """The runs of all parts, of which there is at least one; NaN where a point has fewer components than another."""
    return type(parts[0])(*(np.concatenate(_padded(columns)) for columns in zip(*parts, strict=True)))


def _padded(columns: Sequence[Column]) -> Sequence[Column]:
    """The same columns, as wide as the widest."""
    widths = {column.shape[1] for column in columns if column.ndim == 2}
    if len(widths) < 2:
        return columns
    wide = max(widths)
    return [np.pad(c, ((0, 0), (0, wide - c.shape[1])), constant_values=math.nan) for c in columns]


def unknown(rows: Column) -> Column:
    """Which rows have nothing but NaN, (R,)."""
    return np.asarray(np.isnan(rows).all(axis=1))


def objects(values: Sequence[Any]) -> Column:
    """Texts or bytes as a column."""
    return np.array(values, dtype=object)


class Run(NamedTuple):
    """One run, as an export tells it: what stands in ``Heads`` and ``Outcomes``, with None for what is unknown."""

    key: bytes
    seed: int
    parameters: str
    start: list[float] | None
    status: str
    detail: str
    numbers: tuple[float | None, ...]
    point: list[float] | None
    curve: bytes | None
    trace: bytes | None

    @property
    def end(self) -> tuple[Any, ...]:
        """How it ended."""
        return self.status, self.detail, self.numbers, self.point

    def __getattr__(self, name: str) -> float | None:
        """The number of a column, by the name that it is kept under: ``run.error``."""
        if name not in PLACES:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self.numbers[PLACES[name]]


PLACES = {column.kept: place for place, column in enumerate(KEPT)}
"""Where each column stands among the numbers of a run."""


class Piece(NamedTuple):
    """Some runs of one setting, and what is kept of each."""

    setting: bytes
    heads: Heads
    outcomes: Outcomes
    keep: Keep = "end"

    @classmethod
    def joined(cls, setting: bytes, pieces: Sequence[Piece]) -> Piece:
        """All runs of some pieces, or none."""
        none = Heads(objects([]), np.empty(0, dtype=int), objects([]), np.empty((0, 0))), Outcomes.failed("", 0)
        return cls(setting, *map(joined, zip(none, *(piece[1:3] for piece in pieces), strict=True)))

    def part(self, places: Any) -> Piece:
        """Some of its runs, by their places, a mask or a slice."""
        return self._replace(heads=taken(self.heads, places), outcomes=taken(self.outcomes, places))

    def runs(self) -> Iterator[Run]:
        """Its runs, one by one."""
        heads, outcomes = self.heads, self.outcomes
        known = [
            [None if value != value else int(value) if column.sql == "INTEGER" else value for value in values]
            for column, values in zip(KEPT, outcomes.numbers.T.tolist(), strict=True)
        ]
        return map(
            Run,
            heads.key,
            heads.seed.tolist(),
            heads.parameters,
            _points(heads.start),
            outcomes.status,
            outcomes.detail,
            zip(*known, strict=True),
            _points(outcomes.point),
            outcomes.curve,
            outcomes.trace,
        )


def _points(points: Column) -> list[list[float] | None]:
    """Each point, or None where it is unknown."""
    return [None if no else point for no, point in zip(unknown(points).tolist(), points.tolist(), strict=True)]
