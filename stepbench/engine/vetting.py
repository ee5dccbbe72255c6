"""What is looked at before a problem or a method of the user's own is run: shapes, and what is plainly wrong."""

from __future__ import annotations

import math
import numbers
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from stepbench import derivatives
from stepbench.arrays import PerRun, Points, dot
from stepbench.catalog import files
from stepbench.catalog.spelling import refuse_names
from stepbench.contracts import Direction, Method, Oracle, Problem, Runnable, StepSize, Vector, unbatched
from stepbench.contracts.settings import is_cached
from stepbench.engine import mixing
from stepbench.fields import InputError, Parametric, show_point, within


@dataclass(frozen=True)
class _Valley(Problem):
    """A bowl in three dimensions that is much longer than wide."""

    x0 = np.array([-1.0, 1.0, 0.5])
    f_star = 0.0

    def f(self, w: Points) -> PerRun:
        """½ Σ λ w², with λ from 1 to 100."""
        return 0.5 * dot(w, self.grad(w))

    def grad(self, w: Points) -> Points:
        """λ ⊙ w."""
        return np.array([1.0, 10.0, 100.0])[:, None] * w

    def hessian(self, w: Points) -> Points:
        """The diagonal matrix of λ, the same everywhere."""
        return np.repeat(np.diag([1.0, 10.0, 100.0])[:, :, None], w.shape[1], axis=2)


VALLEY = _Valley()

FARTHEST = 1e150
"""How far a window may reach: its area, and squares of what lies in it, are still numbers."""


def vet(problem: Problem) -> None:
    """Raise InputError where a problem that is not of this package breaks the contract at its start or around it.

    What it looks at takes a few evaluations; ``stepbench check`` looks at everything. An object is looked at once, and
    again where its class or one of its attributes has been given another value; what changes within an array is not
    seen.
    """
    problem = problem.unchanged
    if not _is_users(problem):
        return
    key, state = id(problem), _state(problem)
    known, seen = _vetted.get(key, (lambda: None, None))
    if known() is problem and seen == state:
        return
    vet_shapes(problem)
    vet_gradient(problem)
    with suppress(TypeError):  # of an object with slots, which no weak reference can be made to
        _vetted[key] = weakref.ref(problem, partial(_forget, key)), state


_vetted: dict[int, tuple[Callable[[], Any], Any]] = {}
"""What has been looked at, by its id: a weak reference to it, and the state that it was in."""


def _forget(key: int, _: Any) -> None:
    _vetted.pop(key, None)


def _state(problem: Problem) -> Any:
    """What changes where the object is given another attribute, or its class another function or constant."""
    cls = type(problem)
    held = {name: value for name, value in getattr(problem, "__dict__", {}).items() if not is_cached(cls, name)}
    held |= {f"{c.__qualname__}.{name}": value for c in cls.__mro__ for name, value in vars(c).items()}
    plain = (bool, int, float, str)
    return cls, {name: value if isinstance(value, plain) else id(value) for name, value in held.items()}


def vet_step(problem: Problem, method: Runnable, x: Vector) -> None:
    """Raise InputError where a method that is not of this package breaks the contract in a few steps from x, (d, R).

    The step must give a next point in the shape of the last, change nothing in place, and keep the runs apart.
    """
    users = [part for part in method.parts if _is_users(part)]
    for part in users:
        _refuse_names(part)
    if not users or not isinstance(method, Method):
        return
    part = users[0]
    step = "at" if isinstance(part, Direction) else "move" if isinstance(part, StepSize) else "step"
    x = x.copy()
    x.flags.writeable = False
    oracle = Oracle(problem, per=method.vector)
    with np.errstate(all="ignore"):
        s = _asked(place_of(part, "init"), method.init, x)
        oracle.advance()
        oracle.grad(x).flags.writeable = False
        answer = _asked(place_of(part, step), method.step, x, oracle, s)
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise InputError(f"{place_of(part, step)}: {step} must return two things, and the second is its next state")
        new = answer[0]
        if not isinstance(new, np.ndarray) or new.shape != x.shape:
            gave = new.shape if isinstance(new, np.ndarray) else f"a {type(new).__name__}"
            raise InputError(
                f"{place_of(part, step)}: of points {x.shape}, (d, R), {step} must make such; it made {gave}"
            )
        try:
            found = mixing.mixed_steps(problem, unbatched(method), mixing.around(problem, x[:, 0], 0.1))
        except Exception:  # of a method or a problem that is not made for these points
            return
    if found is not None:
        part, step, how = found
        raise InputError(f"{place_of(part, step)}: {step} {how}; {mixing.AXIS}, or oracle.dot(u, u)")


