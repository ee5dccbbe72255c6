"""What is looked at before a problem of the user's own is run: shapes, and whether its gradient is plainly wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from stepbench import derivatives, files
from stepbench.contracts import Problem
from stepbench.fields import InputError, shown_path


def vet(problem: Problem) -> None:
    """Raise InputError where a problem that is not of this package breaks the contract at its start.

    What it checks takes a few evaluations; ``stepbench check`` looks at everything.
    """
    if files.is_users(type(problem)) or not type(problem).__module__.startswith("stepbench."):
        vet_shapes(problem)
        vet_gradient(problem)


def vet_shapes(problem: Problem) -> None:
    """Raise InputError unless x0 is a vector of numbers, and f and its gradient have the shapes of the contract."""
    x0 = problem.x0
    if not isinstance(x0, np.ndarray) or x0.ndim != 1 or not x0.size or x0.dtype.kind not in "fiu":
        raise InputError(f"{where(problem, 'x0')}: x0 must be a list of numbers, one a parameter; it is {x0!r}")
    x = _near(x0)
    with np.errstate(all="ignore"):
        for name, shape, means in (("f", (3,), "(R,), one number a run"), ("grad", x.shape, "(d, R), as the points")):
            answer: Any = getattr(problem, name)(x)
            if np.shape(answer) != shape:
                raise InputError(
                    f"{where(problem, name)}: {name} takes points of shape (d, R) and must give {means}; "
                    f"of points {x.shape} it gave {np.shape(answer)}"
                )


def vet_gradient(problem: Problem) -> None:
    """Raise InputError where the gradient that a problem gives is wrong at the start and beside it."""
    if "grad" in problem.derived:
        return
    x = _near(problem.x0)
    with np.errstate(all="ignore"):
        given, expected = problem.grad(x), derivatives.derived(problem.f, problem.x0)(problem.f, x)
    off = np.abs(given - expected).max(axis=0) > 1e-3 * np.abs(expected).max(axis=0) + 1e-6
    if off.all() and np.isfinite(given).all() and np.isfinite(expected).all():
        raise InputError(
            f"{where(problem, 'grad')}: the gradient is not the derivative of f: at the start it gives "
            f"{_vector(given[:, 0])}, and the derivative of f is {_vector(expected[:, 0])}; correct grad, or leave "
            "it out and it is derived"
        )


def _near(x0: Any) -> Any:
    """The start, and two points beside it."""
    x = np.repeat(x0[:, None].astype(float), 3, axis=1)
    x[:, 1:] += 0.1 * np.maximum(1.0, np.abs(x[:, 1:])) * np.random.default_rng(0).standard_normal((x0.size, 2))
    return x


def where(problem: Problem, name: str) -> str:
    """The file and the line of something in a user's file, or the class where it comes from no file."""
    cls = type(problem)
    if not files.is_users(cls):
        return str(problem)
    member = vars(cls).get(name)
    member = getattr(member, "fget", getattr(member, "func", member))  # the function of a property
    return f"{shown_path(files.path_of(cls))}, line {files.line_of(member if callable(member) else cls)}"


def _vector(x: Any) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in x[:4]) + (", …" if len(x) > 4 else "") + ")"
