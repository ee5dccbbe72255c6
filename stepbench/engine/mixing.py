"""Whether a user's function or method keeps its runs apart: a run must not depend on those that run beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from stepbench.arrays import Points
from stepbench.contracts import Joined, Method, Oracle, Problem
from stepbench.fields import Parametric, show_point

REACHES = (0.1, 1.0, 10.0)
"""How far from the start the points lie at which a function is looked at, in units of max(1, |w_i|)."""

ROUNDING = 1e-7
"""How far two answers at one point may differ, beside their size; more is no rounding."""

STEPS = 3
"""How many steps of a method are looked at: what mixes runs through a memory shows in the second or the third."""

AXIS = (
    "sums, norms and the like over w need axis=0, as np.sum(w**2, axis=0), np.linalg.norm(w, axis=0) or w.max(axis=0)"
)


def around(problem: Problem, start: Any, reach: float, number: int | None = None) -> Points:
    """Different points around a start, (d, R), in the problem's domain, in which the start is.

    They are three, or four where d is 3, so that no answer is square.
    """
    d = start.size
    R = number or (4 if d == 3 else 3)
    way = reach * np.maximum(1.0, np.abs(start))[:, None] * np.random.default_rng(0).standard_normal((d, R))
    return problem.moved_within(start[:, None], way)


def mixed(function: Callable[[Points], Any], w: Points) -> str:
    """How a function of points (d, R) answers otherwise about one of them where another is left out; "" if it does not.

    It says so too where the function gives another answer each time that it is asked.
    """
    whole = np.asarray(function(w))
    if not _alike(whole, np.asarray(function(w))).all():
        return "gives another answer each time that it is asked at the same point"
    for left_out in range(w.shape[1]):
        kept = [r for r in range(w.shape[1]) if r != left_out]
        fewer = np.asarray(function(np.ascontiguousarray(w[:, kept])))
        told = _differing(whole[..., kept], fewer)
        if told:
            return f"mixes the runs: at {show_point(w[:, kept[told[0]]])} it gives {told[1]}"
    return ""


def mixed_steps(problem: Problem, method: Method, x: Points) -> tuple[Parametric, str, str] | None:
    """The part of a method that mixes the runs that step from x, (d, R): the part, its function, and how; or None."""
    whole = [*_moves(problem, method, x)]
    for (part, name, first), (_, _, again) in zip(whole, _moves(problem, method, x), strict=True):
        if not _alike(first, again).all():
            return part, name, "gives another answer each time that it is asked in the same place"
    for left_out in range(x.shape[1]):
        kept = [r for r in range(x.shape[1]) if r != left_out]
        fewer = _moves(problem, method, np.ascontiguousarray(x[:, kept]))
        for (part, name, all_of_them), (_, _, some) in zip(whole, fewer, strict=True):
            if told := _differing(all_of_them[..., kept], some):
                return part, name, f"mixes the runs: from {show_point(x[:, kept[told[0]]])} it gives {told[1]}"
    return None


def _moves(problem: Problem, method: Method, w: Points) -> Iterator[tuple[Parametric, str, Points]]:
    """What the parts of a method give in a few steps from w, (d, R), with the part and its function."""
    oracle = Oracle(problem, per=method.vector, horizon=STEPS)
    s: Any = method.init(w)
    for _ in range(STEPS):
        oracle.advance(w)
        if isinstance(method, Joined):
            u, direction = method.direction.at(w, oracle, s.u)
            yield method.direction, "at", u
            w, rule = method.rule.move(w, u, oracle, s.rule)
            s = type(s)(direction, rule)
            yield method.rule, "move", w
        else:
            w, s = method.step(w, oracle, s)
            yield method, "step", w


def _alike(one: Any, other: Any) -> Any:
    """Where two answers are the same up to rounding; what is not finite must be so in both."""
    if one.shape != other.shape:
        return np.array([False])
    with np.errstate(all="ignore"):
        near = np.abs(one - other) <= ROUNDING * (np.abs(one) + np.abs(other))
    return near | (one == other) | ~(np.isfinite(one) | np.isfinite(other))


def _differing(whole: Any, fewer: Any) -> tuple[int, str] | None:
    """The first run, by its place, about which two answers differ, and what they are; None where there is none."""
    if whole.shape != fewer.shape:
        return 0, f"answers of shape {whole.shape} and {fewer.shape} for as many runs"
    alike = _alike(whole, fewer).reshape(-1, whole.shape[-1]).all(axis=0)
    if alike.all():
        return None
    r, beside = int(np.argmin(alike)), whole.shape[-1]
    return r, f"{_shown(whole[..., r])} beside {beside} other runs, and {_shown(fewer[..., r])} beside {beside - 1}"


def _shown(answer: Any) -> str:
    return show_point(np.ravel(answer)) if answer.ndim else f"{answer:g}"