def vet_method(method: Runnable) -> None:
    """``vet_step`` in a valley of our own, for a method whose problem is not in NumPy, or is not known yet."""
    vet_step(VALLEY, unbatched(method), np.repeat(VALLEY.x0[:, None], 2, axis=1))


def _refuse_names(thing: Parametric) -> None:
    cls = type(thing)
    place = f"{files.place_in_file(cls, cls)}: {cls.__name__}" if files.is_users(cls) else cls.__name__
    refuse_names(cls, {*vars(thing)}, place)


def _is_users(thing: Any) -> bool:
    return files.is_users(type(thing)) or not type(thing).__module__.startswith("stepbench.")


def vet_shapes(problem: Problem) -> None:
    """Raise InputError unless start, f, derivatives, minimisers and window have the shapes of the contract.

    So it does where f or a derivative mixes the runs, or a name is not what the bench reads.
    """
    if _is_users(problem):
        _refuse_names(problem)
    x0 = problem.x0
    if not isinstance(x0, np.ndarray) or x0.ndim != 1 or not x0.size or x0.dtype.kind not in "fiu":
        raise InputError(f"{place_of(problem, 'x0')}: x0 must be a vector of numbers, one per parameter; it is {x0!r}")
    d, star, view, f_star = x0.size, problem.x_star, problem.view, problem.f_star
    if not np.isfinite(x0).all():
        raise InputError(f"{place_of(problem, 'x0')}: x0 must be finite; it is {show_point(x0)}")
    if not problem.within(x0[:, None]).all():
        raise InputError(f"{place_of(problem, 'domain')}: x0, {show_point(x0)}, is not within the domain")
    if f_star is not None and (not isinstance(f_star, numbers.Real) or not math.isfinite(f_star)):
        raise InputError(
            f"{place_of(problem, 'f_star')}: f_star must be a finite number, or be left out where it is unknown; it is "
            f"{f_star!r}"
        )
    if star is not None and (np.ndim(star) not in (1, 2) or len(star) != d):
        raise InputError(
            f"{place_of(problem, 'x_star')}: x_star must be ({d},), or ({d}, m) for m minimisers; it is "
            f"{np.shape(star)}"
        )
    if view is not None and (
        d != 2
        or np.shape(view) != (2, 2)
        or not (np.abs(np.array(view, dtype=float)) < FARTHEST).all()
        or not (np.diff(np.array(view, dtype=float)) > 0).all()
    ):
        raise InputError(
            f"{place_of(problem, 'view')}: view must be ((left, right), (bottom, top)), with two parameters only"
        )
    for name, bounds in (("mu", "[0, inf)"), ("L", "(0, inf)")):
        known = getattr(problem, name)
        if known is not None and not (isinstance(known, numbers.Real) and within(float(known), bounds)):
            raise InputError(
                f"{place_of(problem, name)}: {name} must be a number in {bounds}, or be left out where it is unknown; "
                f"it is {known!r}"
            )
    if not isinstance(problem.source, str):
        raise InputError(f"{place_of(problem, 'source')}: source must be a text; it is {problem.source!r}")
    x = mixing.around(problem, x0, 0.1)
    x[:, 0] = x0
    with np.errstate(all="ignore"):
        _vet_answers(problem, problem, x)
        if problem.stochastic:
            sample = problem.draw(0, 1, problem.as_points(x))
            for name in problem.samples_give if "hvp" in problem.supplies else problem.samples_give[:-1]:
                if not callable(getattr(sample, name, None)):
                    raise InputError(f"{place_of(problem, 'sample')}: what a step sees has no {name}; give it one")
            if problem.in_numpy:
                _vet_answers(problem, sample, x)


