"""A batch: runs in lock-step, as plain data that any worker can make runs from, and what is kept of each run."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from stepbench import catalog, files, identity
from stepbench.contracts import Joined, Problem, Runnable, values_of, with_values
from stepbench.engine import prepare, run_quietly
from stepbench.fields import InputError, shown_path
from stepbench.result import Result
from stepbench.torch.network import Network

Keep = Literal["end", "curve", "trace"]
"""What is kept of a run: its end; also its least f by each evaluation; also every record."""


class Head(NamedTuple):
    """What tells a run from every other. ``key`` is a digest of the rest; ``setting`` is one of a batch's setting."""

    key: bytes
    setting: bytes
    seed: int
    parameters: str
    start: bytes | None


class Outcome(NamedTuple):
    """The end of a run, as ``Result`` names it; numbers are None where unknown, all of them where a run crashed.

    ``point`` (d,) and ``curve`` (2, n), the costs at which f came lower and these f, are float64 in bytes; ``trace``
    is the file that ``Result.save`` writes.
    """

    status: str
    detail: str
    steps: int | None = None
    evals: int | None = None
    fevals: int | None = None
    f: float | None = None
    error: float | None = None
    distance: float | None = None
    gradient_norm: float | None = None
    accuracy: float | None = None
    point: bytes | None = None
    curve: bytes | None = None
    trace: bytes | None = None


@dataclass(frozen=True)
class Work:
    """What a worker gets: runs of one method on one problem that differ in some hyper-parameters or in their starts.

    ``problem`` and ``method`` are whole specs, ``files`` what the files in them hold, ``values`` the hyper-parameters
    with one value a run. ``starts`` has a point a run, (R, d), or is None for the problem's own start. ``dim`` is d,
    and ``lanes`` how many runs may go in lock-step; None leaves it to their size.
    """

    problem: str
    method: str
    values: dict[str, list[float]]
    starts: list[list[float]] | None
    size: int
    dim: int
    lanes: int | None
    options: dict[str, Any]
    files: dict[str, bytes]
    keep: Keep
    version: str

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
    """Work, and what its runs are known by.

    ``setting`` is all that they have in common but the seed, as JSON in which a user's file stands by its content.
    """

    work: Work
    setting: str
    heads: list[Head]


def batch(
    problem: Problem,
    method: Runnable,
    *,
    values: Mapping[str, Any] | None = None,
    start: Any = None,
    seed: int = 0,
    noise: float = 0.0,
    budget: int = 10_000,
    steps: int | None = None,
    target: float | None = None,
) -> Batch:
    """The batch of these runs; raises InputError for what cannot run, or could not be built again by a worker.

    ``values`` are hyper-parameters with one value a run, (R,); ``start`` is the first point, (d,), or one a run,
    (d, R). The other options are those of ``stepbench.run``.
    """
    columns = {name: np.asarray(own, dtype=float).tolist() for name, own in (values or {}).items()}
    first = with_values(method, {name: own[0] for name, own in columns.items()})
    parameters = values_of(first)
    if arrays := [key for key, value in parameters.items() if isinstance(value, np.ndarray)]:
        raise InputError(f"{first} is a batch already: give {arrays[0]} one value, and say what to vary")
    classes = [type(part) for part in (problem, *first.parts) if not isinstance(part, Joined)]
    if homeless := [cls for cls in classes if not cls.__module__.startswith("stepbench.")]:
        raise InputError(
            f"{homeless[0].__name__} is in no file that a worker could load: keep it in one of its own, and name that"
        )
    whole = with_values(method, {name: np.array(own) for name, own in columns.items()})
    given = prepare(problem, whole, budget=budget, steps=steps, target=target, start=start, seed=seed, noise=noise)
    options = {"noise": given.noise, "budget": given.budget, "steps": steps and int(steps), "target": given.target}
    size = 1 if given.lone else given.x.shape[1]
    points: Any = None
    starts: list[bytes | None] = [None] * size
    if isinstance(problem, Network):
        if start is not None:
            raise InputError(f"{problem} starts where its seed says: leave out the start")
    else:
        points = given.x[:, :size].T
        elsewhere = (points != problem.x0).any(axis=1)
        starts = [blob if own else None for blob, own in zip(_rows(points), elsewhere.tolist(), strict=True)]
        points = points.tolist() if elsewhere.any() else None
    setting = json.dumps(identity.facts(problem, first) | options)
    texts = [json.dumps(parameters)] * size
    if columns:
        texts = [
            json.dumps(parameters | dict(zip(columns, own, strict=True))) for own in zip(*columns.values(), strict=True)
        ]
    work = Work(
        problem=problem.spec(),
        method=first.spec(),
        values=columns,
        starts=points,
        dim=problem.x0.size,
        lanes=problem.lanes,
        size=size,
        options={"seed": given.seed, **options},
        files={files.path_of(cls): files.source_of(cls) for cls in classes if files.is_users(cls)},
        keep="end",
        version=identity.version(),
    )
    return Batch(work, setting, _heads(digest(setting), given.seed, texts, starts))


def digest(setting: str) -> bytes:
    """By what a setting is known."""
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
    """Make the runs. Those that raise an error together are tried in halves, and one that does so alone is failed."""
    if work.version != identity.version():
        raise InputError(
            f"a worker has stepbench {identity.version()}, and this study {work.version}: install the same"
        )
    with files.sent(work.files):
        return [*_outcomes(work)]


def _outcomes(work: Work) -> Iterator[Outcome]:
    try:
        result = run_quietly(
            work.problem,
            with_values(catalog.method(work.method), {name: np.array(own) for name, own in work.values.items()}),
            start=None if work.starts is None else np.array(work.starts).T,
            trace=work.keep != "end",
            label=work.method,
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
    for name in ("evals", "fevals", "f", "error", "distance", "gradient_norm", "accuracy"):
        values = getattr(result, name)
        # SQLite knows no -0, which + 0 makes a 0 of.
        columns.append([None] * work.size if values is None else np.ravel(values[-1] + 0).tolist())
    ends = (np.ravel(getattr(result, name)).tolist() for name in ("status", "detail", "steps"))
    points = [None] * work.size if result.x is None else _rows(result.x[-1].reshape(work.dim, -1).T)
    for r, outcome in enumerate(zip(*ends, *columns, points, strict=True)):
        if work.keep == "end":
            yield Outcome._make((*outcome, None, None))
        else:
            one = result if result.f.ndim == 1 else result[r]
            yield Outcome._make((*outcome, _curve(one), _saved(one, work, r) if work.keep == "trace" else None))


def _rows(values: Any) -> list[bytes]:
    """The rows of a matrix, each as its float64 numbers in bytes."""
    table = np.ascontiguousarray(values, dtype="<f8")
    every, wide = table.tobytes(), table.itemsize * table.shape[1]
    return [every[at : at + wide] for at in range(0, len(every), wide)]


def _curve(result: Result) -> bytes:
    f = result.f
    least = np.minimum.accumulate(f)
    lower = np.flatnonzero(np.diff(least, prepend=np.inf) < 0)
    return np.array([result.cost[lower], least[lower]], dtype="<f8").tobytes()


def _saved(result: Result, work: Work, r: int) -> bytes:
    """The file of run r, under its own hyper-parameters."""
    method = with_values(catalog.method(work.method), {name: own[r] for name, own in work.values.items()})
    file = io.BytesIO()
    # Without the time that it took, which is that of its batch, the file is the same wherever it is made.
    replace(result, method=method.spec(), label=catalog.label(method), seconds=0.0, elapsed=None).write(file)
    return file.getvalue()
