"""What is recorded of a batch as it runs, and where each of its runs ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from stepbench.arrays import Points, as_numpy
from stepbench.contracts import Problem, Vector
from stepbench.engine.columns import COLUMNS, DERIVED
from stepbench.engine.result import Result

ROUNDED = 1e-5
"""The ‖∇f‖ at which a peer that can go no further has converged: the tolerance that SciPy's solvers have by default."""


class _Column:
    """Every record of one quantity, (n, …, R), or (n, 1) while it is the same for all runs.

    It is an array that grows along its first axis.
    """

    def __init__(self, first: Vector, room: int) -> None:
        self.n = len(first)
        self.data = np.empty((max(room, self.n), *first.shape[1:]), first.dtype)
        self.data[: self.n] = first

    def move(self, data: Vector) -> None:
        """Stand in another array from now on, which has room for all that will come."""
        data[: self.n] = self.kept
        self.data = data

    def append(self, block: Vector) -> None:
        """Add records at the end; the array doubles when it is full, and those that stand in it already stay there."""
        n, width = self.n + len(block), max(block.shape[-1], self.data.shape[-1])
        if n > len(self.data) or width > self.data.shape[-1]:
            room = len(self.data) if n <= len(self.data) else max(n, 2 * len(self.data))
            self.move(np.empty((room, *self.data.shape[1:-1], width), self.data.dtype))
        if not np.may_share_memory(block, self.data):
            self.data[self.n : n] = block
        self.n = n

    @property
    def kept(self) -> Vector:
        """What there is by now."""
        return self.data[: self.n]


class _Ends:
    """Two records of one quantity: the first, and of each run the last."""

    def __init__(self, first: Vector) -> None:
        self.data = np.repeat(first, 2, axis=0)

    def append(self, block: Vector, at: Vector, runs: Vector) -> None:
        """Keep of some runs the record of this block at which each ended or is now.

        The block has all runs, or only these, or one number for all.
        """
        if not len(runs):
            return
        R = self.data.shape[-1]
        if block.shape[-1] == 1:
            block = np.broadcast_to(block, (*block.shape[:-1], R))
        if len(runs) == R and (at == at[0]).all():
            self.data[1] = block[at[0]]
        else:
            self.data[1][..., runs] = block[at, ..., runs if block.shape[-1] == R else np.arange(len(runs))].T

    @property
    def kept(self) -> Vector:
        """Both."""
        return self.data


