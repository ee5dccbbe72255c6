"""What is looked at before a problem of the user's own is run: shapes, and whether its gradient is plainly wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from stepbench import derivatives, files
from stepbench.contracts import Problem
from stepbench.fields import InputError, show_point, shown_path


def vet(problem: Problem) -> None:
    """Raise InputError where a problem that is not of this package breaks the contract at its start.

    What it checks takes a few evaluations; ``stepbench check`` looks at everything.
    """
    if files.is_users(type(problem)) or not type(problem).__module__.startswith("stepbench."):
        vet_shapes(problem)
        vet_gradient(problem)


def vet_shapes(problem: Problem) -> None:
    """Raise InputError unless start, f, gradient, minimisers and window have the shapes of the contract."""
    x0 = problem.x0
    if not isinstance(x0, np.ndarray) or x0.ndim != 1 or not x0.size or x0.dtype.kind not in "fiu":
        raise InputError(f"{where(problem, 'x0')}: x0 must be a vector of numbers, one a parameter; it is {x0!r}")
    d, star, x = x0.size, problem.x_star, _near(x0)
    if star is not None and (np.ndim(star) not in (1, 2) or len(star) != d):
        raise InputError(
            f"{where(problem, 'x_star')}: x_star must be ({d},), or ({d}, m) for m minimisers; it is {np.shape(star)}"
        )
    if problem.view is not None and (d != 2 or np.shape(problem.view) != (2, 2)):
        raise InputError(
            f"{where(problem, 'view')}: view must be ((left, right), (bottom, top)), with two parameters only"
        )
    with np.errstate(all="ignore"):
        for name, shape, means in (("f", (3,), "(R,), one number a run"), ("grad", x.shape, "(d, R), as the points")):
            answer: Any = getattr(problem, name)(x)
            if not isinstance(answer, np.ndarray) or answer.shape != shape:
                gave = answer.shape if isinstance(answer, np.ndarray) else f"a {type(answer).__name__}"
                raise InputError(
                    f"{where(problem, name)}: {name} takes points of shape (d, R) and must give an array {means}; "
                    f"of points {x.shape} it gave {gave}"
                )
        if problem.stochastic:
            sample = problem.sample(np.random.default_rng(0), 1)
            for name in ("f", "grad", *["hessian"] * ("hvp" in problem.supplies)):
                if not callable(getattr(sample, name, None)):
                    raise InputError(f"{where(problem, 'sample')}: what a step sees has no {name}; give it one")


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
                f"{where(problem, 'grad')}: the gradient is not the derivative of f: at the start it gives "
                f"{show_point(g[:, 0])}, and the derivative of f is {show_point(way(problem.f, x)[:, 0])}; correct "
                "grad, or leave it out and it is derived"
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
