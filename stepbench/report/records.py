"""What JSON, CSV and Parquet tell of runs: the summary of a result, its records, and the runs that a study keeps."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepbench.engine.columns import KEPT, NUMBERS, Column
from stepbench.report.tables import decades, derivations, level_name

if TYPE_CHECKING:
    from stepbench.engine.result import Result
    from stepbench.study.runs import Run
    from stepbench.study.store import Store


def finite(value: float) -> float | None:
    """A number as JSON can tell it: null where it is infinite or NaN."""
    return value if math.isfinite(value) else None


def summary(result: Result) -> dict[str, Any]:
    """A run as JSON tells it; what is not finite is null."""
    facts = {
        "problem": result.problem.spec(),
        "method": result.method,
        "label": result.label,
        "status": result.status,
        "detail": result.detail,
        **{column.end: _number(column, result, -1) for column in KEPT},
        "start": None if result.x is None else result.x[0].tolist(),
        "w": None if result.x is None else result.x[-1].tolist(),
        "told": list(result.told),
        "derived": derivations([result]),
        "seed": result.seed,
        "noise": result.noise,
        "budget": result.budget,
        "target": result.target,
        "grad_target": result.grad_target,
        "engine": result.engine,
        "seconds": result.seconds,
        "seconds_per_step": None if result.elapsed is None else float(result.elapsed[-1]) / max(result.steps, 1),
        "stepbench": result.version,
    }
    plain = {name: finite(value) if isinstance(value, float) else value for name, value in facts.items()}
    return plain | {"error_first_at_most": _reached(result)}


def _number(column: Column, result: Result, record: int) -> float | None:
    """One record of a column, as a number of Python's own; None where it is unknown."""
    values = getattr(result, column.name)
    return None if values is None else values[record].item()


def _reached(result: Result) -> dict[str, dict[str, float | None]]:
    """What each power of ten of the error had cost when it was first reached."""
    reached: dict[str, dict[str, float | None]] = {}
    if result.error is None:
        return reached
    for level in decades([result]):
        k = result.first_at(level)
        if k is not None:
            spent = {column.title: _number(column, result, k) for column in NUMBERS if column.spent}
            reached[level_name(level, result)] = spent
    return reached


def write_csv(results: Sequence[Result], path: str) -> None:
    """Write a row per record of every run to a file, or to standard output where the path is ``-``."""
    with nullcontext(sys.stdout) if path == "-" else Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        header = dict.fromkeys(name for result in results for name, _ in _columns(result))
        writer.writerow(header)
        for result in results:
            columns = dict(_columns(result))
            empty = [""] * len(result.f)
            writer.writerows(zip(*(columns.get(name, empty) for name in header), strict=True))


def as_text(text: str) -> str:
    """A text for a CSV file. One that a spreadsheet would run as a formula stands behind an apostrophe.

    A number stays one, whatever its sign.
    """
    if not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def _columns(result: Result) -> Iterable[tuple[str, Any]]:
    n = len(result.f)
    yield "method", [as_text(result.label)] * n
    for column in NUMBERS:
        values = getattr(result, column.name)
        if values is not None:
            yield column.title, values.tolist()
        elif column.always:
            yield column.title, [""] * n
    d = 1 if result.x is None else result.x.shape[1]
    if result.step_size is not None and result.step_size.ndim == 2:
        d = result.step_size.shape[1]
    sizes = [[""] * d] * n if result.step_size is None else _per_component(result.step_size, d)
    for i in range(d):
        yield f"step_size_{i + 1}", [row[i] for row in sizes]
    for i in range(0 if result.x is None else d):
        yield f"w_{i + 1}", result.x[:, i].tolist()


def _per_component(step_size: Any, d: int) -> list[list[Any]]:
    rows = step_size.tolist()
    rows = rows if step_size.ndim == 2 else [[a] * d for a in rows]
    return [["" if math.isnan(a) else a for a in row] for row in rows]


def stored_runs(store: Store, status: str | None = None) -> Iterator[dict[str, Any]]:
    """A flat row per run that a study keeps, or per run that ended in this status."""
    for key, setting in store.facts().items():
        for run in store.runs(key):
            if status in (None, run.status):
                yield _row(setting, run)


def _row(setting: dict[str, Any], run: Run) -> dict[str, Any]:
    """A run of a study by column; the parameters of its problem and method are ``problem.kappa`` and ``method.lr``."""
    return {
        "problem": setting["problem"],
        **{f"problem.{name}": value for name, value in setting["problem_parameters"].items()},
        "method": setting["method"],
        **{f"method.{name}": value for name, value in json.loads(run.parameters).items()},
        "start": run.start,
        "seed": run.seed,
        **{name: setting[name] for name in ("noise", "budget", "steps", "target")},
        "status": run.status,
        "detail": run.detail,
        **{column.end: number for column, number in zip(KEPT, run.numbers, strict=True)},
        "w": run.point,
        "stepbench": setting["stepbench"],
        "key": run.key.hex(),
    }


def columns_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The columns that any of the rows has, in the order in which they first come."""
    return [*dict.fromkeys(name for row in rows for name in row)]


def write_rows_as_csv(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the rows of a study; a point is its numbers with spaces between them."""

    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return as_text(value)
        return " ".join(map(repr, value)) if isinstance(value, list) else value

    columns = columns_of(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(as_text, columns))
        writer.writerows([cell(row.get(name)) for name in columns] for row in rows)


def write_rows_as_parquet(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the rows of a study; a point is a list of numbers. Raises ImportError where pyarrow is not installed."""
    from pyarrow import parquet, table

    columns = {name: _of_one_type([row.get(name) for row in rows]) for name in columns_of(rows)}
    parquet.write_table(table(columns), path)


def _of_one_type(values: list[Any]) -> list[Any]:
    """The values of a column, as text where some are numbers and others words: Parquet has one type for each."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) < 2 or kinds == {int, float}:
        return values
    return [None if value is None else str(value) for value in values]
