"""A batch: runs in lock-step, as plain data that any worker can make runs from, and what is kept of each run."""

from __future__ import annotations

import hashlib
import io
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.catalog import files
from stepbench.contracts import Problem, Runnable, values_of, with_values
from stepbench.engine import identity
from stepbench.engine.columns import KEPT
from stepbench.engine.engines import bits_of, refuse_engine
from stepbench.engine.prepare import prepare
from stepbench.engine.result import Result
from stepbench.engine.running import run_quietly
from stepbench.fields import InputError, shown_path
from stepbench.options import RunOptions
from stepbench.study.runs import Column, Heads, Keep, Outcomes, joined, objects, unknown


@dataclass(frozen=True)
class Work:
    """What a worker gets: runs of one method on one problem that differ in some hyper-parameters or in their starts.

    ``problem`` and ``method`` are whole specs, or the objects themselves where no spec makes them again. ``files``
    holds the contents of the files that the specs name, and of those that these import; ``reads`` has digests of the
    other files that they read, which must be the same wherever the runs are made. ``values`` are the hyper-parameters
    with one value per run. ``starts`` has a point per run, (R, d), or is None for the problem's own start. ``dim`` is
    d, and ``lanes`` is how many runs may go in lock-step; where it is None, their size decides.
    """

    problem: str | Problem
    method: str | Runnable
    values: dict[str, list[float]]
    starts: list[list[float]] | None
    size: int
    dim: int
    lanes: int | None
    options: dict[str, Any]
    files: dict[str, bytes]
    reads: dict[str, frozenset[str]]
    keep: Keep
    version: str
    problem_file: str | None

    def part(self, places: Sequence[int]) -> Work:
        """Some of its runs, by their places."""
        return replace(
            self,
            values={name: [values[i] for i in places] for name, values in self.values.items()},
            starts=None if self.starts is None else [self.starts[i] for i in places],
            size=len(places),
        )


@dataclass(frozen=True)
class Batch:
    """Work, with what tells its runs from all others.

    ``setting`` is what all of them have in common, except for the seed, as JSON. A user's file is named there by a
    digest of its contents. ``bound`` is the problem or method that only this program can make, if there is one: its
    runs are made here, kept in memory, and never taken for those of another batch. ``traced`` are the bytes that all
    records of one of the runs need.
    """

    work: Work
    setting: str
    heads: Heads
    bound: str | None
    traced: float

    @property
    def id(self) -> bytes:
        """The digest of its setting."""
        return digest(self.setting)


def batch(problem: Problem, method: Runnable, options: RunOptions, *, values: Mapping[str, Any] | None = None) -> Batch:
    """The batch of these runs; raises InputError for what cannot run.

    ``values`` are hyper-parameters with one value per run, (R,).
    """
    columns = {name: np.asarray(column, dtype=float).tolist() for name, column in (values or {}).items()}
    first = with_values(method, {name: column[0] for name, column in columns.items()})
    parameters = values_of(first)
    if arrays := [key for key, value in parameters.items() if isinstance(value, np.ndarray)]:
        raise InputError(f"{first} is a batch already: give {arrays[0]} one value, and say what to vary")
    whole = with_values(method, {name: np.array(column) for name, column in columns.items()})
    prepared = prepare(problem, whole, options)
    steps = None if options.steps is None else int(options.steps)
    common = {"noise": prepared.noise, "budget": prepared.budget, "steps": steps, "target": prepared.target}
    if prepared.grad_target is not None:
        common["grad_target"] = prepared.grad_target
    refuse_engine(options.engine, prepared)
    by = {"engine": engine} if (engine := bits_of(options.engine, prepared)) else {}
    size = 1 if prepared.lone else prepared.start.shape[1]
    starts = np.empty((size, 0))
    if not problem.random_start:
        points = prepared.start[:, :size].T
        elsewhere = (points != problem.x0).any(axis=1)
        if elsewhere.any():
            starts = np.where(elsewhere[:, None], points, math.nan)
    elif options.start is not None:
        raise InputError(f"{problem} starts where its seed says: leave out the start")
    bound = [thing for thing in (problem, first) if not catalog.is_rebuilt(thing)]
    own = {"in_memory": secrets.token_hex(16)} if bound else {}
    setting = json.dumps(identity.facts(problem, first) | common | by | own)
    users = [type(part) for part in (problem.unchanged, *first.parts) if files.is_users(type(part))]
    work = Work(
        problem=problem if any(thing is problem for thing in bound) else problem.spec(),
        method=first if any(thing is first for thing in bound) else first.spec(),
        values=columns,
        starts=points.tolist() if starts.size else None,
        dim=problem.x0.size,
        lanes=problem.lanes,
        size=size,
        options={"seed": prepared.seed, "engine": options.engine, **common},
        files={path: held for cls in users for path, held in files.sources_of(cls).items()},
        reads={path: digests for cls in users for path, digests in files.reads_of(cls).items()},
        keep="end",
        version=identity.version(),
        problem_file=identity.problem_file(problem.unchanged.name),
    )
    heads = _heads(digest(setting), prepared.seed, _texts(parameters, columns, size), starts)
    return Batch(work, setting, heads, str(bound[0]) if bound else None, prepared.bytes_of(prepared.records) / size)


