"""The loop: run a method on a problem within a budget, and record what happened."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.arrays import dot
from stepbench.contracts import NEEDS, Method, Peer, Problem, Runnable, hyperparameters
from stepbench.fields import InputError
from stepbench.oracle import Oracle, Spent
from stepbench.result import Result
from stepbench.vetting import vet, vet_step, where

Vector = np.ndarray[Any, Any]

COLUMNS = 1 << 14
"""How many points are looked at in one call of f: enough to make Python's share small, few enough for the cache."""

# glibc hands freed blocks back to the system, to be asked for and zeroed again at every step, until it has seen a
# large one freed (mallopt(3), M_MMAP_THRESHOLD). This one is never touched, and so costs nothing.
np.empty(31 << 20, dtype=np.uint8)


class DivergenceWarning(UserWarning):
    """Some runs became infinite or NaN; the result says which, when and where."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run. ``result`` holds what there was by then."""

    def __init__(self, result: Result) -> None:
        super().__init__("interrupted")
        self.result = result


def run(
    problem: str | Problem,
    method: str | Runnable,
    *,
    budget: int = 10_000,
    steps: int | None = None,
    target: float | None = None,
    start: Sequence[float] | Vector | None = None,
    seed: int = 0,
    noise: float = 0.0,
    label: str | None = None,
    trace: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run a method, or a batch of them, until the target is met or the budget is spent.

    ``budget`` counts gradient evaluations, planning and line searches included; a step that would pass it is not
    taken (a method that asks for no gradients may take as many function evaluations). ``steps`` is at most so many
    iterations. ``target`` ends a run whose error f − f* is at most this: 0 where it is not given. ``start`` is the
    first point, (d,), or one a run, (d, R). ``noise`` is the standard deviation of Gaussian noise on each component
    of every gradient; all runs of a batch see the same noise and the same mini-batches, those of ``seed``.
    ``trace`` False keeps two records only, the start and each run's end, so that a hundred thousand runs fit in
    memory. ``progress`` is called now and then with the evaluations spent and the budget.

    Hyper-parameters that are arrays of length R, or a start of shape (d, R), make a batch of R runs. Each has the
    bits that it has alone. Raises InputError for anything that cannot run, before it starts, and Interrupted on
    Ctrl-C; warns once, with a DivergenceWarning, if runs diverged.
    """
    problem = catalog.problem(problem)
    name = method if isinstance(method, str) else None
    method = catalog.method(method)
    assert isinstance(method, Method | Peer)
    given = prepare(problem, method, budget=budget, steps=steps, target=target, start=start, seed=seed, noise=noise)
    x, budget, horizon = given.x, given.budget, given.horizon
    oracle = Oracle(problem, seed=given.seed, noise=given.noise, horizon=horizon, per=method.vector, budget=budget)
    seen = _Trace(problem, x, budget, horizon, given.target or 0.0, whole=trace)
    began = time.perf_counter()
    interrupted = False
    with np.errstate(all="ignore"):
        if not seen.started:
            f, g = problem.at(0).f(x), problem.at(0).grad(x)
            r = int(np.argmin(np.isfinite(f) & np.isfinite(g).all(axis=0)))
            wrong = f"the gradient is {g[:, r].tolist()}" if np.isfinite(f[r]) else f"f is {f[r]}"
            raise InputError(
                f"{where(problem, 'f')}: {wrong} at the start, {x[:, r].tolist()}: choose another start or problem"
            )
        try:
            if isinstance(method, Peer):
                _minimize(method, x, oracle, seen, progress)
            else:
                _iterate(method, x, oracle, seen, progress)
        except KeyboardInterrupt:
            interrupted = True
            seen.end("failed", "interrupted")
    result = seen.result(
        given.lone,
        problem=problem,
        label=label or name or catalog.label(method),
        method=method.spec(),
        plans=method.plans,
        told=given.told,
        seed=given.seed,
        noise=given.noise,
        budget=budget,
        target=given.target,
        seconds=time.perf_counter() - began,
    )
    if interrupted:
        raise Interrupted(result) from None
    if message := seen.divergence(given.lone):
        warnings.warn(f"{problem}, {result.label}: {message}", DivergenceWarning, stacklevel=2)
    return result


def run_quietly(problem: str | Problem, method: str | Runnable, **options: Any) -> Result:
    """``run`` for a caller that tells of divergence itself, from the status: it does not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        return run(problem, method, **options)


class Prepared(NamedTuple):
    """What a run is given, as it uses it: ``x`` (d, R) are the first points; ``lone`` is a run that is no batch."""

    x: Vector
    lone: bool
    told: tuple[str, ...]
    budget: int
    horizon: int
    target: float | None
    seed: int
    noise: float


def prepare(
    problem: Problem,
    method: Method | Peer,
    *,
    budget: int,
    steps: int | None,
    target: float | None,
    start: Any,
    seed: int,
    noise: float,
) -> Prepared:
    """Look at everything that a run is given; raises InputError for what cannot run."""
    budget, seed = _whole("budget", budget, 1), _whole("seed", seed, 0)
    if seed >= 1 << 63:
        raise InputError(f"seed must be an integer below 2**63, got {seed}")
    horizon = budget if steps is None else min(budget, _whole("steps", steps, 1))
    noise, target = _size("noise", noise), None if target is None else _size("target", target)
    vet(problem)
    told = _told(problem, method, target, noise)
    x, lone = _starts(problem, method, start)
    # A lone run's points are not square here, so that a transposed step is seen.
    vet_step(problem, method, x[:, [0] * (3 if len(x) == 2 else 2)] if lone else x)
    return Prepared(x, lone, told, budget, horizon, target, seed, noise)


def _whole(option: str, value: Any, least: int) -> int:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{option} must be an integer of at least {least}, got {value}")
    return int(value)


def _size(option: str, value: Any) -> float:
    if not isinstance(value, int | float | np.number) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise InputError(f"{option} must be a finite number of at least 0, got {value}")
    return float(value)


def _told(problem: Problem, method: Runnable, target: float | None, noise: float) -> tuple[str, ...]:
    """What the method is told beyond f and its gradient; refuses what the problem cannot supply."""
    if target is not None and problem.f_star is None:
        raise InputError(f"{problem} does not know its minimum, so a target on the error cannot be met")
    if isinstance(method, Peer) and (noise or problem.stochastic):
        raise InputError(f"{method} needs exact values of f: choose a problem without mini-batches, and no noise")
    for need in method.needs:
        given = any(getattr(part, need, None) is not None for part in method.parts)
        if not given and need not in problem.supplies:
            what, way = NEEDS.get(need, (need, "choose a problem that does"))
            raise InputError(f"{method} needs {what}, which {problem} does not supply: {way}")
    return tuple(dict.fromkeys(method.needs))


def _starts(problem: Problem, method: Runnable, start: Any) -> tuple[Vector, bool]:
    """The first points, (d, R) with R at least 2, and whether the caller asked for one run only.

    A lone run travels with a twin: NumPy sums a single column in another order than the columns of a batch.
    """
    try:
        x = np.array(problem.x0 if start is None else start, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"the start must be numbers, got {start!r}") from None
    d = problem.x0.size
    if x.ndim not in (1, 2) or x.shape[0] != d or not x.size:
        raise InputError(f"the start must have {d} numbers, as {problem} has parameters; got shape {x.shape}")
    if not (np.abs(x) <= 1e100).all():
        raise InputError("the start must be finite numbers, none beyond 1e100")
    sizes = {key: np.size(getattr(part, field.name)) for key, (part, field) in hyperparameters(method).items()}
    batches = {key: n for key, n in (sizes | {"start": x.size // d}).items() if n > 1}
    if len(set(batches.values())) > 1:
        raise InputError(f"arrays of different lengths: {', '.join(f'{k} has {n}' for k, n in batches.items())}")
    R = next(iter(batches.values()), 1)
    if isinstance(method, Peer) and R > 1:
        raise InputError(f"{method} makes one run at a time: give it one start")
    return np.ascontiguousarray(np.broadcast_to(x.reshape(d, -1), (d, max(R, 2)))), R == 1


def _iterate(
    method: Method,
    x: Vector,
    oracle: Oracle,
    trace: _Trace,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Step in blocks, and look at each block's points together: one call of f for many steps."""
    s, block, most = method.init(x), 1, max(16, min(256, COLUMNS // x.shape[1]))
    while trace.running:
        points, alphas, evals, fevals = [], [], [], []
        began = time.perf_counter()
        try:
            for _ in range(min(block, trace.horizon - trace.length)):
                oracle.advance()
                x, s = method.step(x, oracle, s)
                points.append(x)
                alphas.append(getattr(s, "alpha", None))
                evals.append(oracle.evals)
                fevals.append(oracle.fevals)
        except BaseException as stop:
            n = len(fevals)
            trace.add(points[:n], alphas[:n], evals[:n], fevals[:n])
            # An error in the steps after the last run ended is none: they are there only because blocks are.
            if isinstance(stop, Spent):
                trace.end("budget", "the next step would pass the budget")
            elif trace.running or not isinstance(stop, Exception):
                raise
        else:
            trace.add(points, alphas, evals, fevals)
        if progress is not None:
            progress(*trace.spent)
        # What a block takes after its runs have ended is for nothing, so it is short where steps are slow.
        block = min(2 * block, most) if time.perf_counter() - began < 0.05 else max(block // 2, 1)


def _minimize(
    peer: Peer,
    x: Vector,
    oracle: Oracle,
    trace: _Trace,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Let the peer run its own loop, and look at every iterate it reports."""
    last = x

    def record(w: Vector) -> None:
        nonlocal last
        if not np.array_equal(w, last):
            last = w
            trace.add([w], [None], [oracle.evals], [oracle.fevals])
            if progress is not None:
                progress(*trace.spent)
            if not trace.running:
                raise Spent

    try:
        why = peer.minimize(x, oracle, record)
        trace.end("failed" if why else "converged", why or "by its own stopping rule")
    except Spent:  # in the middle of an iteration, or by ``record`` after the last: then no run is left to end
        trace.end("budget", "the next step would pass the budget")


class _Column:
    """Every record of one quantity: an array that grows along its first axis."""

    def __init__(self, first: Vector, room: int) -> None:
        self.n = len(first)
        self.data = np.empty((room, *first.shape[1:]), first.dtype)
        self.data[: self.n] = first

    def append(self, block: Vector) -> None:
        """Add records at the end; the array doubles when it is full."""
        n = self.n + len(block)
        if n > len(self.data):
            data = np.empty((max(n, 2 * len(self.data)), *self.data.shape[1:]), self.data.dtype)
            data[: self.n] = self.data[: self.n]
            self.data = data
        self.data[self.n : n] = block
        self.n = n


class _Ends:
    """Two records of one quantity: the first, and of each run the last."""

    def __init__(self, first: Vector) -> None:
        self.data = np.repeat(first, 2, axis=0)

    def append(self, block: Vector, at: Vector, runs: Vector) -> None:
        """Keep of some runs the record of this block at which each ended or is now."""
        self.data[1][..., runs] = block[at, ..., runs].T


class _Trace:
    """The records of a batch as they come in, all of them or only the ends, and where each of its runs ends."""

    def __init__(
        self, problem: Problem, x: Vector, budget: int, horizon: int, target: float, *, whole: bool = True
    ) -> None:
        self.problem = problem
        self.budget = budget
        self.horizon = horizon
        self.target = target
        self.whole = whole
        self.length = 0  # steps recorded
        R = x.shape[1]
        self.last = np.full(R, -1)  # the record each run ends at; -1 while it runs
        self.status = np.full(R, "", dtype=object)
        self.detail = np.full(R, "", dtype=object)
        with np.errstate(all="ignore"):
            start = self._look([x], 0)
        start |= {name: np.zeros((1, R), dtype=np.int64) for name in ("evals", "fevals")}
        room = min(horizon + 1, max(64, (1 << 21) // x.size))
        self.columns: dict[str, Any] = {k: _Column(v, room) if whole else _Ends(v) for k, v in start.items()}
        self.counts = (0, 0)  # the most that any run has spent
        self.alphas: list[Any] = [None]
        self.started = bool(np.isfinite(start["f"]).all() and np.isfinite(start["gradient_norm"]).all())
        if problem.f_star is not None:
            low = self._below(start)[0]
            self._end(~low & (start["error"][0] <= target), 0, "converged", "the start meets the target")
            if low.any():
                self._end(low, 0, "failed", self._too_low)

    @property
    def running(self) -> bool:
        """Whether any run goes on."""
        return bool((self.last < 0).any()) and self.length < self.horizon

    @property
    def spent(self) -> tuple[int, int]:
        """How far the batch is: steps or evaluations, whichever ends it first, and the limit."""
        evals = self.counts[0] or self.counts[1]
        if self.length * self.budget > evals * self.horizon:
            return self.length, self.horizon
        return min(evals, self.budget), self.budget

    def _look(self, points: list[Vector], first: int) -> dict[str, Vector]:
        """What is recorded of n points (d, R), each (n, R): one call of f, and one of its gradient, for all."""
        x = np.stack(points, axis=1)
        d, n, R = x.shape
        columns = x.reshape(d, n * R)
        lost = ~np.isfinite(columns).all(axis=0)
        asked = np.where(lost, np.resize(self.problem.x0, d)[:, None], columns) if lost.any() else columns
        f, g = self._ask(asked, first, n)
        seen = {"f": np.where(lost, math.nan, f) if lost.any() else f, "gradient_norm": np.sqrt(dot(g, g))}
        if self.problem.f_star is not None:
            seen["error"] = f - self.problem.f_star
        if self.whole:
            seen |= self._distance(columns)
        return {"x": x.transpose(1, 0, 2)} | {name: values.reshape(n, R) for name, values in seen.items()}

    def _distance(self, columns: Vector) -> dict[str, Vector]:
        """The distance of points (d, n) from the nearest minimiser, where one is known."""
        if self.problem.x_star is None:
            return {}
        apart = columns[:, None] - np.reshape(self.problem.x_star, (len(columns), -1, 1))
        return {"distance": np.sqrt(dot(apart, apart).min(axis=0))}

    def _ask(self, columns: Vector, first: int, n: int) -> tuple[Vector, Vector]:
        """f and its gradient at n records of points from the first on; where the problem drifts, as it stood then."""
        stages = [self.problem.at(first + k) for k in range(n)]
        if all(stage is self.problem for stage in stages):
            return self.problem.f(columns), self.problem.grad(columns)
        records = np.split(columns, n, axis=1)
        f = [stage.f(np.ascontiguousarray(x)) for stage, x in zip(stages, records, strict=True)]
        g = [stage.grad(np.ascontiguousarray(x)) for stage, x in zip(stages, records, strict=True)]
        return np.concatenate(f), np.concatenate(g, axis=1)

    def add(
        self,
        points: list[Vector],
        alphas: list[Any],
        evals: list[Any],
        fevals: list[Any],
    ) -> None:
        """Record some steps, and end the runs that met the target, diverged or spent the budget in them."""
        if not points:
            return
        new = self._look(points, self.length + 1) | {"evals": self._counts(evals), "fevals": self._counts(fevals)}
        first, going = self.length + 1, self.last < 0
        self.length += len(points)
        self.counts = (int(new["evals"][-1].max()), int(new["fevals"][-1].max()))
        used = new["evals"]
        if not used[-1].all():  # a method that asks for no gradients spends function evaluations
            used = np.where(used > 0, used, new["fevals"])

        bad: Vector = ~(np.isfinite(new["f"]) & np.isfinite(new["gradient_norm"]))
        low: Vector = self._below(new)
        met: Vector = ~bad & ~low & (new["error"] <= self.target) if "error" in new else np.zeros_like(bad)
        ends: Vector = bad | low | met | (used >= self.budget)
        ending = np.flatnonzero((self.last < 0) & ends.any(axis=0))
        k = ends.argmax(axis=0)[ending]
        over, gone, sunk = used[k, ending] > self.budget, bad[k, ending], low[k, ending]
        reached = met[k, ending]
        record = first + k
        self._end(ending[over], record[over] - 1, "budget", "the next step would pass the budget")
        self._end(ending[~over & reached], record[~over & reached], "converged", "target met")
        if sunk.any():
            self._end(ending[~over & sunk], record[~over & sunk], "failed", self._too_low)
        rest = ~over & ~reached & ~gone & ~sunk
        self._end(ending[rest], record[rest], "budget", "budget spent")
        for r, at in zip(ending[~over & gone], k[~over & gone], strict=True):
            named = {"w": new["x"][at, :, r], "f": new["f"][at, r], "the gradient": new["gradient_norm"][at, r]}
            what = next(name for name, values in named.items() if not np.isfinite(values).all())
            detail = f"{what} not finite at step {first + at}{_alpha_text(alphas[at], r)}"
            self._end(r, first + at - 1, "diverged", detail)
        if self.length >= self.horizon:
            self._end(self.last < 0, self.length, "budget", "steps spent")
        if self.whole:
            self.alphas += alphas
            for name, values in new.items():
                self.columns[name].append(values)
            return
        at = np.where(self.last < 0, self.length, self.last) - first
        runs = np.flatnonzero(going & (at >= 0))  # below 0, the record before this block is a run's last
        for name, values in new.items():
            self.columns[name].append(values, at[runs], runs)

    def _below(self, seen: dict[str, Vector]) -> Vector:
        """Where f is below the minimum that the problem declares, by more than rounding."""
        if "error" not in seen:
            return np.zeros(seen["f"].shape, dtype=bool)
        return np.asarray(seen["error"] < -1e-9 * max(1.0, abs(self.problem.f_star or 0.0)))

    @property
    def _too_low(self) -> str:
        return f"f is below the minimum f* = {self.problem.f_star:g} that {self.problem} declares"

    def _counts(self, counts: list[Any]) -> Vector:
        """Counts, (n, R), from an int a step, or an (R,) array a step."""
        shape = (len(counts), self.last.size)
        if type(counts[-1]) is int:
            return np.broadcast_to(np.array(counts, dtype=np.int64)[:, None], shape)
        return np.stack([np.broadcast_to(c, shape[1]) for c in counts]).astype(np.int64)

    def _end(self, runs: Any, record: Any, status: str, detail: str) -> None:
        self.last[runs], self.status[runs], self.detail[runs] = record, status, detail

    def end(self, status: str, detail: str) -> None:
        """End every run that still goes on, where it stands."""
        self._end(self.last < 0, self.length, status, detail)

    def divergence(self, lone: bool) -> str:
        """What to warn of, in words; "" where nothing diverged."""
        diverged = np.flatnonzero(self.status == "diverged")
        if not diverged.size:
            return ""
        if lone:
            return f"diverged: {self.detail[0]}"
        first = diverged[np.argmin(self.last[diverged])]
        return (
            f"{diverged.size} of {self.last.size} runs diverged, the first at step {self.last[first] + 1}; "
            "they stand at their last finite points, and status tells which"
        )

    def result(self, lone: bool, **facts: Any) -> Result:
        """Everything recorded; each run stands still after its last record."""
        n = int(self.last.max()) if self.whole else 1
        last = self.last if self.whole else np.ones_like(self.last)
        frozen = np.minimum(np.arange(n + 1)[:, None], last)

        def records(values: Vector) -> Vector:
            values = values[: n + 1]
            if (last < n).any():
                index = frozen if values.ndim == 2 else np.broadcast_to(frozen[:, None], values.shape)
                values = np.take_along_axis(values, index, axis=0)
            return values[..., 0].copy() if lone else values

        sizes = self._step_sizes(n)
        recorded: dict[str, Any] = {name: records(column.data) for name, column in self.columns.items()}
        if not self.whole:
            ends = self.columns["x"].data
            with np.errstate(all="ignore"):
                distance = self._distance(ends.transpose(1, 0, 2).reshape(ends.shape[1], -1))
            recorded |= {name: records(values.reshape(2, -1)) for name, values in distance.items()}
        return Result(
            **{"error": None, "distance": None} | recorded,
            step_size=None if sizes is None else records(sizes),
            steps=int(self.last[0]) if lone else self.last,
            status=str(self.status[0]) if lone else self.status.astype(str),
            detail=str(self.detail[0]) if lone else self.detail.astype(str),
            **facts,
        )

    def _step_sizes(self, n: int) -> Vector | None:
        """The step sizes, (n+1, R) or (n+1, d, R); NaN before the first."""
        alphas = self.alphas[1 : n + 1]
        if not alphas or alphas[0] is None:
            return None
        _, d, R = self.columns["x"].data.shape
        per_component = any(np.ndim(a) == 2 for a in (alphas[0], alphas[-1]))
        sizes = np.full((n + 1, d, R) if per_component else (n + 1, R), math.nan)
        for k, a in enumerate(alphas):
            sizes[k + 1] = a
        return sizes


def _alpha_text(alpha: Any, r: int) -> str:
    """The step size of one run, for the sentence on its divergence."""
    if alpha is None:
        return ""
    alpha = np.asarray(alpha, dtype=float)
    own = alpha[..., r] if alpha.ndim else alpha
    return f", step size {', '.join(f'{a:.3g}' for a in np.atleast_1d(own))}"
