"""The loop: run a method on a problem within a budget, and record what happened."""

from __future__ import annotations

import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.arrays import as_numpy
from stepbench.checkpoint import Checkpoint
from stepbench.contracts import NEEDS, Method, Peer, Problem, Runnable, fitted, hyperparameters, unbatched
from stepbench.fields import InputError
from stepbench.identity import of_run
from stepbench.oracle import Mark, Oracle, Spent
from stepbench.records import Block, Trace
from stepbench.result import Result
from stepbench.torch.network import Network
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
    budget: int | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    target: float | None = None,
    start: Sequence[float] | Vector | None = None,
    seed: int = 0,
    noise: float = 0.0,
    label: str | None = None,
    trace: bool = True,
    every: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run a method, or a batch of them, until the target is met or the budget is spent.

    ``budget`` counts gradient evaluations, planning and line searches included; a step that would pass it is not
    taken (a method that asks for no gradients may take as many function evaluations). It is 10,000 where it is not
    given, or ``epochs`` times the mini-batches of an epoch. ``steps`` is at most so many iterations. ``target`` ends a
    run whose error f − f* is at most this: 0 where it is not given. ``start`` is the first point, (d,), or one a run,
    (d, R). ``noise`` is the standard deviation of Gaussian noise on each component of every gradient; all runs of a
    batch see the same noise and the same mini-batches, those of ``seed``.
    ``trace`` False keeps two records only, the start and each run's end, so that a hundred thousand runs fit in
    memory. ``every`` is the number of steps from one record to the next: 1 on functions, where none is given.
    ``progress`` is called now and then with the evaluations spent and the budget.

    ``checkpoint`` is a file that holds the run as it stands, written after every ``checkpoint_every`` steps (less often
    where that would take more than a twentieth of the time), on Ctrl-C and at the end. The same call goes on from
    there, with the bits of a run that was never stopped. Ctrl-C waits for the end of a step, unless pressed twice.

    Hyper-parameters that are arrays of length R, or a start of shape (d, R), make a batch of R runs. Each has the
    bits that it has alone. Raises InputError for anything that cannot run, before it starts, and Interrupted on
    Ctrl-C; warns once, with a DivergenceWarning, if runs diverged.
    """
    problem = catalog.problem(problem)
    name = method if isinstance(method, str) else None
    method = catalog.method(method)
    assert isinstance(method, Method | Peer)
    budget = in_evaluations(problem, budget, epochs)
    given = prepare(problem, method, budget=budget, steps=steps, target=target, start=start, seed=seed, noise=noise)
    x, budget, horizon = given.x, given.budget, given.horizon
    oracle = Oracle(problem, seed=given.seed, noise=given.noise, horizon=horizon, per=method.vector, budget=budget)
    every = problem.every if every is None else _whole("every", every, 1)
    kept = None
    if checkpoint is not None:
        if isinstance(method, Peer):
            raise InputError(
                f"{method} owns its loop, so that it cannot be stopped and go on: leave out the checkpoint"
            )
        options = {"seed": given.seed, "noise": given.noise, "budget": budget, "steps": horizon, "target": given.target}
        kept = Checkpoint(checkpoint, of_run(problem, method, x, every=every, trace=trace, **options))
    began = time.perf_counter()
    interrupted = False
    with np.errstate(all="ignore"), problem.at_work() if isinstance(problem, Network) else nullcontext():
        seen = Trace(problem, x, budget, horizon, given.target or 0.0, whole=trace, every=every)
        if not seen.started:
            f, g = (as_numpy(ask(x)) for ask in (problem.at(0).f, problem.at(0).grad))
            r = int(np.argmin(np.isfinite(f) & np.isfinite(g).all(axis=0)))
            wrong = f"the gradient is {g[:, r].tolist()}" if np.isfinite(f[r]) else f"f is {f[r]}"
            raise InputError(
                f"{where(problem, 'f')}: {wrong} at the start, {x[:, r].tolist()}: choose another start or problem"
            )
        try:
            if isinstance(method, Peer):
                _minimize(method, x, oracle, seen, progress)
            else:
                loop = Loop(fitted(method, x), x, oracle, seen)
                if kept is not None:
                    kept.restore(loop)
                loop.run(progress, kept.save if kept else None, _whole("checkpoint_every", checkpoint_every, 1))
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

    x: Any
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
    x, lone = _starts(problem, method, start, seed)
    if isinstance(problem, Network):
        valley = catalog.problem("rosenbrock:dim=3")
        vet_step(valley, unbatched(method), np.repeat(valley.x0[:, None], 2, axis=1))
        return Prepared(problem.points(x[:, :1] if lone else x), lone, told, budget, horizon, target, seed, noise)
    # A lone run's points are not square here, so that a transposed step is seen.
    vet_step(problem, method, x[:, [0] * (3 if len(x) == 2 else 2)] if lone else x)
    return Prepared(x, lone, told, budget, horizon, target, seed, noise)


def in_evaluations(problem: Problem, budget: int | None, epochs: float | None) -> int:
    """A budget in gradient evaluations: as given, or of so many epochs, or 10,000; raises InputError."""
    if epochs is None:
        return 10_000 if budget is None else budget
    if budget is not None:
        raise InputError("a budget or epochs: give one of them")
    if not _size("epochs", epochs):
        raise InputError("epochs must be a number above 0")
    return max(1, round(epochs / problem.fraction))


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
    if isinstance(method, Peer) and isinstance(problem, Network):
        raise InputError(f"{method} works in NumPy and cannot train a network: choose a method of the bench")
    if isinstance(method, Peer) and (noise or problem.stochastic):
        raise InputError(f"{method} needs exact values of f: choose a problem without mini-batches, and no noise")
    for need in method.needs:
        given = any(getattr(part, need, None) is not None for part in method.parts)
        if not given and need not in problem.supplies:
            what, way = NEEDS.get(need, (need, "choose a problem that does"))
            raise InputError(f"{method} needs {what}, which {problem} does not supply: {way}")
    return tuple(dict.fromkeys(method.needs))


def _starts(problem: Problem, method: Runnable, start: Any, seed: int) -> tuple[Vector, bool]:
    """The first points, (d, R) with R at least 2, and whether the caller asked for one run only.

    A lone run travels with a twin: NumPy sums a single column in another order than the columns of a batch.
    """
    given = problem.start(seed) if start is None else start
    try:
        x = np.array(given, dtype=float)
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


class Loop:
    """A method on its way: where it stands, and what has been recorded of it.

    ``x``, ``s`` and ``mark`` are the point, the state and the oracle's account after the last whole step.
    """

    def __init__(self, method: Method, x: Any, oracle: Oracle, trace: Trace) -> None:
        self.method, self.oracle, self.trace = method, oracle, trace
        self.x, self.s, self.mark = x, method.init(x), oracle.mark()
        self.elapsed = 0.0  # seconds of stepping; looking does not count

    def run(self, progress: Callable[[int, int], None] | None, save: Callable[[Loop], None] | None, often: int) -> None:
        """Step in blocks, and look at each block's points together: one call of f for many steps.

        ``save``, where there is one, is called after every so many steps, on Ctrl-C, and at the end; less often where
        it would take more than a twentieth of the time.
        """
        oracle, trace = self.oracle, self.trace
        plain = save is None and trace.every == 1 and "elapsed" not in trace.columns
        advance = self._advance if plain else self._advance_marking
        length, most = 1, max(16, min(256, COLUMNS // self.x.shape[1]))
        due, not_before = math.inf if save is None else oracle.step + often, 0.0
        with _patience() as self.patience:
            while trace.running:
                began, block = time.perf_counter(), Block()
                try:
                    while len(block.steps) < length and oracle.step < min(trace.horizon, due):
                        if self.patience.over:
                            raise KeyboardInterrupt
                        advance(block, due)
                except BaseException as stop:
                    trace.add(block)
                    if save and isinstance(stop, KeyboardInterrupt):
                        save(self)
                    if trace.running and self.mark.step > trace.step:  # it stopped between two records
                        block = Block()
                        self._note(block, self.mark)
                        trace.add(block)
                    # An error in the steps after the last run ended is none: they are there only because blocks are.
                    if isinstance(stop, Spent):
                        trace.end("budget", "the next step would pass the budget")
                    elif trace.running or not isinstance(stop, Exception):
                        raise
                else:
                    trace.add(block)
                now = time.perf_counter()
                if progress is not None:
                    progress(*trace.spent)
                if save and oracle.step >= due:
                    due = oracle.step + often
                    if now >= not_before:
                        save(self)
                        not_before = time.perf_counter() + 20 * (time.perf_counter() - now)
                # What a block takes after its runs have ended is for nothing, so it is short where steps are slow.
                length = min(2 * length, most) if now - began < 0.05 else max(length // 2, 1)
            if save:
                save(self)

    def _advance(self, block: Block, due: float) -> None:
        """Take one step, and note it."""
        self.oracle.advance(self.x)
        self.x, self.s = self.method.step(self.x, self.oracle, self.s)
        self._note(block, self.oracle)

    def _advance_marking(self, block: Block, due: float) -> None:
        """Step until the next record, or until a saving is due, so that the run can be left after any of the steps."""
        began, trace = time.perf_counter(), self.trace
        try:
            while not self.patience.over:
                self.oracle.advance(self.x)
                x, s = self.method.step(self.x, self.oracle, self.s)
                mark = self.oracle.mark()
                self.x, self.s, self.mark = x, s, mark  # with no call between them Ctrl-C leaves no half a step
                if mark.step % trace.every == 0 or mark.step >= trace.horizon:
                    break
                if mark.step >= due:
                    return
            else:
                return
        finally:
            self.elapsed += time.perf_counter() - began
        self._note(block, mark)

    def _note(self, block: Block, counts: Oracle | Mark) -> None:
        block.note(self.x, getattr(self.s, "alpha", None), counts.evals, counts.fevals, counts.step, self.elapsed)


class _Patience:
    """Whether Ctrl-C was pressed. Pressed again, it interrupts at once, in the middle of whatever there is."""

    over = False

    def __call__(self, number: int, frame: Any) -> None:
        if self.over:
            raise KeyboardInterrupt
        self.over = True


@contextmanager
def _patience() -> Iterator[_Patience]:
    """Within it, Ctrl-C waits for the end of a step, so that no record is left half made."""
    patience = _Patience()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield patience  # it comes to the main thread, or to somebody else
        return
    signal.signal(signal.SIGINT, patience)
    try:
        yield patience
    finally:
        signal.signal(signal.SIGINT, before)
    if patience.over:  # it came in the last moment
        raise KeyboardInterrupt


def _minimize(
    peer: Peer,
    x: Vector,
    oracle: Oracle,
    trace: Trace,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Let the peer run its own loop, and look at every iterate it reports."""
    last = x

    def record(w: Vector) -> None:
        nonlocal last
        if not np.array_equal(w, last):
            last = w
            block = Block()
            block.note(w, None, oracle.evals, oracle.fevals, trace.step + 1, 0.0)
            trace.add(block)
            if progress is not None:
                progress(*trace.spent)
            if not trace.running:
                raise Spent

    try:
        why = peer.minimize(x, oracle, record)
        trace.end("failed" if why else "converged", why or "by its own stopping rule")
    except Spent:  # in the middle of an iteration, or by ``record`` after the last: then no run is left to end
        trace.end("budget", "the next step would pass the budget")
