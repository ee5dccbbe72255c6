"""The anatomy of a run's steps: at points of its path the curvature, the best step along its way and Polyak's step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy  # whose parts are loaded when they are used

from stepbench.arrays import dot
from stepbench.contracts import Problem
from stepbench.derivatives import where_defined
from stepbench.engine.columns import Record
from stepbench.engine.result import Result

EPS = float(np.finfo(float).eps)
MOST = 300
"""The most parameters for which eigenvalues are computed."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What was measured of some of a run's steps: arrays with an entry per step, NaN where a number is unknown.

    ``record`` is the record that the step leaves, and ``step`` its number. ``size`` is the recorded α where the
    direction is the plain gradient, and else the effective one, ‖Δw‖/‖∇f(w)‖; below 0 where the step goes up.
    ``steepest`` is λmax, the largest eigenvalue of the Hessian there, ``lowest`` λmin, and ``along`` the
    curvature along the step. ``newton`` is the length of Newton's step, to where the gradient is 0 to second order,
    and ``gain`` how much lower f is there. ``line`` is the size at which f along the step is least, and ``polyak`` is
    (f − f*)/‖∇f‖².
    ``turned`` says whether the gradient along the steepest direction changed its sign, ``wall`` what part of the error
    lay in that direction, and ``noise`` how far from the gradient it was what the step saw.

    Where only some records are kept, no one step goes from one to the next. There an entry is of the step that led to
    its record, of which no more is known than a recorded α; the other numbers are those of the point to which it led.
    """

    record: Record
    step: Record
    size: Record
    length: Record
    steepest: Record
    along: Record
    lowest: Record
    newton: Record
    gain: Record
    line: Record
    polyak: Record
    turned: Record
    wall: Record
    noise: Record

    def within(self, first: int, last: int) -> Steps:
        """The steps that leave the records from ``first`` to ``last``."""
        return self.where((self.record >= first) & (self.record <= last))

    def where(self, chosen: Record) -> Steps:
        """Those of the steps for which this is true."""
        return Steps(*(getattr(self, field.name)[chosen] for field in dataclasses.fields(self)))


def has_plain_steps(result: Result) -> bool:
    """Whether every step is one step size times the gradient that it saw, so that α can be held against 2/λmax."""
    return result.plain and result.step_size is not None and result.step_size.ndim == 1


def measured(result: Result) -> Steps:
    """The anatomy of a run's steps: of all where they are few, else of some, closer together at the start."""
    problem, n = result.problem, len(result.f) - 1
    d = problem.x0.size
    most = 400 if d <= 10 else max(40, 4000 // d)
    chosen = np.concatenate(
        [np.arange(min(n, most // 4)), np.geomspace(1, max(n, 1), most // 4), np.linspace(0, n, most // 2)]
    )
    marked = [int(n - np.argmin(result.value[::-1])), worst_jump(result.value)[0], last_held(result)[1]]
    if risen := worst_rise(result):
        marked.append(risen.held)
    record = np.unique(np.concatenate([chosen.astype(int), marked, np.add(marked, 1)]))
    record = record[record < n]
    if not record.size:
        return Steps(record, *(np.zeros(0) for _ in dataclasses.fields(Steps)[1:]))
    if steps_between(result) > 1:
        return _between_records(result, record)
    w, w_next = np.ascontiguousarray(result.x[record].T), np.ascontiguousarray(result.x[record + 1].T)
    moved = w_next - w
    g, g_next = _in_pairs(problem.grad, w), _in_pairs(problem.grad, w_next)
    norm, length = np.sqrt(dot(g, g)), np.sqrt(dot(moved, moved))
    size = np.where(norm > 0, -np.sign(dot(moved, g)) * length / norm, math.nan)
    if has_plain_steps(result) and result.step_size is not None:
        size = result.step_size[record + 1]
    error = result.value[record] if result.error is not None else np.full(len(record), math.nan)
    curvature = _curvature(problem, w)
    steepest, direction = curvature.eigenvalues[-1], curvature.vectors[:, -1]
    up, up_next = dot(g, direction), dot(g_next, direction)
    newton, gain = curvature.newton(g)
    return Steps(
        record=record,
        step=result.iteration[record] + 1,
        size=size,
        length=length,
        steepest=steepest,
        along=curvature.along(moved),
        lowest=curvature.eigenvalues[0],
        newton=newton,
        gain=gain,
        line=_line_search(problem, w, moved) * size,
        polyak=np.where(norm > 0, error / (norm * norm), math.nan),
        turned=np.where(np.isfinite(up * up_next), up * up_next < 0, math.nan),
        wall=np.where(steepest > 0, up * up / (2 * steepest) / error, math.nan),
        noise=_noise(result, w, g, record),
    )


def steps_between(result: Result) -> int:
    """The most steps from one record to the next: 1 where every step was recorded."""
    return int(np.diff(result.iteration).max(initial=1))


def _between_records(result: Result, record: Record) -> Steps:
    """What is known at some records between which steps were left out."""
    w = np.ascontiguousarray(result.x[record].T)
    g, unknown = _in_pairs(result.problem.grad, w), np.full(len(record), math.nan)
    curvature = _curvature(result.problem, w)
    newton, gain = curvature.newton(g)
    error = unknown if result.error is None else result.error[record]
    plain = has_plain_steps(result) and result.step_size is not None
    known = {
        "record": record,
        "step": result.iteration[record],
        "size": result.step_size[record] if plain and result.step_size is not None else unknown,
        "steepest": curvature.eigenvalues[-1],
        "lowest": curvature.eigenvalues[0],
        "newton": newton,
        "gain": gain,
        "polyak": error / dot(g, g),
        "noise": _noise(result, w, g, record),
    }
    return Steps(**{field.name: known.get(field.name, unknown) for field in dataclasses.fields(Steps)})


def _in_pairs(function: Callable[[Any], Any], w: Record) -> Record:
    """A function of points (d, m), which is never asked for a single point."""
    if w.shape[1] == 1:
        return np.asarray(function(np.repeat(w, 2, axis=1))[..., ::2])
    return np.asarray(function(w))


@dataclass(frozen=True, eq=False)
class _Curvature:
    """The eigenvalues of the Hessian at m points, (d, m), in rising order, and its eigenvectors, (d, d, m)."""

    eigenvalues: Record
    vectors: Record

    def along(self, moved: Record) -> Record:
        """The curvature along each step, (m,)."""
        parts = np.einsum("dem,dm->em", self.vectors, moved)
        return np.asarray(dot(parts * parts, self.eigenvalues) / dot(moved, moved))

    def newton(self, g: Record) -> tuple[Record, Record]:
        """How long Newton's steps are for these gradients, and by how much they lower f, to second order: (m,) each."""
        parts = np.einsum("dem,dm->em", self.vectors, g)
        steps = np.where(parts == 0, 0.0, parts / self.eigenvalues)
        steps = np.where(np.isnan(self.eigenvalues), math.nan, steps)
        return np.sqrt(dot(steps, steps)), dot(parts, steps) / 2


def _curvature(problem: Problem, w: Record) -> _Curvature:
    """The curvature at each point; NaN where the Hessian is unknown, or costs too much."""
    d, m = w.shape
    eigenvalues, vectors = np.full((d, m), math.nan), np.full((d, d, m), math.nan)
    costly = "hessian" in problem.derived and (d > 100 or ("grad" in problem.derived and d > 20))
    if not (d > MOST or costly or problem.smoothness in ("C⁰", "C⁻¹")):
        H = _in_pairs(problem.hessian, w)
        finite = np.flatnonzero(np.isfinite(H).all(axis=(0, 1)))
        if finite.size:
            values, columns = np.linalg.eigh(np.moveaxis(H[:, :, finite], -1, 0))
            eigenvalues[:, finite], vectors[:, :, finite] = values.T, np.moveaxis(columns, 0, -1)
    return _Curvature(eigenvalues, vectors)


def _line_search(problem: Problem, w: Record, moved: Record) -> Record:
    """By what to multiply each step so that f is least along it; NaN where no step along it lowers f noticeably."""

    def f(w: Record) -> Record:
        return np.asarray(where_defined(problem.f, w, np.repeat(problem.x0[:, None], 2, axis=1)))

    factors = np.geomspace(1e-6, 1e9, 151)
    m = w.shape[1]
    start = _in_pairs(f, w)
    grid = np.empty((m, len(factors)))
    for k in range(m):  # a call per step, so that a large problem fits in memory
        grid[k] = f(w[:, k : k + 1] + moved[:, k : k + 1] * factors)
    grid = np.where(np.isfinite(grid), grid, math.inf)
    best = grid.argmin(axis=1)
    low, high = factors[np.maximum(best - 1, 0)], factors[np.minimum(best + 1, len(factors) - 1)]
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(40):
        a, b = high - golden * (high - low), low + golden * (high - low)
        lower_half = _in_pairs(f, w + moved * a) <= _in_pairs(f, w + moved * b)
        low, high = np.where(lower_half, low, a), np.where(lower_half, b, high)
    gained = start - grid.min(axis=1) > 8 * EPS * np.abs(start)
    return np.where(gained & (best < len(factors) - 1), (low + high) / 2, math.nan)


def _noise(result: Result, w: Record, g: Record, record: Record) -> Record:
    """How far from the gradient it was what each step saw, by the noise and by its mini-batch, which is drawn again."""
    noise = result.noise * math.sqrt(len(w)) * np.ones(len(record))
    if not result.problem.stochastic:
        return noise
    for i, k in enumerate(record):
        twice = np.repeat(w[:, i : i + 1], 2, axis=1)
        of_sample = result.problem.draw(result.seed, int(result.iteration[k]) + 1, twice).grad(twice)[:, 0]
        noise[i] = math.hypot(noise[i], float(np.linalg.norm(of_sample - g[:, i])))
    return noise


def smoothed(result: Result) -> Record:
    """A run's values as running medians over a fiftieth of it, so that neither noise nor luck makes a span."""
    return np.asarray(scipy.ndimage.median_filter(result.value, size=2 * (_fiftieth(result) // 2) + 1, mode="nearest"))


def _fiftieth(result: Result) -> int:
    return len(result.f) // 50


def last_held(result: Result) -> tuple[float, int]:
    """The level that a run held when its values were least, and the last record at which it still held it.

    It is the largest value over a fiftieth of the run around the least running median. What sees noise passes its
    minimum by luck: there it is the largest value over the second half of the way to that record.
    """
    smooth, value, half = smoothed(result), result.value, _fiftieth(result) // 2
    k = int(len(smooth) - 1 - np.argmin(smooth[::-1]))
    begin = k // 2 if result.noise or result.problem.stochastic else max(k - half, 0)
    held = float(value[begin : k + half + 1].max())
    return held, int(np.flatnonzero(value <= held)[-1])


class Rise(NamedTuple):
    """A rise of the value and its way back, by records: the last at the level that was held, the top, the first back.

    ``level`` and ``most`` are the values that were held and that it rose to.
    """

    held: int
    top: int
    back: int
    level: float
    most: float


def worst_rise(result: Result) -> Rise | None:
    """The highest rise, of more than one step, above a level that the run held and came back to; None where none is.

    A level is held where all values of the last steps are below it, a twentieth of the run and ten of them at least, so
    that what swings to and fro does not rise. It is a rise where the error grew tenfold; where the minimum is unknown,
    where f rose by a tenth of all that it fell. What sees noise is judged by its running medians.
    """
    noisy = result.noise or result.problem.stochastic
    value = smoothed(result) if noisy else result.value
    width = max(10, len(value) // 20)
    if len(value) <= width:
        return None
    recent = scipy.ndimage.maximum_filter1d(value, size=width, origin=(width - 1) // 2, mode="nearest")
    level = np.minimum.accumulate(recent)
    if result.error is None:
        height = (value - level) / (0.1 * (value[0] - value.min()))
    else:
        height = np.where(level > 0, value / np.where(level > 0, 10 * level, 1), 0.0)
    back = np.minimum.accumulate(value[::-1])[::-1] <= level  # at each record, whether the level is met from there on
    top = int(np.argmax(np.where(back & np.isfinite(height), height, 0.0)))
    if not (back[top] and height[top] >= 1):
        return None
    at_level = np.flatnonzero(value <= level[top])
    held, again = int(at_level[at_level < top][-1]), int(at_level[at_level > top][0])
    return Rise(held, top, again, float(level[top]), float(value[top])) if top > held + 1 else None


def worst_jump(value: Record) -> tuple[int, float, float]:
    """The largest rise above all values of the last steps, which are a twentieth of the run, and ten at least.

    Returns the record before it, the largest value of those steps, and how many times as large the value is after it.
    """
    if len(value) < 2:
        return 0, 0.0, 1.0
    width = max(10, len(value) // 20)
    recent = scipy.ndimage.maximum_filter1d(value, size=width, origin=(width - 1) // 2, mode="nearest")[:-1]
    rise = np.where(recent > 0, value[1:] / np.where(recent > 0, recent, 1), 0.0)
    k = int(np.nanargmax(rise))
    return k, float(recent[k]), float(rise[k])
