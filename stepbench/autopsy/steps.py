"""The anatomy of a run's steps: at points of its path the curvature, the best step along its way and Polyak's step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # whose parts are loaded when they are used

from stepbench.arrays import dot
from stepbench.contracts import Problem
from stepbench.engine.columns import Record
from stepbench.engine.result import Result

EPS = float(np.finfo(float).eps)
MOST = 300
"""The most parameters for which eigenvalues are computed."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What was measured of some of a run's steps, an entry for each; NaN where it cannot be told.

    ``record`` is the record that the step leaves. ``size`` is the recorded α where the direction is the plain gradient,
    and else the effective one, ‖Δw‖/‖∇f(w)‖; below 0 where the step goes up the gradient. ``steepest`` is λmax, the
    largest eigenvalue of the Hessian there, and ``along`` the curvature along the step. ``line`` is the size at which
    f along the step is least, ``polyak`` is (f − f*)/‖∇f‖². ``turned`` says whether the gradient along the steepest
    direction changed its sign, ``wall`` what part of the error lay in that direction, ``noise`` how far what the step
    saw was from the gradient.
    """

    record: Record
    size: Record
    length: Record
    steepest: Record
    along: Record
    line: Record
    polyak: Record
    turned: Record
    wall: Record
    noise: Record

    def within(self, first: int, last: int) -> Steps:
        """Those that leave the records from one to another."""
        own = (self.record >= first) & (self.record <= last)
        return Steps(*(getattr(self, field.name)[own] for field in dataclasses.fields(self)))


def has_plain_steps(result: Result) -> bool:
    """Whether every step is one step size times the gradient that it saw, so that α can be held against 2/λmax."""
    return result.plain and result.step_size is not None and result.step_size.ndim == 1


def values(result: Result) -> Record:
    """What a run is judged by: the error, or f where the minimum is unknown."""
    return result.f if result.error is None else result.error


def measured(result: Result) -> Steps:
    """The anatomy of a run's steps: of all where they are few, else of some, closer together at the start."""
    problem, n = result.problem, len(result.f) - 1
    d = problem.x0.size
    most = 400 if d <= 10 else max(40, 4000 // d)
    chosen = np.concatenate(
        [np.arange(min(n, most // 4)), np.geomspace(1, max(n, 1), most // 4), np.linspace(0, n, most // 2)]
    )
    marked = [int(n - np.argmin(values(result)[::-1])), worst_jump(values(result))[0]]
    record = np.unique(np.concatenate([chosen.astype(int), marked, np.add(marked, 1)]))
    record = record[record < n]
    if not record.size:
        empty = np.zeros(0)
        return Steps(record, *[empty] * (len(dataclasses.fields(Steps)) - 1))
    x, y = (np.ascontiguousarray(result.x[at].T) for at in (record, record + 1))
    moved = y - x
    g, g_next = _in_pairs(problem.grad, x), _in_pairs(problem.grad, y)
    norm, length = np.sqrt(dot(g, g)), np.sqrt(dot(moved, moved))
    size = np.where(norm > 0, -np.sign(dot(moved, g)) * length / norm, math.nan)
    if has_plain_steps(result) and result.step_size is not None:
        size = result.step_size[record + 1]
    error = values(result)[record] if result.error is not None else np.full(len(record), math.nan)
    steepest, direction, along = _curvature(problem, x, moved)
    up, up_next = dot(g, direction), dot(g_next, direction)
    return Steps(
        record=record,
        size=size,
        length=length,
        steepest=steepest,
        along=along,
        line=_line_search(problem, x, moved) * size,
        polyak=np.where(norm > 0, error / (norm * norm), math.nan),
        turned=np.where(np.isfinite(up * up_next), up * up_next < 0, math.nan),
        wall=np.where(steepest > 0, up * up / (2 * steepest) / error, math.nan),
        noise=_noise(result, x, g, record),
    )


def _in_pairs(function: Callable[[Any], Any], x: Record) -> Record:
    """A function of points (d, m), which is never asked for one alone."""
    return np.asarray(function(np.repeat(x, 2, axis=1))[..., ::2] if x.shape[1] == 1 else function(x))


def _curvature(problem: Problem, x: Record, moved: Record) -> tuple[Record, Record, Record]:
    """The largest eigenvalue at each point, its eigenvector (d, m), and the curvature along the step; else NaN."""
    d, m = x.shape
    steepest, direction, along = np.full(m, math.nan), np.full((d, m), math.nan), np.full(m, math.nan)
    costly = "hessian" in problem.derived and (d > 100 or ("grad" in problem.derived and d > 20))
    if d > MOST or costly or problem.smoothness in ("C⁰", "C⁻¹"):
        return steepest, direction, along
    H = _in_pairs(problem.hessian, x)
    finite = np.flatnonzero(np.isfinite(H).all(axis=(0, 1)))
    if finite.size:
        eigenvalues, vectors = np.linalg.eigh(np.moveaxis(H[:, :, finite], -1, 0))
        steepest[finite], direction[:, finite] = eigenvalues[:, -1], vectors[:, :, -1].T
        along[finite] = np.einsum("im,ijm,jm->m", moved[:, finite], H[:, :, finite], moved[:, finite])
    return steepest, direction, along / dot(moved, moved)


def _line_search(problem: Problem, x: Record, moved: Record) -> Record:
    """By what to multiply each step so that f is least along it; NaN where no step along it lowers f noticeably."""
    factors = np.geomspace(1e-6, 1e9, 151)
    m = x.shape[1]
    start = _in_pairs(problem.f, x)
    grid = np.empty((m, len(factors)))
    for k in range(m):  # a call for each, so that a large problem fits in memory
        grid[k] = problem.f(x[:, k : k + 1] + moved[:, k : k + 1] * factors)
    grid = np.where(np.isfinite(grid), grid, math.inf)
    best = grid.argmin(axis=1)
    low, high = factors[np.maximum(best - 1, 0)], factors[np.minimum(best + 1, len(factors) - 1)]
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(40):
        a, b = high - golden * (high - low), low + golden * (high - low)
        left = _in_pairs(problem.f, x + moved * a) <= _in_pairs(problem.f, x + moved * b)
        low, high = np.where(left, low, a), np.where(left, b, high)
    gained = start - grid.min(axis=1) > 8 * EPS * np.abs(start)
    return np.where(gained & (best < len(factors) - 1), (low + high) / 2, math.nan)


def _noise(result: Result, x: Record, g: Record, record: Record) -> Record:
    """How far what each step saw was from the gradient: of mini-batches by asking them again, of noise as it is set."""
    noise = result.noise * math.sqrt(len(x)) * np.ones(len(record))
    if not result.problem.stochastic:
        return noise
    for i, k in enumerate(record):
        at = np.repeat(x[:, i : i + 1], 2, axis=1)
        seen = result.problem.draw(result.seed, int(result.iteration[k]) + 1, at).grad(at)[:, 0]
        noise[i] = math.hypot(noise[i], float(np.linalg.norm(seen - g[:, i])))
    return noise


def worst_jump(value: Record) -> tuple[int, float, float]:
    """The record before the largest rise above all of the last steps: the record, their largest value, how many times.

    The last steps are a twentieth of the run, and ten at least.
    """
    if len(value) < 2:
        return 0, 0.0, 1.0
    width = max(10, len(value) // 20)
    recent = scipy.ndimage.maximum_filter1d(value, size=width, origin=(width - 1) // 2, mode="nearest")[:-1]
    rise = np.where(recent > 0, value[1:] / np.where(recent > 0, recent, 1), 0.0)
    k = int(np.nanargmax(rise))
    return k, float(recent[k]), float(rise[k])