def digest(setting: str) -> bytes:
    """The key of a setting."""
    return hashlib.sha256(setting.encode()).digest()[:16]


def _texts(parameters: dict[str, Any], columns: Mapping[str, list[float]], runs: int) -> list[str]:
    """The hyper-parameters of each run as JSON; those that differ have a column."""
    if not columns:
        return [json.dumps(parameters)] * runs
    whole = parameters | dict.fromkeys(columns, "\0")
    form = json.dumps(whole).replace("%", "%%").replace(json.dumps("\0"), "%s")
    texts = (_as_json(columns[name]) for name in whole if name in columns)
    return [form % of_run for of_run in zip(*texts, strict=True)]


def _as_json(numbers: list[float]) -> list[str]:
    """The numbers as JSON; one that occurs several times is written once."""
    bits, places = np.unique(np.array(numbers).view(np.int64), return_inverse=True)
    return objects(json.dumps(bits.view(float).tolist())[1:-1].split(", "))[places].tolist()  # type: ignore[no-any-return]


def _heads(setting: bytes, seed: int, parameters: list[str], starts: Column) -> Heads:
    common = hashlib.sha256(setting + seed.to_bytes(8, "little"))
    moved = (~unknown(starts)).tolist()
    keys = []
    for text, start, elsewhere in zip(parameters, _bytes_of_rows(starts), moved, strict=True):
        key = common.copy()
        key.update(text.encode() + start if elsewhere else text.encode())
        keys.append(key.digest()[:16])
    return Heads(objects(keys), np.full(len(keys), seed), objects(parameters), starts)


def perform(work: Work) -> Outcomes:
    """Make the runs. Where a batch raises an error, each half is tried; a single run that does so has failed."""
    if work.version != identity.version():
        raise InputError(
            f"a worker has stepbench {identity.version()}, and this study {work.version}: install the same"
        )
    if isinstance(work.problem, str) and work.problem_file != identity.problem_file(work.problem.partition(":")[0]):
        raise InputError(f"a worker has another file of {work.problem}: install the same stepbench")
    for path, digests in work.reads.items():
        if files.digest_of(path) not in digests:
            raise InputError(f"{path} is not what it was when the study began, or is another on a worker: start again")
    with files.sent(work.files):
        return _outcomes(work)


def _outcomes(work: Work) -> Outcomes:
    try:
        result = run_quietly(
            work.problem,
            with_values(catalog.method(work.method), {name: np.array(column) for name, column in work.values.items()}),
            start=None if work.starts is None else np.array(work.starts).T,
            trace=work.keep != "end",
            label=str(work.method),
            **work.options,
        )
    except (Exception, SystemExit) as error:  # of a user's file
        if work.size == 1:
            why = f"{type(error).__name__}: {error}"
            for path in work.files:  # wherever it lies on this machine
                why = why.replace(shown_path(path), Path(path).name).replace(path, Path(path).name)
            return Outcomes.failed(why, 1)
        halves = range(work.size // 2), range(work.size // 2, work.size)
        return joined([_outcomes(work.part(half)) for half in halves])
    return _ends(work, result)


def _ends(work: Work, result: Result) -> Outcomes:
    """What is kept of the runs of a result."""
    numbers = np.full((work.size, len(KEPT)), math.nan)
    for place, column in enumerate(KEPT):
        values = getattr(result, column.name)
        if values is not None:
            numbers[:, place] = np.ravel(values[-1]) + 0  # which makes 0 of -0
    points = np.empty((work.size, 0)) if result.x is None else result.x[-1].reshape(work.dim, -1).T
    status, detail = (objects(np.ravel(texts).tolist()) for texts in (result.status, result.detail))
    curve = trace = objects([None] * work.size)
    if work.keep != "end":
        runs = [result] if result.f.ndim == 1 else [result[r] for r in range(work.size)]
        curve = objects([_curve(one) for one in runs])
        if work.keep == "trace":
            trace = objects([_saved(one, work, r) for r, one in enumerate(runs)])
    return Outcomes(status, detail, numbers, points, curve, trace)


def _bytes_of_rows(values: Column) -> list[bytes]:
    """The rows of a matrix, each as its float64 numbers in bytes."""
    content, size = values.astype("<f8").tobytes(), 8 * values.shape[1]
    return [content[begin : begin + size] for begin in range(0, size * len(values), size or 1)] or [b""] * len(values)


def _curve(result: Result) -> bytes:
    f = result.f
    least = np.minimum.accumulate(f)
    lower = np.flatnonzero(np.diff(least, prepend=np.inf) < 0)
    return np.array([result.cost[lower], least[lower]], dtype="<f8").tobytes()


def _saved(result: Result, work: Work, r: int) -> bytes:
    """The file of run r, under its own hyper-parameters."""
    method = with_values(catalog.method(work.method), {name: column[r] for name, column in work.values.items()})
    file = io.BytesIO()
    # The time is that of the whole batch. Without it the file is the same wherever it is made.
    replace(result, method=method.spec(), label=catalog.label(method), seconds=0.0, elapsed=None).write(file)
    return file.getvalue()
