"""Where the starts of a window lead: which minimum a method reaches from each of a grid of them, and how soon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from stepbench.contracts import Joined, Problem, Runnable, Window
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.options import Engine
from stepbench.web.batches import NoKernelError, TooSlowError, quickly
from stepbench.web.colours import BETWEEN, NOTHING, PALETTE, SHADES, STOPPED, STRIPE, WAY

SIDE, COARSE = 200, 50
"""How many starts stand side by side in a kernel, and in NumPy."""

STEPS = 300

EXACTLY = 1e-6
"""What is reached: an error that is so small a part of its median over the starts; so with the gradient's norm."""

NEAR = 0.05
"""Of the window's sides: ends so near to each other are at one minimum."""

MINIMA = 6
"""How many minima have a colour of their own."""

ON_THE_WAY, DIVERGED, FAILED, UNDEFINED = -1, -2, -3, -4
"""What ``Basins.leads`` has in place of a minimum's number; the last is where f is not defined at the start itself."""


@dataclass(frozen=True, eq=False)
class Basins:
    """Where each start of an n × n grid leads, in rows from the bottom up.

    ``leads`` (n, n) has the number of the minimum that is reached, or why none is; ``cost`` (n, n) the evaluations that
    were spent; ``left`` (n, n) by how many powers of ten the end misses the target; ``minima`` the points reached so
    far, of which those beyond MINIMA count as one. ``targets`` are the error and the gradient's norm that count as
    reached (the former None where the minimum is unknown), and ``most`` is what 300 steps spend.
    """

    problem: Problem
    method: Runnable
    view: Window
    leads: Any
    cost: Any
    left: Any
    minima: tuple[tuple[float, float], ...]
    targets: tuple[float | None, float]
    most: int

    @property
    def image(self) -> Any:
        """The colour of each start in PALETTE, (200, 200)."""
        soon = np.log(np.maximum(self.cost, 1)) / math.log(max(self.most, 2))
        image = _shade(soon) + SHADES * np.clip(self.leads, 0, MINIMA).astype(np.uint8)
        image = np.where(self.leads == ON_THE_WAY, WAY + _shade(self.left / 8), image)
        image = np.where(self.leads == FAILED, STOPPED, image)
        image = np.where(self.leads == UNDEFINED, NOTHING, image)
        times = SIDE // len(image)
        image, leads = (np.repeat(np.repeat(a, times, 0), times, 1) for a in (image, self.leads))
        across = np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 8 < 3
        return np.where(leads == DIVERGED, np.where(across, STRIPE, BETWEEN), image).astype(np.uint8)

    @property
    def legend(self) -> str:
        """What the colours mean, in words, as HTML."""
        lines = []
        for k in range(min(len(self.minima), MINIMA + 1)):
            here = self.leads == k
            if here.any():
                soonest, latest = int(self.cost[here].min()), int(self.cost[here].max())
                what = self._named(k) if k < MINIMA else "elsewhere, where ∇f = 0"
                colours = PALETTE[SHADES * k : SHADES * (k + 1)]
                lines.append(_line(_gradient(colours), here, f"{what}, in {soonest:,} to {latest:,} evaluations"))
        others = (
            (ON_THE_WAY, _gradient(PALETTE[WAY : WAY + SHADES]), f"on the way after {STEPS} steps, dark is far"),
            (DIVERGED, _striped(), "diverged"),
            (FAILED, PALETTE[STOPPED], "could not go on"),
            (UNDEFINED, "#ffffff", "f is not finite there"),
        )
        lines += [_line(colour, here, words) for kind, colour, words in others if (here := self.leads == kind).any()]
        error, norm = self.targets
        reached = f"‖∇f‖ ≤ {norm:g}" if error is None else f"f − f* ≤ {error:g} or ‖∇f‖ ≤ {norm:g}"
        coarse = f", of {len(self.leads)} × {len(self.leads)} only" if len(self.leads) < SIDE else ""
        head = f"Where {STEPS} steps of <b>{escape(str(self.method))}</b> lead from each start{coarse}; light is soon"
        return f"{head}, reached is {reached}.<br>" + " ".join(lines)

    def _named(self, k: int) -> str:
        error = self.targets[0]
        w = np.array(self.minima[k])[:, None]
        f = float(self.problem.f(np.repeat(w, 2, axis=1))[0])
        place = f"({w[0, 0]:.3g}, {w[1, 0]:.3g})".replace("-", "−")
        if error is None or self.problem.f_star is None:
            return f"to {place}, f = {f:.3g}".replace("-", "−")
        missed = f - self.problem.f_star
        return f"to the minimum {place}" if missed <= error else f"to {place}, where f − f* = {missed:.3g}"


def where_they_lead(
    problem: Problem, method: Runnable, view: Window, minima: Sequence[tuple[float, float]] = ()
) -> Basins:
    """Where steps of a method lead from a grid of starts over a window of a problem with two parameters.

    ``minima`` are those that were found before, so that each keeps its number. A kernel takes the steps. Where
    it is slow, it takes those of fewer starts, and where there is none, so does NumPy. Raises InputError where even
    that takes too long, or where no run can be made.
    """
    if problem.x0.size != 2:
        raise InputError(f"{problem} has {problem.x0.size} parameters: basins are drawn where there are two")
    parts = (method.direction, method.rule) if isinstance(method, Joined) else (method,)
    kind = (type(problem.unchanged), *map(type, parts))
    for way in range(_way_of.get(kind, 0), len(WAYS)):
        side, engine = WAYS[way]
        try:
            basins = _lead(problem, method, view, side, minima, engine)
        except (TooSlowError, NoKernelError):
            if way + 1 == len(WAYS):
                raise
        else:
            _way_of[kind] = way
            return basins
    raise AssertionError


