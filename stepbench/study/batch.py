"""A batch: runs in lock-step, as plain data that any worker can make runs from, and what is kept of each run."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

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

Keep = Literal["end", "curve", "trace"]
"""What is kept of a run: its end; also its least f by each evaluation; also every record."""


class Head(NamedTuple):
    """What tells a run from every other.

    ``setting`` is a digest of what the runs of its batch have in common, and ``key`` a digest of everything else here.
    """

    key: bytes
    setting: bytes
    seed: int
    parameters: str
    start: bytes | None


class Outcome(NamedTuple):
    """How a run ended; the names are those of ``Result``.

    ``numbers`` are the values of the columns that a study keeps, in their order. A number is None where it is unknown,
    and all are where the run crashed. ``point`` is w at the end, (d,), and ``curve``, (2, n), has the costs at which f
    came lower and these values of f; both are float64 in bytes. ``trace`` is the file that ``Result.save`` writes.
    """

    status: str
    detail: str
    numbers: tuple[float | None, ...] = (None,) * len(KEPT)
    point: bytes | None = None
    curve: bytes | None = None
    trace: bytes | None = None

    def __getattr__(self, name: str) -> float | None:
        """The number of a column, by the name that it is kept under: ``outcome.error``."""
        if name not in PLACES:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return self.numbers[PLACES[name]]


PLACES = {column.kept: place for place, column in enumerate(KEPT)}
"""Where each column stands among the numbers of an outcome."""


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
    heads: list[Head]
    bound: str | None
    traced: float


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
    points: Any = None
    starts: list[bytes | None] = [None] * size
    if not problem.random_start:
        points = prepared.start[:, :size].T
        elsewhere = (points != problem.x0).any(axis=1)
        starts = [blob if moved else None for blob, moved in zip(_rows(points), elsewhere.tolist(), strict=True)]
        points = points.tolist() if elsewhere.any() else None
    elif options.start is not None:
        raise InputError(f"{problem} starts where its seed says: leave out the start")
    bound = [thing for thing in (problem, first) if not catalog.is_rebuilt(thing)]
    own = {"in_memory": secrets.token_hex(16)} if bound else {}
    setting = json.dumps(identity.facts(problem, first) | common | by | own)
    users = [type(part) for part in (problem.unchanged, *first.parts) if files.is_users(type(part))]
    texts = [json.dumps(parameters)] * size
    if columns:
        texts = [
            json.dumps(parameters | dict(zip(columns, of_run, strict=True)))
            for of_run in zip(*columns.values(), strict=True)
        ]
    work = Work(
        problem=problem if any(thing is problem for thing in bound) else problem.spec(),
        method=first if any(thing is first for thing in bound) else first.spec(),
        values=columns,
        starts=points,
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
    heads = _heads(digest(setting), prepared.seed, texts, starts)
    return Batch(work, setting, heads, str(bound[0]) if bound else None, prepared.bytes_of(prepared.records) / size)


def digest(setting: str) -> bytes:
    """The key of a setting."""
    return hashlib.sha256(setting.encode()).digest()[:16]


def _heads(setting: bytes, seed: int, parameters: list[str], starts: Sequence[bytes | None]) -> list[Head]:
    common = hashlib.sha256(setting + seed.to_bytes(8, "little"))
    heads = []
    for text, start in zip(parameters, starts, strict=True):
        key = common.copy()
        key.update(text.encode())
        key.update(start or b"")
        heads.append(Head(key.digest()[:16], setting, seed, text, start))
    return heads


def perform(work: Work) -> list[Outcome]:
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
        return [*_outcomes(work)]


def _outcomes(work: Work) -> Iterator[Outcome]:
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
            yield Outcome("failed", why)
            return
        for half in (range(work.size // 2), range(work.size // 2, work.size)):
            yield from _outcomes(work.part(half))
    else:
        yield from _ends(work, result)


def _ends(work: Work, result: Result) -> Iterator[Outcome]:
    """What is kept of the runs of a result."""
    columns = []
    for column in KEPT:
        values = getattr(result, column.name)
        # SQLite knows no -0; adding 0 makes it 0.
        columns.append([None] * work.size if values is None else np.ravel(values[-1] + 0).tolist())
    points = [None] * work.size if result.x is None else _rows(result.x[-1].reshape(work.dim, -1).T)
    statuses, details = np.ravel(result.status).tolist(), np.ravel(result.detail).tolist()
    ends = map(Outcome, statuses, details, zip(*columns, strict=True), points)
    if work.keep == "end":
        yield from ends
        return
    for r, end in enumerate(ends):
        one = result if result.f.ndim == 1 else result[r]
        yield end._replace(curve=_curve(one), trace=_saved(one, work, r) if work.keep == "trace" else None)


def _rows(values: Any) -> list[bytes]:
    """The rows of a matrix, each as its float64 numbers in bytes."""
    table = np.ascontiguousarray(values, dtype="<f8")
    content, size = table.tobytes(), table.itemsize * table.shape[1]
    return [content[begin : begin + size] for begin in range(0, len(content), size)]


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
