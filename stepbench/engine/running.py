"""Running a method on a problem: from specs or objects to a result."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.arrays import as_numpy
from stepbench.contracts import Oracle, Peer, Problem, Runnable, Vector, in_library, unbatched, values_of
from stepbench.engine.checkpoint import Checkpoint
from stepbench.engine.engines import bits_of, go, refuse_engine
from stepbench.engine.identity import NOT_REBUILT, of_run
from stepbench.engine.loop import Loop, Progress, minimize
from stepbench.engine.memory import refuse_beyond
from stepbench.engine.prepare import Prepared, prepare, whole
from stepbench.engine.records import Trace
from stepbench.engine.result import Result
from stepbench.engine.vetting import place_of
from stepbench.fields import InputError
from stepbench.options import Engine, RunOptions


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
    grad_target: float | None = None,
    start: Sequence[float] | Vector | None = None,
    seed: int = 0,
    noise: float = 0.0,
    label: str | None = None,
    trace: bool = True,
    every: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1000,
    progress: Progress | None = None,
    engine: Engine = "auto",
) -> Result:
    """Run a method, or a batch of them, until the target is met or the budget is spent.

    ``budget`` counts gradient evaluations, planning and line searches included; a step that would pass it is not
    taken (a method that asks for no gradients may take as many function evaluations). It is 10,000 where it is not
    given, or ``epochs`` times the mini-batches of an epoch. ``steps`` is at most so many iterations. ``target`` ends a
    run whose error f − f* is at most this: 0 where it is not given. ``grad_target`` ends a run at which the gradient of
    the whole function has at most this norm, so that a run can converge where f* is unknown. ``start`` is the first
    point, (d,), or one per run, (d, R). ``noise`` is the standard deviation of Gaussian noise on each component of
    every gradient; all runs of a batch see the same noise and the same mini-batches, those of ``seed``.
    ``engine`` is what makes the run: "numpy", a "kernel" compiled from the same text (the extra ``fast``), or "auto",
    a kernel where it is faster and has NumPy's bits.
    ``trace`` False keeps two records only, the start and each run's end, so that a hundred thousand runs fit in
    memory. ``every`` is the number of steps from one record to the next: 1 on functions, where none is given.
    ``progress`` is called now and then with the evaluations spent and the budget.

    ``checkpoint`` is a file that holds the run as it stands, written after every ``checkpoint_every`` steps (less often
    where that would take more than a twentieth of the time), on Ctrl-C and at the end. The same call goes on from
    there, with the bits of a run that was never stopped. Ctrl-C waits for the end of a step, for half a second at most,
    unless pressed twice.

    Hyper-parameters that are arrays of length R, or a start of shape (d, R), make a batch of R runs. Each has the
    bits that it has alone. Raises InputError for anything that cannot run, before it starts, and Interrupted on
    Ctrl-C; warns once, with a DivergenceWarning, if runs diverged.
    """
    options = RunOptions(
        budget, epochs, steps, target, start, seed, noise, every, checkpoint, checkpoint_every, grad_target, engine
    )
    result, divergence = _made(problem, method, options, label, trace, progress)
    if divergence:
        warnings.warn(f"{result.problem}, {result.label}: {divergence}", DivergenceWarning, stacklevel=2)
    return result


def attempt(
    problem: str | Problem,
    method: str | Runnable,
    *,
    label: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Result:
    """``run`` for a caller that tells of lost runs itself: it does not warn, and an error loses the run alone.

    Where the problem's code or the method's raises an error in the middle of the run, the result has what there was by
    then, and its status is failed, with the error. Raises InputError for what cannot run, before it starts.
    """
    return _made(problem, method, RunOptions(**options), label, True, progress, errors=True)[0]


def run_quietly(
    problem: str | Problem,
    method: str | Runnable,
    *,
    label: str | None = None,
    trace: bool = True,
    progress: Progress | None = None,
    **options: Any,
) -> Result:
    """``run`` for a caller that tells of divergence itself, from the status: it does not warn."""
    return _made(problem, method, RunOptions(**options), label, trace, progress)[0]


def _made(
    problem: str | Problem,
    method: str | Runnable,
    options: RunOptions,
    label: str | None,
    trace: bool,
    progress: Progress | None,
    *,
    errors: bool = False,
) -> tuple[Result, str]:
    """What ``make`` gives for a problem and a method by their specs."""
    runner = catalog.method(method)
    label = label or (method if isinstance(method, str) else catalog.label(runner))
    return make(prepare(catalog.problem(problem), runner, options), options, label, trace, progress, errors=errors)


def make(
    given: Prepared,
    options: RunOptions,
    label: str,
    trace: bool,
    progress: Progress | None,
    *,
    errors: bool = False,
) -> tuple[Result, str]:
    """Make a run that is prepared; returns its result, and a sentence on what diverged, empty where nothing did.

    With ``errors``, one in the middle of the run ends it as failed, and is not raised.
    """
    problem, method = given.problem, given.method
    refuse_engine(options.engine, given)
    kept = _checkpoint(given, options, trace)
    often = whole("checkpoint_every", options.checkpoint_every, 1)
    _refuse_too_large(given, trace)
    carried = problem.carry(given.seed, given.start.shape[1])
    oracle = Oracle(
        problem,
        seed=given.seed,
        noise=given.noise,
        horizon=given.horizon,
        per=method.vector,
        budget=given.budget,
        carried=carried,
    )
    began = time.perf_counter()
    interrupted, made_by = False, ""
    with np.errstate(all="ignore"), problem.at_work():
        seen = Trace(
            problem,
            given.start,
            given.budget,
            given.horizon,
            given.target or 0.0,
            grad_target=given.grad_target,
            whole=trace,
            every=given.every,
            carried=carried,
        )
        if not seen.started:
            _refuse_start(problem, given.start)
        try:
            if isinstance(method, Peer):
                minimize(method, given.start, oracle, seen, progress)
                made_by = "its own loop"
            else:
                loop = Loop(in_library(method, given.start), given.start, oracle, seen)
                if kept is not None:
                    kept.restore(loop)
                save = kept.save if kept else None
                made_by = go(loop, options.engine, given.seed, given.noise, progress, save, often)
        except KeyboardInterrupt:
            interrupted = True
            seen.end("failed", "interrupted")
        except Exception as error:
            if not errors:
                raise
            seen.end("failed", f"{type(error).__name__}: {error}")
    result = seen.result(
        given.lone,
        label=label,
        method=method.spec(),
        plans=method.plans,
        plain=method.plain,
        told=given.told,
        seed=given.seed,
        noise=given.noise,
        budget=given.budget,
        target=given.target,
        grad_target=given.grad_target,
        varied={key: value for key, value in values_of(method).items() if isinstance(value, np.ndarray)},
        seconds=time.perf_counter() - began,
        engine=made_by,
    )
    if given.lone and np.ravel(as_numpy(oracle.refused))[0] == 1:
        raise InputError(f"{problem}, {label}: {seen.detail[0]}")
    if interrupted:
        raise Interrupted(result) from None
    return result, seen.divergence(given.lone)


def _refuse_too_large(given: Prepared, trace: bool) -> None:
    """Raise InputError where the records of a run, or of a batch, would not fit the memory."""
    records = given.records if trace else 2
    what = f"{records:,} records" + ("" if given.lone else f" of {given.start.shape[1]:,} runs")
    instead = f"give a smaller budget, or more than every={given.every}" if trace else "make fewer runs at a time"
    refuse_beyond(given.bytes_of(records), what, instead)


def _checkpoint(given: Prepared, options: RunOptions, trace: bool) -> Checkpoint | None:
    """The file that keeps the run, where one is named."""
    if options.checkpoint is None:
        return None
    if isinstance(given.method, Peer):
        raise InputError(
            f"{given.method} owns its loop, so that it cannot be stopped and go on: leave out the checkpoint"
        )
    for thing in (given.problem, given.method):
        if not catalog.is_rebuilt(unbatched(thing) if isinstance(thing, Runnable) else thing):
            raise InputError(f"{thing} {NOT_REBUILT}: its checkpoint could not be known again; leave it out")
    return Checkpoint(options.checkpoint, of_run(given, trace=trace, engine=bits_of(options.engine, given)))


def _refuse_start(problem: Problem, start: Any) -> None:
    """Raise InputError, with the first of the starts at which f or its gradient is not finite."""
    f, g = (as_numpy(ask(start)) for ask in (problem.at(0).f, problem.at(0).grad))
    r = int(np.argmin(np.isfinite(f) & np.isfinite((g * g).sum(axis=0))))
    wrong = f"the gradient is {g[:, r].tolist()}" if np.isfinite(f[r]) else f"f is {f[r]}"
    if np.isfinite(f[r]) and np.isfinite(g[:, r]).all():
        wrong += ", whose squares are beyond the largest number,"
    raise InputError(
        f"{place_of(problem, 'f')}: {wrong} at the start, {start[:, r].tolist()}: choose another start or problem"
    )