WAYS: tuple[tuple[int, Engine], ...] = ((SIDE, "kernel"), (COARSE, "kernel"), (COARSE, "numpy"))
"""How many starts side by side, and by which engine: the first way that there is, and that is quick enough."""

_way_of: dict[Any, int] = {}
"""The way of each kind of problem and method that was asked for."""


def starts(view: Window, side: int) -> Any:
    """The middles of a grid's cells over a window, (2, side · side), in rows from the bottom up."""
    middles = (np.arange(side) + 0.5) / side
    across, up = (low + (high - low) * middles for low, high in view)
    return np.stack(np.meshgrid(across, up)).reshape(2, -1)


def _lead(
    problem: Problem, method: Runnable, view: Window, side: int, minima: Sequence[tuple[float, float]], engine: Engine
) -> Basins:
    w = starts(view, side)
    with np.errstate(all="ignore"):
        f, g = problem.f(w), problem.grad(w)
        norms = np.sqrt((g * g).sum(axis=0))
        usable = np.isfinite(f) & np.isfinite(norms) & problem.within(w)
    if np.count_nonzero(usable) < 2:
        raise InputError(f"f is not finite in the window of {problem}")
    error = None if problem.f_star is None else _part(f[usable] - problem.f_star)
    norm = _part(norms[usable])
    everywhere = bool(usable.all())
    r = quickly(
        problem,
        method,
        start=w if everywhere else w[:, usable],
        steps=STEPS,
        budget=1_000_000,
        target=error,
        grad_target=norm,
        engine=engine,
    )
    leads, minima = _minima(problem, r, view, minima)
    used = r.evals[-1] if r.evals[-1].any() else r.fevals[-1]
    with np.errstate(all="ignore"):
        missed = r.gradient_norm[-1] / norm
        if error is not None:
            missed = np.minimum((r.f[-1] - problem.f_star) / error, missed)
        left = np.log10(missed)
    most = math.ceil(STEPS * float((used / np.maximum(r.steps, 1)).max()))

    def whole(values: Any, elsewhere: float) -> Any:
        if everywhere:
            return values.reshape(side, side)
        spread = np.full(side * side, elsewhere, dtype=values.dtype)
        spread[usable] = values
        return spread.reshape(side, side)

    spread = whole(leads, UNDEFINED), whole(used, 0), whole(left, math.nan)
    return Basins(problem, method, view, *spread, minima, (error, norm), most)


def _part(values: Any) -> float:
    """A small part of the median, rounded down to a power of ten."""
    middle = float(np.median(values))
    return 10.0 ** math.floor(math.log10(EXACTLY * middle)) if middle > 1e-290 else 1e-300


def _minima(
    problem: Problem, r: Result, view: Window, before: Sequence[tuple[float, float]]
) -> tuple[Any, tuple[tuple[float, float], ...]]:
    """The number of the minimum that each run reached, or why it reached none, (R,); and the minima."""
    x, size = r.x[-1], np.ptp(np.array(view), axis=1)
    leads = np.full(x.shape[1], ON_THE_WAY, dtype=np.int8)
    leads[r.status == "diverged"] = DIVERGED
    leads[r.status == "failed"] = FAILED
    known = [] if problem.x_star is None else np.reshape(problem.x_star, (2, -1)).T.tolist()
    minima: list[tuple[float, float]] = [*before] or [(w1, w2) for w1, w2 in known]
    waiting = np.flatnonzero(r.status == "converged")
    k = 0
    while waiting.size and k <= MINIMA:
        if k == len(minima):
            w1, w2 = x[:, waiting[np.argmin(r.f[-1, waiting])]].tolist()
            minima.append((w1, w2))
        away = np.abs((x[:, waiting] - np.array(minima[k])[:, None]) / size[:, None])
        near = (away <= NEAR).all(axis=0) if k < MINIMA else np.ones(waiting.size, dtype=bool)
        leads[waiting[near]] = k
        waiting = waiting[~near]
        k += 1
    return leads, tuple(minima)


# Colours --------------------------------------------------------------------------------------------------------------


def _shade(part: Any) -> Any:
    """A shade for each part of the whole, 0 to 1."""
    whole = np.clip(np.nan_to_num(part), 0, 1)
    return np.minimum(whole * SHADES, SHADES - 1).astype(np.uint8)


def _gradient(colours: Sequence[str]) -> str:
    return f"linear-gradient(90deg, {colours[0]}, {colours[-1]})"


def _striped() -> str:
    one, other = PALETTE[STRIPE], PALETTE[BETWEEN]
    return f"repeating-linear-gradient(135deg, {one} 0 3px, {other} 3px 8px)"


def _line(background: str, here: Any, words: str) -> str:
    part = 100 * float(here.mean())
    share = f"{part:.0f} %" if part >= 1 else "< 1 %"
    swatch = f'<span class="swatch" style="background: {background}"></span>'
    return f'<span class="kind">{swatch}{share} {escape(words)}</span>'
