"""What is looked at before a problem or a method of the user's own is run: shapes, and what is plainly wrong."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench import derivatives
from stepbench.arrays import PerRun, Points, dot
from stepbench.catalog import files
from stepbench.contracts import Direction, Method, Oracle, Problem, Runnable, StepSize, Vector
from stepbench.fields import InputError, Parametric, show_point


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
"""Where a step of a method is looked at when its own problem is not in NumPy, or is not known yet."""


def vet(problem: Problem) -> None:
    """Raise InputError where a problem that is not of this package breaks the contract at its start.

    What it looks at takes a few evaluations; ``stepbench check`` looks at everything.
    """
    if _is_users(problem):
        vet_shapes(problem)
        vet_gradient(problem)


def vet_step(problem: Problem, method: Runnable, x: Vector) -> None:
    """Raise InputError where a method that is not of this package breaks the contract in one step from x, (d, R).

    The step must give a next point in the shape of the last, and change nothing in place.
    """
    part = next((part for part in method.parts if _is_users(part)), None)
    if part is None or not isinstance(method, Method):
        return
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
        raise InputError(f"{place_of(part, step)}: of points {x.shape}, (d, R), {step} must make such; it made {gave}")


def _is_users(thing: Any) -> bool:
    return files.is_users(type(thing)) or not type(thing).__module__.startswith("stepbench.")


def vet_shapes(problem: Problem) -> None:
    """Raise InputError unless start, f, gradient, minimisers and window have the shapes of the contract."""
    x0 = problem.x0
    if not isinstance(x0, np.ndarray) or x0.ndim != 1 or not x0.size or x0.dtype.kind not in "fiu":
        raise InputError(f"{place_of(problem, 'x0')}: x0 must be a vector of numbers, one per parameter; it is {x0!r}")
    d, star, view, x = x0.size, problem.x_star, problem.view, _near(x0)
    if not np.isfinite(x0).all():
        raise InputError(f"{place_of(problem, 'x0')}: x0 must be finite; it is {show_point(x0)}")
    if problem.f_star is not None and not isinstance(problem.f_star, numbers.Real):
        raise InputError(f"{place_of(problem, 'f_star')}: f_star must be a number; it is {problem.f_star!r}")
    if star is not None and (np.ndim(star) not in (1, 2) or len(star) != d):
        raise InputError(
            f"{place_of(problem, 'x_star')}: x_star must be ({d},), or ({d}, m) for m minimisers; it is "
            f"{np.shape(star)}"
        )
    if view is not None and (
        d != 2 or np.shape(view) != (2, 2) or not (np.diff(np.array(view, dtype=float)) > 0).all()
    ):
        raise InputError(
            f"{place_of(problem, 'view')}: view must be ((left, right), (bottom, top)), with two parameters only"
        )
    x.flags.writeable = False
    with np.errstate(all="ignore"):
        for name, shape, means in (("f", (3,), "(R,), one number per run"), ("grad", x.shape, "(d, R), as the points")):
            answer = _asked(place_of(problem, name), getattr(problem, name), x)
            if not isinstance(answer, np.ndarray) or answer.shape != shape or answer.dtype.kind not in "fiu":
                gave = f"a {type(answer).__name__}"
                if isinstance(answer, np.ndarray):
                    gave = f"{answer.shape}" if answer.dtype.kind in "fiu" else f"{answer.dtype} numbers"
                raise InputError(
                    f"{place_of(problem, name)}: {name} takes points of shape (d, R) and must give an array {means}; "
                    f"of points {x.shape} it gave {gave}"
                )
        if problem.stochastic:
            sample = problem.draw(0, 1, problem.as_points(x))
            for name in problem.samples_give if "hvp" in problem.supplies else problem.samples_give[:-1]:
                if not callable(getattr(sample, name, None)):
                    raise InputError(f"{place_of(problem, 'sample')}: what a step sees has no {name}; give it one")


def _asked(place: str, function: Any, *arguments: Any) -> Any:
    """The answer of a user's function; InputError where it cannot be called so, or writes into what it is given."""
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        users = files.users_lines(error)
        if "read-only" in str(error):
            line = users[0] if users else place
            raise InputError(f"{line}: it writes into an array that it was given; make a new one") from None
        if users is not None:
            raise
        raise InputError(f"{place}: {error}") from None


def vet_gradient(problem: Problem) -> None:
    """Raise InputError where the gradient that a problem gives is wrong at the start and beside it."""
    if "grad" in problem.derived:
        return
    x = _near(problem.x0)
    v = np.random.default_rng(1).standard_normal(x.shape)
    way = derivatives.derived(problem.f, problem.x0)
    stepped, differenced, doubt = derivatives.slopes(problem.f, x, v)
    with np.errstate(all="ignore"):
        g = problem.grad(x)
        if stepped is not None and way is derivatives.complex_step:
            expected, allowed = stepped, 1e-6 * np.abs(g * v).sum(0)
        else:
            expected, allowed = differenced, doubt + 1e-3 * np.abs(g * v).sum(0)
        off = np.abs((g * v).sum(0) - expected)
        if (off > allowed).all() and np.isfinite(off).all():
            raise InputError(
                f"{place_of(problem, 'grad')}: the gradient is not the derivative of f: at the start it gives "
                f"{show_point(g[:, 0])}, and the derivative of f is {show_point(way(problem.f, x)[:, 0])}; correct "
                "grad, or leave it out and it is derived"
            )


def _near(x0: Any) -> Any:
    """The start, and two points beside it."""
    x = np.repeat(x0[:, None].astype(float), 3, axis=1)
    x[:, 1:] += 0.1 * np.maximum(1.0, np.abs(x[:, 1:])) * np.random.default_rng(0).standard_normal((x0.size, 2))
    return x


def place_of(thing: Parametric, name: str) -> str:
    """The file and the line of something in a user's file, or the thing itself where it comes from no file."""
    cls = type(thing)
    if not files.is_users(cls):
        return str(thing)
    member = vars(cls).get(name)
    member = getattr(member, "fget", getattr(member, "func", member))  # the function of a property
    return files.place_in_file(cls, member if callable(member) else cls)