def _vet_answers(problem: Problem, asked: Any, x: Vector) -> None:
    """Look at what f, grad and hessian answer at points (d, R): those of a problem, or of a sample of it."""
    x = x.copy()
    x.flags.writeable = False
    d, R = x.shape
    means = {
        "f": ((R,), "(R,), one number per run", "a number"),
        "grad": ((d, R), "(d, R), as the points", "a vector (d,)"),
        "hessian": ((d, d, R), "(d, d, R), one matrix per run", "a matrix (d, d)"),
    }
    for name, (shape, many, one) in means.items():
        if name == "hessian" and (asked is not problem or name in problem.derived or not problem.in_numpy):
            continue
        place = place_of(problem, name if asked is problem else "sample")
        answer = _asked(place, getattr(asked, name), x)
        if not isinstance(answer, np.ndarray) or answer.shape != shape or answer.dtype.kind not in "fiu":
            gave = f"a {type(answer).__name__}"
            if isinstance(answer, np.ndarray):
                gave = f"{answer.shape}" if answer.dtype.kind in "fiu" else f"{answer.dtype} numbers"
            if problem.one_point_at_a_time and asked is problem:
                raise InputError(
                    f"{place}: {name} takes one point of shape (d,) and must give {one}; of {R} points ({d},) it gave "
                    f"{gave} together"
                )
            raise InputError(
                f"{place}: {name} takes points of shape (d, R) and must give an array {many}; of points {x.shape} it "
                f"gave {gave}; {mixing.AXIS}; or, for one point (d,), write one_point_at_a_time = True in the class"
            )
    if not problem.in_numpy:
        return
    for reach in mixing.REACHES:
        w = mixing.around(problem, problem.x0, reach)
        for name in ("f", "grad", "hessian"):
            if (asked is problem and name in problem.derived) or not hasattr(asked, name):
                continue
            try:
                how = mixing.mixed(getattr(asked, name), w)
            except Exception:  # it is not defined so far from the start
                continue
            if how:
                remedy = mixing.AXIS if "mixes" in how else "what is random belongs into sample(rng, step)"
                place = place_of(problem, name if asked is problem else "sample")
                raise InputError(f"{place}: {name} {how}; {remedy}")


def _asked(place: str, function: Any, *arguments: Any) -> Any:
    """The answer of a user's function; InputError where it cannot be called so, or writes into what it is given."""
    try:
        return function(*arguments)
    except InputError:  # it says already what is wrong, and where
        raise
    except (TypeError, ValueError) as error:
        users = files.users_lines(error)
        if "read-only" in str(error):
            line = users[0] if users else place
            raise InputError(f"{line}: it writes into an array that it was given; make a new one") from None
        if users is not None:
            raise
        raise InputError(f"{place}: {error}") from None


def vet_gradient(problem: Problem) -> None:
    """Raise InputError where the gradient that a problem gives is not the derivative of its f around the start.

    It is refused where it is wrong at three of eight points that lie about equally far from the start: at the start
    itself a wrong term may vanish, it may be wrong on one side of a kink only, and at the kink there is no derivative.
    """
    if "grad" in problem.derived or not problem.in_numpy:
        return
    way = derivatives.derived(problem.f, problem.x0, problem.moved_within)
    for reach in mixing.REACHES:
        x = mixing.around(problem, problem.x0, reach, 8)
        v = np.random.default_rng(1).standard_normal(x.shape)
        try:
            stepped, differenced, doubt = derivatives.slopes(problem.f, x, v)
            with np.errstate(all="ignore"):
                g = problem.grad(x)
        except Exception:  # it is not defined so far from the start
            return
        with np.errstate(all="ignore"):
            size = np.abs(g * v).sum(0)
            if stepped is not None and way is derivatives.complex_step:
                expected, allowed = stepped, 1e-6 * size
            else:
                expected, allowed = differenced, doubt + 1e-3 * size
            off = np.abs((g * v).sum(0) - expected)
            wrong = (off > allowed) & np.isfinite(off)
            if wrong.sum() >= 3:
                r = int(np.argmax(wrong))
                right = way(problem.f, np.repeat(x[:, [r]], 2, axis=1))[:, 0]
                raise InputError(
                    f"{place_of(problem, 'grad')}: the gradient is not the derivative of f: at {show_point(x[:, r])} "
                    f"it gives {show_point(g[:, r])}, and the derivative of f is {show_point(right)}; "
                    "correct grad, or leave it out and it is derived"
                )


def place_of(thing: Parametric, name: str) -> str:
    """The file and the line of something in a user's file, or the thing itself where it comes from no file."""
    cls = type(thing)
    if not files.is_users(cls):
        return str(thing)
    member = vars(cls).get(name)
    member = getattr(member, "fget", getattr(member, "func", member))  # the function of a property
    return files.place_in_file(cls, member if callable(member) else cls)
