"""Preparing a run: everything that it is given is looked at before anything runs."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

from stepbench.arrays import Points
from stepbench.contracts import NEEDS, Method, Peer, Problem, Runnable, Vector, hyperparameters
from stepbench.engine.vetting import vet, vet_method, vet_step
from stepbench.fields import LARGEST, InputError, short, show_point
from stepbench.options import RunOptions

LONGEST = 10**15
"""The largest budget: at ten nanoseconds for each evaluation, as of the fastest kernel, it takes four months."""

MOST = sys.float_info.max


class Prepared(NamedTuple):
    """A run, or a batch of R runs, that can begin.

    ``start`` (d, R) are the first points, as the arrays that the method moves; ``lone`` says that it is one run and no
    batch. ``told`` is what the method is told beyond f and its gradient, ``horizon`` how many steps it may take, and
    ``every`` the steps from one record to the next. The rest is as in ``RunOptions``.
    """

    problem: Problem
    method: Method | Peer
    start: Points
    lone: bool
    told: tuple[str, ...]
    budget: int
    horizon: int
    target: float | None
    grad_target: float | None
    seed: int
    noise: float
    every: int

    @property
    def records(self) -> int:
        """How many records there are at most, the start's included."""
        return self.horizon // self.every + 2

    def bytes_of(self, records: int) -> float:
        """What so many records of all its runs need at least."""
        d, R = map(int, self.start.shape)
        point = d if self.problem.in_numpy else 0
        return 8.0 * (point + 7) * R * records  # the counts, f, ‖∇f‖, the step size and the time stand beside it


def prepare(problem: Problem, method: Runnable, options: RunOptions) -> Prepared:
    """Look at everything that a run is given; raises InputError for what cannot run."""
    assert isinstance(method, Method | Peer)
    vet(problem)
    budget = whole("budget", in_evaluations(problem, options.budget, options.epochs), 1, LONGEST)
    seed = whole("seed", options.seed, 0)
    horizon = budget if options.steps is None else min(budget, whole("steps", options.steps, 1))
    noise = _size("noise", options.noise)
    target = None if options.target is None else _size("target", options.target)
    grad_target = None if options.grad_target is None else _size("grad_target", options.grad_target)
    told = _told(problem, method, target, noise)
    x, lone = _starts(problem, method, options.start, seed)
    if problem.in_numpy:
        # A lone run's points are not square here, so that a transposed step is seen.
        vet_step(problem, method, x[:, [0] * (3 if len(x) == 2 else 2)] if lone else x)
        start = problem.as_points(x)
    else:
        vet_method(method)
        start = problem.as_points(x[:, :1] if lone else x)
    every = problem.every if options.every is None else whole("every", options.every, 1)
    return Prepared(problem, method, start, lone, told, budget, horizon, target, grad_target, seed, noise, every)


def in_evaluations(problem: Problem, budget: int | None, epochs: float | None) -> int:
    """A budget in gradient evaluations: as given, or of so many epochs, or 10,000; raises InputError."""
    if epochs is None:
        return 10_000 if budget is None else budget
    if budget is not None:
        raise InputError("a budget or epochs: give one of them")
    if not _size("epochs", epochs):
        raise InputError("epochs must be a number above 0")
    return max(1, round(min(epochs / problem.fraction, float(LARGEST))))


def whole(option: str, value: Any, least: int, most: int = LARGEST) -> int:
    """An option that must be an integer of at least so much, and at most so much; raises InputError."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{option} must be an integer of at least {least}, got {short(value)}")
    if value > most:
        raise InputError(f"{option} must be at most {most:,}, got {short(value)}")
    return int(value)


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's own, which can be held against any other."""
    return value.item() if isinstance(value, np.number) else value


def _size(option: str, value: Any) -> float:
    if not isinstance(value, int | float | np.number) or isinstance(value, bool) or not 0 <= _plain(value) <= MOST:
        raise InputError(f"{option} must be a finite number of at least 0, got {short(value)}")
    return float(value)


def _told(problem: Problem, method: Runnable, target: float | None, noise: float) -> tuple[str, ...]:
    """What the method is told beyond f and its gradient; refuses what the problem cannot supply."""
    if target is not None and problem.f_star is None:
        raise InputError(f"{problem} does not know its minimum, so a target on the error cannot be met")
    if isinstance(method, Peer) and not problem.in_numpy:
        raise InputError(f"{method} works in NumPy and cannot train a network: choose a method of the bench")
    if isinstance(method, Peer) and (noise or problem.stochastic):
        raise InputError(f"{method} needs exact values of f: choose a problem without mini-batches, and no noise")
    for need in method.missing(problem.supplies):
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
    if not (inside := problem.within(x.reshape(d, -1))).all():
        outside = x.reshape(d, -1)[:, int(np.argmin(inside))]
        raise InputError(
            f"the start {show_point(outside)} is not within the domain of {problem}, "
            f"{', '.join(f'{low:g} < w{i + 1} < {high:g}' for i, (low, high) in enumerate(problem.domain or ()))}"
        )
    sizes = {key: np.size(getattr(part, field.name)) for key, (part, field) in hyperparameters(method).items()}
    batches = {key: n for key, n in (sizes | {"start": x.size // d}).items() if n > 1}
    if len(set(batches.values())) > 1:
        raise InputError(f"arrays of different lengths: {', '.join(f'{k} has {n}' for k, n in batches.items())}")
    R = next(iter(batches.values()), 1)
    if isinstance(method, Peer) and R > 1:
        raise InputError(f"{method} makes one run at a time: give it one start")
    return np.ascontiguousarray(np.broadcast_to(x.reshape(d, -1), (d, max(R, 2)))), R == 1