class StepLog:
    """What a few steps left, before it is looked at: for each record a point, a step size and what was spent."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []
        self.why = ""

    def note(
        self,
        w: Points,
        alpha: Any,
        evals: Any,
        fevals: Any,
        step: int,
        elapsed: float,
        carried: Any = None,
        refused: Any = 0,
        why: str = "",
    ) -> None:
        """Add a record: the point after a step, what was spent by then, the seconds, and what the runs carry.

        ``refused`` is the first step that a run could not take, (R,), 0 while it can, and ``why`` says why, in words.
        """
        self.records.append((w, alpha, evals, fevals, step, elapsed, carried, refused))
        if why:
            self.why = why

    def each(self) -> Iterator[StepLog]:
        """Every record as a log of its own."""
        for record in self.records:
            one = StepLog()
            one.records, one.why = [record], self.why
            yield one


class Trace:
    """The records of a batch as they come in, all of them or only the ends, and where each of its runs ends.

    A record is made after every ``every`` steps, and of the last one.
    """

    def __init__(
        self,
        problem: Problem,
        start: Points,
        budget: int,
        horizon: int,
        target: float,
        *,
        grad_target: float | None = None,
        whole: bool = True,
        every: int = 1,
        carried: Any = None,
    ) -> None:
        self.problem = problem
        self.budget = budget
        self.horizon = horizon
        self.target = target
        self.grad_target = -math.inf if grad_target is None else grad_target
        self.whole = whole
        self.every = every
        self.length = 0  # records after the start's
        self.step = 0  # that of the last record
        d, R = start.shape
        self.last = np.full(R, -1)  # the record each run ends at; -1 while it runs
        self.status = np.full(R, "", dtype=object)
        self.detail = np.full(R, "", dtype=object)
        with np.errstate(all="ignore"):
            first = problem.look_at([start], [0], [carried])
        self.started = bool(np.isfinite(first["f"]).all() and np.isfinite(first["gradient_norm"]).all())
        wide = 1 if whole else R
        first |= {name: np.zeros((1, wide), dtype=np.int64) for name in ("evals", "fevals", "iteration")}
        first |= {"elapsed": np.zeros((1, wide))}
        self.room = -(-horizon // every) + 1  # the most records that there can be
        room = min(self.room, max(64, (1 << 21) // (d * R)))
        self.columns: dict[str, Any] = {
            name: _Column(values, room) if whole else _Ends(values) for name, values in first.items()
        }
        self.counts = (0, 0)  # the most that any run has spent
        self.alphas: list[Sequence[Any]] = []  # by block, those of each record after the start's
        self.sizes: Vector | None = None  # all of them, where a kernel has a place for them
        low, met, flat = (values[0] for values in self._reached(first))
        self._end(met | flat, 0, "converged", "the start meets the target")
        if low.any():
            self._end(low, 0, "failed", self._too_low)

    @property
    def running(self) -> bool:
        """Whether any run goes on."""
        return bool((self.last < 0).any()) and self.step < self.horizon

    @property
    def spent(self) -> tuple[int, int]:
        """How far the batch is: steps or evaluations, whichever ends it first, and the limit."""
        evals = self.counts[0] or self.counts[1]
        if self.step * self.budget > evals * self.horizon:
            return self.step, self.horizon
        return min(evals, self.budget), self.budget

    def add(self, log: StepLog) -> None:
        """Record some steps, and end the runs that met the target, diverged or spent the budget in them."""
        if not log.records:
            return
        points, alphas, evals, fevals, steps, elapsed, carried, refused = zip(*log.records, strict=True)
        try:
            new = self.problem.look_at(points, steps, carried)
        except Exception:
            if len(steps) == 1:
                raise
            for one in log.each():  # up to the point at which the problem raises its error, if a run comes so far
                if self.running:
                    self.add(one)
            return
        new |= {"evals": _counts(evals), "fevals": _counts(fevals)}
        new["iteration"], new["refused"] = _counts(steps), _counts(refused)
        new["elapsed"] = np.array(elapsed)[:, None]
        sizes = [self.problem.recorded_step_sizes(alpha) for alpha in alphas]
        self.take(new, sizes, log.why, np.flatnonzero(self.last < 0))

    def take(self, new: dict[str, Vector], alphas: Sequence[Any], why: str, judged: Vector) -> None:
        """Add n records of each quantity, (n, …, R) or (n, 1), in the order of their steps, with their step sizes.

        Beside the columns there is ``refused``, the first step that a run could not take, 0 while it can, and ``why``
        says why, in words. ``judged`` are the runs that may end in one of these records.
        """
        first, going = self.length + 1, self.last < 0
        self._advance(new, len(new["iteration"]))
        of_judged = new
        if len(judged) < self.last.size:
            of_judged = {name: v if v.shape[-1] == 1 else v[..., judged] for name, v in new.items()}
        self._end_runs(of_judged, np.full(len(judged), first), alphas, why, judged)
        del new["refused"]
        if self.step >= self.horizon:
            self._end(self.last < 0, self.length, "budget", "steps spent")
        if self.whole:
            if self.sizes is None:
                self.alphas.append(alphas)
            elif not isinstance(alphas, np.ndarray):  # NumPy goes on where a kernel was
                for k, alpha in enumerate(alphas, first):
                    self.sizes[k] = alpha
            for name, values in new.items():
                self.columns[name].append(values)
            return
        at = np.where(self.last < 0, self.length, self.last) - first
        runs = np.flatnonzero(going & (at >= 0))  # below 0, the record before these steps is a run's last
        for name, values in new.items():
            self.columns[name].append(values, at[runs], runs)

    def take_ends(self, ended: dict[str, Vector], alphas: Any, why: str, runs: Vector) -> None:
        """End some runs, of whose records only ends are kept.

        ``ended`` are of each of the ``runs`` the record before its end and that in which it ends, (2, …, r), with
        ``refused`` as in ``take``, and ``alphas`` the step sizes of the latter, (…, R).
        """
        at = -(-ended["iteration"][1] // self.every)  # the number of the record in which each run ends
        self._end_runs(ended, at - 1, [None, alphas], why, runs)
        del ended["refused"]
        for name, values in ended.items():
            self.columns[name].append(values, self.last[runs] - at + 1, runs)

    def take_last(self, now: dict[str, Vector], records: int, why: str) -> None:
        """Go on by many records of which only ends are kept: the last of them, (1, …, R) or (1, 1), is where runs are.

        Those that have ended before it are left out.
        """
        self._advance(now, records)
        live = np.flatnonzero(self.last < 0)
        if max(self.counts) >= self.budget:
            last = {name: v if v.shape[-1] == 1 else v[..., live] for name, v in now.items()}
            last["refused"] = np.zeros((1, 1), dtype=np.int64)
            self._end_runs(last, np.full(len(live), self.length), [None], why, live)
        if self.step >= self.horizon:
            self._end(self.last < 0, self.length, "budget", "steps spent")
        for name, values in now.items():
            self.columns[name].append(values, np.zeros_like(live), live)

    def _advance(self, new: dict[str, Vector], records: int) -> None:
        """Go on by so many records, and stand at the last of these."""
        self.length += records
        self.step = int(new["iteration"][-1].max())
        self.counts = (int(new["evals"][-1].max()), int(new["fevals"][-1].max()))

    def _end_runs(self, new: dict[str, Vector], first: Vector, alphas: Sequence[Any], why: str, judged: Vector) -> None:
        """End those of the judged runs for which one of these records is the last.

        The records are of these runs alone, (n, …, r) or (n, 1), and ``first`` (r,) are the numbers of the first of
        them; the step sizes are of all runs.
        """
        if not len(judged) or self._go_on(new):
            return
        shape = len(new["f"]), len(judged)
        new = {name: v if v.ndim > 2 else np.broadcast_to(v, shape) for name, v in new.items()}
        used, refused = new["evals"], new["refused"]
        if not used[-1].all():  # a method that asks for no gradients spends function evaluations
            used = np.where(used > 0, used, new["fevals"])
        bad: Vector = ~(np.isfinite(new["f"]) & np.isfinite(new["gradient_norm"]))
        low, met, flat = self._reached(new)
        ends: Vector = (refused > 0) | bad | low | met | flat | (used >= self.budget)
        ending = np.flatnonzero(ends.any(axis=0))
        k = ends.argmax(axis=0)[ending]
        record, runs = first[ending] + k, judged[ending]
        stopped = refused[k, ending] > 0
        steps = refused[k[stopped], ending[stopped]]
        self._end(runs[stopped], record[stopped] - 1, "failed", _texts(steps, lambda step: f"at step {step} {why}"))
        ending, runs, k, record = ending[~stopped], runs[~stopped], k[~stopped], record[~stopped]
        over, gone, sunk = used[k, ending] > self.budget, bad[k, ending], low[k, ending]
        reached, level = met[k, ending], ~met[k, ending] & flat[k, ending]
        self._end(runs[over], record[over] - 1, "budget", "the next step would pass the budget")
        self._end(runs[~over & reached], record[~over & reached], "converged", "target met")
        self._end(runs[~over & level], record[~over & level], "converged", "gradient target met")
        if sunk.any():
            self._end(runs[~over & sunk], record[~over & sunk], "failed", self._too_low)
        rest = ~over & ~reached & ~level & ~gone & ~sunk
        self._end(runs[rest], record[rest], "budget", "budget spent")
        lost = ~over & gone
        if lost.any():
            details = self._divergences(new, alphas, ending[lost], runs[lost], k[lost])
            self._end(runs[lost], record[lost] - 1, "diverged", details)

    def _go_on(self, new: dict[str, Vector]) -> bool:
        """Whether no run ends in any of these records, as far as extremes tell: a few quick looks, for most blocks."""
        f, norm, f_star = new["f"], new["gradient_norm"], self.problem.f_star
        least, lowest = (-math.inf, f.min()) if f_star is None else (self.target, f.min() - f_star)
        return bool(
            lowest > least  # never where there is a NaN
            and f.max() < math.inf
            and self.grad_target < norm.min()
            and norm.max() < math.inf
            and max(new["evals"].max(), new["fevals"].max()) < self.budget
            and not new["refused"].any()
        )

    def _divergences(self, new: dict[str, Vector], alphas: Sequence[Any], r: Vector, runs: Vector, k: Vector) -> Vector:
        """What became infinite or NaN in record k of each of some runs, where r is its place in ``new``, in words."""
        what = np.where(np.isfinite(new["f"][k, r]), "the gradient", "f")
        if "x" in new:
            what = np.where(np.isfinite(new["x"][k, :, r]).all(axis=1), what, "w")
        details = np.full(len(r), "", dtype=object)
        when = "at" if self.every == 1 else "by"
        steps = _texts(new["iteration"][k, r], lambda step: f" not finite {when} step {step}")
        for at in np.unique(k):
            of = k == at
            details[of] = what[of].astype(object) + steps[of] + _alpha_texts(alphas[at], runs[of])
        return details

    def _reached(self, new: dict[str, Vector]) -> tuple[Vector, Vector, Vector]:
        """Where f is below the minimum that is declared, by more than rounding; and where a target is met.

        The targets are that on the error, and that on the gradient's norm.
        """
        f, norm, f_star = new["f"], new["gradient_norm"], self.problem.f_star
        flat = np.isfinite(f) & (norm <= self.grad_target)
        if f_star is None:
            return np.zeros_like(flat), np.zeros_like(flat), flat
        low = f - f_star < -1e-9 * max(1.0, abs(f_star))
        return low, ~low & np.isfinite(norm) & (f - f_star <= self.target), ~low & flat

    @property
    def _too_low(self) -> str:
        return f"f is below the minimum f* = {self.problem.f_star:g} that {self.problem} declares"

    def _end(self, runs: Any, record: Any, status: str, detail: Any) -> None:
        self.last[runs], self.status[runs], self.detail[runs] = record, status, detail

    def end(self, status: str, detail: str) -> None:
        """End every run that still goes on, where it stands."""
        self._end(self.last < 0, self.length, status, detail)

    def stop(self, why: str) -> None:
        """End the run of a peer that stopped by itself: by its own rule, or because it could not go on, and why."""
        norm = float(self.columns["gradient_norm"].kept[-1][0])
        if not why:
            self.end("converged", "by its own stopping rule")
        elif norm <= ROUNDED:
            self.end("converged", f"‖∇f‖ = {norm:.2g}, where rounding stopped it ({why})")
        else:
            self.end("budget", f"stalled at ‖∇f‖ = {norm:.2g} ({why})")

    def divergence(self, lone: bool) -> str:
        """What to warn of, in words; "" where nothing diverged."""
        diverged = np.flatnonzero(self.status == "diverged")
        if not diverged.size:
            return ""
        if lone:
            return f"diverged: {self.detail[0]}"
        first = diverged[np.argmin(self.last[diverged])]
        return (
            f"{diverged.size} of {self.last.size} runs diverged, the first at step "
            f"{(self.last[first] + 1) * self.every}; they stand at their last finite points, and status tells which"
        )

    def result(self, lone: bool, **facts: Any) -> Result:
        """Everything recorded; each run stands still after its last record."""
        n = int(self.last.max()) if self.whole else 1
        last = self.last if self.whole else np.ones_like(self.last)
        early = np.flatnonzero(last < n)
        frozen = np.minimum(np.arange(n + 1)[:, None], last[early]) if early.size else early

        def records(values: Vector) -> Vector:
            if lone:
                return values[..., 0].copy()
            if values.shape[-1] == 1:
                values = np.broadcast_to(values, (*values.shape[:-1], last.size))
            if early.size:
                ended = values[..., early]
                index = frozen if values.ndim == 2 else np.broadcast_to(frozen[:, None], ended.shape)
                if not values.flags.writeable:
                    values = values.copy()
                values[..., early] = np.take_along_axis(ended, index, axis=0)
            return values

        known: dict[str, Any] = {name: column.kept[: n + 1] for name, column in self.columns.items()}
        known["step_size"] = self._step_sizes(n)
        recorded: dict[str, Any] = {column.name: None for column in COLUMNS if column.name not in DERIVED}
        recorded |= {name: records(values) for name, values in known.items() if values is not None}
        taken = recorded["iteration"][-1]
        return Result(
            problem=self.problem,
            **recorded,
            steps=int(taken) if lone else taken,
            status=str(self.status[0]) if lone else self.status.astype(str),
            detail=str(self.detail[0]) if lone else self.detail.astype(str),
            **facts,
        )

    def _step_sizes(self, n: int) -> Vector | None:
        """The step sizes, (n+1, R) or (n+1, t, R); NaN before the first."""
        if self.sizes is not None:
            return self.sizes[: n + 1]
        blocks = [block for block in self.alphas if len(block)]
        if not blocks or blocks[0][0] is None:
            return None
        several = [len(a) for a in (blocks[0][0], blocks[-1][-1]) if np.ndim(a) == 2]  # per component or per tensor
        R = self.last.size
        sizes = np.full((self.length + 1, several[0], R) if several else (self.length + 1, R), math.nan)
        k = 1
        for block in blocks:
            if isinstance(block, np.ndarray):
                sizes[k : k + len(block)] = block
            else:
                for i, alpha in enumerate(block):
                    sizes[k + i] = alpha
            k += len(block)
        return sizes[: n + 1]

    def place(self, data: dict[str, Vector], sizes: Vector | None) -> None:
        """Let columns stand in these arrays from now on, and step sizes in theirs: a kernel writes its records there.

        Each has ``room`` for every record, (room, …, R).
        """
        for name, array in data.items():
            self.columns[name].move(array)
        known = self._step_sizes(self.length)
        if sizes is not None and known is not None and known.ndim <= sizes.ndim:
            sizes[: len(known)] = known if known.ndim == sizes.ndim else known[:, None]
            self.sizes = sizes

    def dump(self) -> dict[str, Any]:
        """Everything recorded so far, as arrays and plain values by name, for a checkpoint."""
        sizes = self._step_sizes(self.length) if self.whole else None
        return {
            "columns": {name: column.kept for name, column in self.columns.items()},
            "alphas": sizes,
            "last": self.last,
            "status": self.status.tolist(),
            "detail": self.detail.tolist(),
            "length": self.length,
            "step": self.step,
            "counts": list(self.counts),
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        """Go on from what ``dump`` gave, in a trace that was begun alike."""
        make = (lambda kept: _Column(kept, 2 * len(kept))) if self.whole else _restored_ends
        self.columns = {name: make(kept) for name, kept in dumped["columns"].items()}
        sizes = dumped["alphas"]
        self.alphas = [[None] * dumped["length"] if sizes is None else sizes[1:]]
        self.last = dumped["last"]
        self.status = np.array(dumped["status"], dtype=object)
        self.detail = np.array(dumped["detail"], dtype=object)
        self.length, self.step, self.counts = dumped["length"], dumped["step"], tuple(dumped["counts"])


def _restored_ends(kept: Vector) -> _Ends:
    ends = _Ends(kept[:1])
    ends.data = kept
    return ends


def _counts(counts: Sequence[Any]) -> Vector:
    """Counts, (n, 1) or (n, R), from one int per record, or one (R,) array per record."""
    if type(counts[-1]) is int:
        return np.array(counts, dtype=np.int64)[:, None]
    return np.stack(np.broadcast_arrays(*(np.atleast_1d(as_numpy(c)) for c in counts))).astype(np.int64)


def _texts(values: Vector, text: Callable[[Any], str]) -> Vector:
    """A text for each of some values, or rows of them; what several have in common is written once."""
    distinct, which = np.unique(values, axis=0, return_inverse=True)
    return np.array([text(value) for value in distinct], dtype=object)[which.reshape(-1)]


def _alpha_texts(alpha: Any, runs: Vector) -> Any:
    """The step sizes of some runs, for the sentences on their divergence."""
    if alpha is None:
        return ""
    alpha = np.asarray(alpha, dtype=float)
    own = np.atleast_2d(alpha)[:, runs].T if alpha.ndim else np.full((len(runs), 1), alpha)
    return _texts(own, lambda sizes: f", step size {', '.join(f'{a:.3g}' for a in sizes)}")
