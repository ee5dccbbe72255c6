"""What a run leaves behind."""

from __future__ import annotations

import dataclasses
import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from stepbench import catalog
from stepbench.catalog import files
from stepbench.contracts import Problem
from stepbench.engine import archive
from stepbench.engine.columns import COLUMNS, DERIVED, Record, Records
from stepbench.fields import InputError, of_one, refuse_no_file, show_value
from stepbench.showing import Filmed
from stepbench.version import __version__

ENDS = ("status", "detail", "steps")

NOWHERE = "in memory"
"""The version of a problem that only the program had that made the result."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Result(Records, Filmed):
    """The records of one run, or of a batch of R runs on the last axis; record 0 is the start.

    With n + 1 records: ``x`` (n+1, d, R); ``f`` and ``gradient_norm`` (n+1, R), of the whole function even where the
    steps saw samples or noise; ``error``, f − f*, and ``distance``, ‖x − x*‖, (n+1, R) or None where unknown;
    ``step_size``, the α of the step to each record (of Csawg the one it learned last), (n+1, R), or (n+1, d, R) where
    there is one per component, or None; ``evals`` and ``fevals`` (n+1, R), the gradient and function evaluations spent
    by then; ``iteration`` (n+1, R), the steps taken by then: each run stands still after its last record; ``elapsed``
    (n+1, R), the seconds of stepping by then (of the whole batch; looking does not count), None where a study kept the
    run. ``steps`` (R,) is the last iteration; ``status`` (R,) is converged, budget, diverged or failed, and ``detail``
    says more. One run has no last axis. A run with ``trace=False`` has two records, its start and its end, and no
    ``step_size``.

    A network has no ``x``, but ``accuracy``, the part of the test examples that it gets right, (n+1, R); its f is the
    loss over all training examples. Its ``step_size`` is (n+1, t, R) where there are several, the mean over each of t
    tensors.

    ``varied`` has, by its key, each hyper-parameter in which the runs of a batch differ, (R,). A run that is picked,
    ``result[r]``, is called by its own values.

    ``engine`` says what made the run, NumPy or a kernel, and why.

    ``plans`` says that some steps hold several moves, ``plain`` that every step is α times the gradient that it saw,
    ``told`` what the method was told beyond f and its gradient, and ``seconds`` is all the time that the run took.
    """

    label: str
    method: str
    steps: Any
    status: Any
    detail: Any
    plans: bool
    told: tuple[str, ...]
    seed: int
    noise: float
    budget: int
    target: float | None
    seconds: float
    version: str = __version__
    plain: bool = False
    grad_target: float | None = None
    varied: dict[str, Record] = field(default_factory=dict)
    engine: str = ""

    def __getitem__(self, r: int) -> Result:
        """One run of a batch, with the records that it has alone, and called by the values that it has.

        Where the batch was given a label that does not name what varies, the values stand behind it.
        """
        if self.f.ndim == 1:
            raise InputError("this result is of one run, not of a batch")
        n = int(np.searchsorted(self.iteration[:, r], self.steps[r])) + 1
        own: dict[str, Any] = {
            k: v[:n, ..., r] for k in RECORDS if k not in DERIVED and (v := getattr(self, k)) is not None
        }
        ends: dict[str, Any] = {
            "steps": int(self.steps[r]),
            "status": str(self.status[r]),
            "detail": str(self.detail[r]),
        }
        values = {key: float(of_runs[r]) for key, of_runs in self.varied.items()}
        label = of_one(self.label, values.values())
        if label == self.label:
            label = ", ".join([label, *(f"{key}={show_value(value)}" for key, value in values.items())])
        method = of_one(self.method, values.values())
        return dataclasses.replace(self, **own, **ends, label=label, method=method, varied={})

    def alone(self) -> Result:
        """This result, if it is of a single run; raises InputError."""
        if self.f.ndim > 1:
            raise InputError(f"this result is of {self.f.shape[-1]} runs: choose one, as result[0]")
        return self

    @property
    def value(self) -> Record:
        """What each run is judged by, (n+1, R): the error, f − f*, or f where the minimum is unknown."""
        return self.f if self.error is None else self.error

    @property
    def gradient_free(self) -> bool:
        """Whether a single run asked for function values only, as a simplex method does."""
        return not self.evals[-1] and bool(self.fevals[-1])

    @property
    def cost(self) -> Record:
        """What a single run is measured by, (n+1,): gradient evaluations, or those of f where it is gradient-free."""
        return self.fevals if self.gradient_free else self.evals

    def first_at(self, error: float) -> int | None:
        """The first record of a single run whose error is at most this; None where there is none."""
        self.alone()
        if self.error is None:
            raise InputError(f"{self.problem} does not know its minimum, so there is no error to look for")
        below = np.flatnonzero(self.error <= error)
        return int(below[0]) if below.size else None

    def save(self, path: str | Path) -> None:
        """Write everything to one .npz file, without pickling."""
        with Path(path).open("wb") as file:
            self.write(file)

    def write(self, file: IO[bytes]) -> None:
        """Write what ``save`` does to an open file."""
        arrays = {name: getattr(self, name) for name in ARRAYS if getattr(self, name) is not None}
        facts = {name: getattr(self, name) for name in FACTS} | {"problem": self.problem.spec()}
        facts["varied"] = {key: values.tolist() for key, values in self.varied.items()}
        facts["file"] = files.version_of(type(self.problem.unchanged)) if catalog.is_rebuilt(self.problem) else NOWHERE
        archive.write(file, {"facts": json.dumps(facts), **arrays}, compressed=True)


RECORDS = tuple(column.name for column in COLUMNS)
ARRAYS = (*RECORDS, *ENDS)
FACTS = tuple(f.name for f in dataclasses.fields(Result) if f.name not in (*ARRAYS, "problem"))
"""What the file of a result holds as JSON, beside its arrays and its problem."""


def load(path: str | Path | IO[bytes], problem: Problem | None = None) -> Result:
    """Read a result that ``save`` wrote, from its path or an open file; raises InputError where it is not one.

    ``problem`` is the problem that was run, where it is of your own making and the catalogue cannot build it.
    """
    if isinstance(path, str | Path):
        refuse_no_file(path)
    try:
        with Path(path).open("rb") if isinstance(path, str | Path) else nullcontext(path) as handle:
            held = archive.read(handle)
        facts = json.loads(str(held["facts"]))
        arrays = {name: held.get(name) for name in ARRAYS if name not in DERIVED}
        plain: dict[str, Any] = {k: v.item() if v is not None and v.ndim == 0 else v for k, v in arrays.items()}
        facts["varied"] = {key: np.array(values) for key, values in facts.get("varied", {}).items()}
        told, spec, version = tuple(facts.pop("told")), facts.pop("problem"), facts.pop("file", None)
    except InputError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a result that stepbench saved ({error})") from None
    try:
        if problem is None and version == NOWHERE:
            raise InputError("no spec makes it again")
        known = problem or catalog.problem(spec)
    except InputError:
        raise InputError(
            f"{path} is of the problem {spec}, which is not in the catalogue: give load(…, problem=)"
        ) from None
    if problem is None and version != files.version_of(type(known)):
        raise InputError(f"{path} is of the problem {spec}, and that file has changed since: give load(…, problem=)")
    try:
        return Result(problem=known, told=told, **plain, **facts)
    except TypeError as error:
        raise InputError(f"{path} is not a result that stepbench saved ({error})") from None
