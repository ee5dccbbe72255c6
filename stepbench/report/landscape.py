"""What lies under the paths of runs: the level lines of f, f of one variable, a plane through many, a surface."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LogNorm, Normalize
from matplotlib.ticker import MaxNLocator

from stepbench.arrays import Points
from stepbench.contracts import Problem, Window
from stepbench.engine.result import Result
from stepbench.options import Overlay
from stepbench.report.findings import ROUNDING
from stepbench.report.numbers import tick_name
from stepbench.report.paths import inside
from stepbench.report.styles import ground, in_points

READABLE = 20
"""How many times as far as they are from each other the starts and the minima may be from the edge of a window."""
SIDE = 240
"""Points along a side of the grid on which f is looked at."""
MOST_PARAMETERS = 1000
"""Of more parameters no plane is drawn: f at all the points of a grid would take too long."""
AT_ONCE = 4_000_000
"""Numbers in the points at which f is asked together."""
ROOM = 0.15
"""The margin of a window, as a part of what it shows."""
FLOW = 2_000
"""Steps of the solver of the gradient flow, at most."""


# What is drawn of paths: two coordinates --------------------------------------------------------------------------


@dataclass(frozen=True)
class Section(Problem):
    """A problem on a plane: f(a, b) = f(origin + a u + b v), where u and v are the columns of ``axes``."""

    whole: Problem
    origin: Any
    axes: Any
    share: float
    """The part of the paths' squared distances from the origin that lies in the plane."""

    @property
    def x0(self) -> Any:
        """The start, projected."""
        return self.flat(self.whole.x0[None])[0]

    def flat(self, x: Any) -> Any:
        """Points, (n, d), projected onto the plane, (n, 2)."""
        return (x - self.origin) @ self.axes

    def f(self, w: Points) -> Any:
        """The whole function at points of the plane, (2, R) -> (R,)."""
        parts = np.array_split(w, max(1, w.shape[1] * len(self.origin) // AT_ONCE), axis=1)
        return np.concatenate([self.whole.f(self._lifted(part)) for part in parts])

    def grad(self, w: Points) -> Any:
        """The part of its gradient that lies in the plane, (2, R)."""
        return self.axes.T @ self.whole.grad(self._lifted(w))

    def _lifted(self, w: Points) -> Any:
        return self.origin[:, None] + self.axes @ w

    @property
    def f_star(self) -> float | None:
        """The minimum of the whole function."""
        return self.whole.f_star

    @property
    def x_star(self) -> Any:
        """The origin, where it is a minimiser."""
        return None if self.whole.x_star is None else np.zeros(2)


def in_the_plane(results: Sequence[Result]) -> list[Result]:
    """The runs with paths of two coordinates; empty where they cannot be drawn so.

    Of two parameters these are the paths themselves. Of more, they are projected onto the plane through the minimiser,
    or the best point where that is unknown, that is spanned by the first two principal directions of the paths.
    """
    with_path = [r for r in results if r.x is not None]
    d = with_path[0].x.shape[1] if with_path else 0
    if d == 2:
        return with_path
    if not 2 < d <= MOST_PARAMETERS:
        return []
    whole = with_path[0].problem
    best = min(with_path, key=lambda r: float(np.min(r.value)))
    origin = best.x[np.argmin(best.value)]
    if whole.x_star is not None:
        stars = np.reshape(whole.x_star, (d, -1)).T
        origin = stars[np.argmin(((stars - origin) ** 2).sum(axis=1))]
    moved = np.concatenate([path[_thinned(len(path), 400)] for _, path in _kept(with_path)]) - origin
    _, sizes, directions = np.linalg.svd(moved, full_matrices=False)
    axes = directions[:2].T
    if sizes[1] <= 1e-12 * sizes[0]:  # a straight path through the origin: any other direction will do
        other = np.eye(d)[:, np.argmin(np.abs(axes[:, 0]))]
        other = other - axes[:, 0] * (axes[:, 0] @ other)
        axes = np.stack([axes[:, 0], other / np.linalg.norm(other)], axis=1)
    axes = axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)  # the same signs on every machine
    share = float((sizes[:2] ** 2).sum() / ((sizes**2).sum() or 1.0))
    section = Section(whole, origin, axes, share)
    return [dataclasses.replace(r, problem=section, x=section.flat(r.x)) for r in with_path]


def drawable(result: Result) -> bool:
    """Whether the run can be drawn on contours: it has two parameters."""
    return result.x is not None and bool(result.x.shape[1] == 2)


def _thinned(n: int, most: int) -> Any:
    return np.arange(n) if n <= most else np.unique(np.linspace(0, n - 1, most).astype(int))


def either_sign(results: Sequence[Result], curves: Sequence[Any]) -> bool:
    """Whether the axis must have room for values of either sign: nothing says that f stays above 0."""
    return results[0].error is None and any((curve <= 0).any() for curve in curves)


def largest_shown(curves: Sequence[Any], signed: bool) -> float:
    """The largest size that the axis has room for.

    It is a thousand times the start's, and a million times where values have either sign.
    """
    start = max(abs(float(curve[0])) for curve in curves)
    return (1e6 if signed else 1e3) * start if start > 1e-100 else math.inf


def _kept(results: Sequence[Result]) -> list[tuple[Result, Any]]:
    """The runs that count for a window, with what counts of their paths: all that do not explode, with all of theirs.

    Where all do, each counts until it leaves the axis of the errors.
    """
    curves = [r.value for r in results]
    most = largest_shown(curves, either_sign(results, curves))
    left = [np.logical_or.accumulate(~(np.abs(curve) <= most)) for curve in curves]
    ended = [(r, r.x) for r, gone in zip(results, left, strict=True) if not gone.any() and r.status != "diverged"]
    return ended or [(r, r.x[~gone]) for r, gone in zip(results, left, strict=True)]


def window(results: Sequence[Result]) -> Window:
    """What to draw of the plane: the problem's window, or where it has none, or a run starts outside, one of the paths.

    It holds the starts, the minima (the best point of each path where they are unknown), and of the paths all that is
    not so far away that these would be too close together to be told apart. A path that explodes makes no window: only
    those count whose curve stays on the axis of the errors; where none does, what is left of each until it leaves.
    """
    problem: Problem = results[0].problem
    if problem.view is not None and inside(problem.view, np.stack([r.x[0] for r in results])).all():
        return problem.view
    (left, bottom), (right, top) = (side.tolist() for side in _box(results))
    return (left, right), (bottom, top)


def _box(results: Sequence[Result]) -> tuple[Any, Any]:
    """The lower and the upper ends, (d,) each, of what ``window`` says."""
    star = results[0].problem.x_star
    starts, kept = np.stack([r.x[0] for r in results]), _kept(results)
    if star is None:
        ends = np.stack([path[np.argmin(r.f[: len(path)])] for r, path in kept])
    else:
        ends = np.reshape(star, (starts.shape[1], -1)).T
    core, points = np.concatenate([starts, ends]), np.concatenate([path for _, path in kept])
    away = np.abs(points - (core.min(axis=0) + core.max(axis=0)) / 2).max(axis=1)
    size = float(np.ptp(core, axis=0).max()) or float(away[away > 0][:1].sum())  # or the length of the first step
    points = np.concatenate([core, points[away <= READABLE * size]])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = ROOM * max(float((high - low).max()), 1e-3) + 0.05 * float(np.abs(points[0]).max())
    return low - margin, high + margin


def frame(ax: Axes) -> Window:
    """The window that the axes show."""
    return ax.get_xlim(), ax.get_ylim()


# The map of f -------------------------------------------------------------------------------------------------------


def _surveyed(problem: Problem, window: Window, side: int = SIDE) -> tuple[Any, Any, Any]:
    """A grid over the window, (side,) and (side,), and f on it, masked where it is not finite."""
    (left, right), (bottom, top) = window
    horizontal, vertical = np.linspace(left, right, side), np.linspace(bottom, top, side)
    points = np.stack(np.meshgrid(horizontal, vertical)).reshape(2, -1)
    with np.errstate(all="ignore"):
        return horizontal, vertical, np.ma.masked_invalid(problem.f(points).reshape(side, side))


def _scale(problem: Problem, values: Any) -> tuple[Any, float, float]:
    """f above its minimum, and the ends of its logarithmic scale.

    It begins with the lowest 0.02 % of the window's points: lower still, there is only a dot around the minimum.
    """
    values = values - problem.f_star
    above = values[values > 0].compressed()
    low, high = (np.quantile(above, 0.0002), above.max()) if above.size else (1.0, 1.0)
    return np.maximum(values, low), float(low), float(high)


def draw_contours(ax: Axes, problem: Problem, window: Window, side: int = SIDE) -> None:
    """The map of f over the window, low values light, with a few level lines that bear their values.

    Colours and lines go by the logarithm of f above its minimum; where that is unknown, by the part of the window that
    lies below.
    """
    (left, right), (bottom, top) = window
    horizontal, vertical, values = _surveyed(problem, window, side)
    norm: Normalize
    if problem.f_star is None:
        known = values.compressed()
        steps = np.unique(np.quantile(known, np.linspace(0, 1, 65))) if known.size else np.zeros(1)
        norm = BoundaryNorm(steps, 256) if steps.size > 1 else Normalize()
        levels = _round_levels(np.quantile(known, (0.03, 0.12, 0.3, 0.55, 0.8))) if known.size else np.empty(0)
    else:
        values, low, high = _scale(problem, values)
        norm, levels = LogNorm(low, max(high, low * 1.001)), _powers(low, high)
    ax.imshow(values, extent=(left, right, bottom, top), origin="lower", norm=norm, interpolation="bilinear", zorder=0)
    levels = levels[(levels > values.min()) & (levels < values.max())]
    if levels.size:
        size = in_points("legend.fontsize")
        ink = mpl.rcParams["text.color"]
        between = _between(levels, of_powers=problem.f_star is not None)
        every = np.unique(np.concatenate([levels, between]))
        widths = np.where(np.isin(every, levels), 0.07, 0.035) * size
        lines = ax.contour(horizontal, vertical, values, levels=every, colors=ink, linewidths=widths, alpha=0.5)
        lines.set(linestyle="solid", zorder=1)
        for text in ax.clabel(lines, levels, fmt=tick_name, fontsize=0.82 * size, inline_spacing=3):
            text.set(alpha=0.75, clip_on=True, in_layout=False)
    draw_minimisers(ax, problem)
    ax.set_aspect("equal")  # so that the gradient stands square on the level lines
    ax.set(xlim=(left, right), ylim=(bottom, top), **_axis_names(problem))


def _axis_names(problem: Problem) -> dict[str, str]:
    """What the axes of a map or a surface are called: the parameters, or directions in a plane through many."""
    names = ("direction 1", "direction 2") if isinstance(problem, Section) else ("$w_1$", "$w_2$")
    return dict(zip(("xlabel", "ylabel"), names, strict=True))


def _powers(low: float, high: float) -> Any:
    """At most six levels between two: powers of ten, or of 100, 1000 …; where these are few, 2 and 5 times them too."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    stride = max(1, math.ceil((last - first + 1) / 6))
    exponents = np.arange(last, first - 1, -stride)[::-1]
    if len(exponents) > 2:
        return 10.0**exponents
    fine = np.outer(10.0 ** np.arange(first - 1, last + 1), (1, 2, 5)).ravel()
    fine = fine[(fine > low) & (fine < high)]
    return fine[:: max(1, math.ceil(len(fine) / 6))]


def _between(levels: Any, *, of_powers: bool) -> Any:
    """A level between each two: their geometric mean, or where they are no powers, the arithmetic one."""
    return np.sqrt(levels[1:]) * np.sqrt(levels[:-1]) if of_powers else (levels[1:] + levels[:-1]) / 2


def _round_levels(levels: Any) -> Any:
    """Levels as numbers with two digits, each once, in order."""
    return np.unique([float(f"{level:.2g}") for level in levels])


def draw_level_lines(ax: Axes, problem: Problem, window: Window) -> None:
    """The level lines alone, eight thin ones, over another picture of the window.

    They are evenly spaced in the logarithm of f above its minimum; where that is unknown, so that an equal part of the
    window lies between any two.
    """
    horizontal, vertical, values = _surveyed(problem, window)
    if problem.f_star is None:
        levels = np.unique(np.quantile(values.compressed(), np.linspace(0, 1, 18)))
    else:
        values, low, high = _scale(problem, values)
        levels = np.unique(np.geomspace(low, high, 16))
    if levels.size > 1:
        ax.contour(horizontal, vertical, values, levels=levels[::2], colors="black", linewidths=0.4, alpha=0.35)
    draw_minimisers(ax, problem)


def draw_minimisers(ax: Axes, problem: Problem) -> None:
    """A star at each minimiser."""
    if problem.x_star is not None:
        look: Any = {"color": "#F0E442", "mec": "black", "mew": 0.8, "ms": 2.4 * mpl.rcParams["lines.markersize"]}
        ax.plot(*np.reshape(problem.x_star, (2, -1)), "*", zorder=8, ls="", label="minimum", **look)


# One variable -------------------------------------------------------------------------------------------------------


def draw_curve_of_f(ax: Axes, results: Sequence[Result]) -> None:
    """f of one variable, over the part of the line that the paths need."""
    problem: Problem = results[0].problem
    (left,), (right,) = _box(results)
    w = np.linspace(left, right, 1200)
    with np.errstate(all="ignore"):
        f = problem.f(w[None])
    ax.plot(w, f, color=mpl.rcParams["text.color"], lw=0.8 * mpl.rcParams["lines.linewidth"], zorder=2, label="f")
    finite = f[np.isfinite(f)]
    if finite.size:
        room = 0.06 * (float(np.ptp(finite)) or 1.0)
        ax.set_ylim(float(finite.min()) - room, float(finite.max()) + room)
    if problem.x_star is not None:
        stars = np.ravel(problem.x_star)
        look: Any = {"color": "#F0E442", "mec": "black", "mew": 0.8, "ms": 2.4 * mpl.rcParams["lines.markersize"]}
        ax.plot(stars, problem.f(stars[None]), "*", ls="", zorder=6, label="minimum", **look)
    ax.set(xlim=(left, right), xlabel="$w$", ylabel="$f(w)$")


# Over the map -------------------------------------------------------------------------------------------------------


def draw_overlay(ax: Axes, overlay: Overlay, results: Sequence[Result], whole: Sequence[Result]) -> str:
    """Draw −∇f, the gradient flow from the start, or the quadratic model there; returns what it is, in words.

    ``results`` are the runs in the plane, and ``whole`` the same with all their parameters.
    """
    view = frame(ax)
    match overlay:
        case "gradient":
            return _draw_gradients(ax, results[0].problem, view)
        case "flow":
            return _draw_flow(ax, results[0].problem, whole[0])
    return _draw_model(ax, results[0].problem, results[0].x[0], view)


def _draw_gradients(ax: Axes, problem: Problem, view: Window) -> str:
    """Arrows of one length; longer steps would hide the rest, and the map says how steep it is."""
    (left, right), (bottom, top) = view
    across, down = 15, min(60, max(3, round(15 * (top - bottom) / (right - left))))
    x, y = np.meshgrid(
        left + (right - left) * (np.arange(across) + 0.5) / across,
        bottom + (top - bottom) * (np.arange(down) + 0.5) / down,
    )
    with np.errstate(all="ignore"):
        g = problem.grad(np.stack([x.ravel(), y.ravel()]))
        way = -g / np.linalg.norm(g, axis=0)
    ink = mpl.rcParams["text.color"]
    ax.quiver(x.ravel(), y.ravel(), *way, color=ink, alpha=0.5, scale=1.5 * across, width=0.0022, pivot="mid", zorder=2)
    return "arrows: −∇f, all of one length"


def _draw_flow(ax: Axes, problem: Problem, whole: Result) -> str:
    """The solution of ẇ = −∇f(w) from the start, by a solver for stiff equations, until it hardly moves.

    Along a kink, and where f falls for ever, the solver comes no farther: then it ends after ``FLOW`` steps.
    """
    from scipy.integrate import LSODA

    function: Problem = whole.problem

    def speed(_: float, w: Any) -> Any:
        return -function.grad(np.repeat(w[:, None], 2, axis=1))[:, 0]

    start = whole.x[0]
    pace = float(np.linalg.norm(speed(0, start))) or 1.0
    solver = LSODA(speed, 0.0, start, 1e9 / pace, rtol=1e-7, atol=1e-10)
    points = [start]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LSODA's own, where it can go no farther
        while solver.status == "running" and len(points) <= FLOW:
            solver.step()
            points.append(solver.y.copy())
            if np.linalg.norm(speed(0, solver.y)) <= 1e-9 * pace:
                break
    path = np.array(points)
    path = problem.flat(path) if isinstance(problem, Section) else path
    look: Any = {"color": mpl.rcParams["text.color"], "lw": 0.8 * mpl.rcParams["lines.linewidth"], "ls": (0, (1, 1.2))}
    ax.plot(*path.T, zorder=3, label="gradient flow", **look)
    far = f", as far as {FLOW:,} steps of its solver lead" if len(points) > FLOW else ""
    return f"dotted: gradient flow from the start{far}"


def _draw_model(ax: Axes, problem: Problem, start: Any, view: Window) -> str:
    """Level lines of f(w₀) + g·(w − w₀) + ½ (w − w₀)·H(w − w₀), and its lowest point, where it has one."""
    two = np.repeat(start[:, None], 2, axis=1)
    f, g, H = problem.f(two)[0], problem.grad(two)[:, 0], problem.hessian(two)[:, :, 0]
    (left, right), (bottom, top) = view
    x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    away = np.stack([x - start[0], y - start[1]])
    model = f + np.einsum("i,ijk->jk", g, away) + 0.5 * np.einsum("ijk,il,ljk->jk", away, H, away)
    ink = mpl.rcParams["text.color"]
    least, *_, most = np.linalg.eigvalsh(H).tolist()
    curved = least > 0
    low = f - 0.5 * float(g @ np.linalg.solve(H, g)) if curved else float(model.min())
    levels = np.unique(low + (f - low) * np.array([0.05, 0.25, 0.6, 1.0, 1.7]))
    lines = ax.contour(x, y, model, levels=levels, colors=ink, linewidths=0.6 * mpl.rcParams["lines.linewidth"])
    lines.set(linestyle="dashed", alpha=0.7, zorder=2)
    if curved:
        ax.plot(*(start - np.linalg.solve(H, g)), "+", color=ink, ms=2 * mpl.rcParams["lines.markersize"], zorder=5)
        return "dashed: the quadratic model at the start, lowest at +"
    kind = "a saddle" if least < 0 < most else "which opens downward" if least < 0 else "flat along a line"
    return f"dashed: the quadratic model at the start, {kind if least or most else 'a plane'}"


# A surface ----------------------------------------------------------------------------------------------------------


def draw_surface(ax: Any, results: Sequence[Result], view: Window, colours: Sequence[str]) -> None:
    """f as a surface, with the paths upon it; where the minimum is known, the height is the logarithm of f above it."""
    problem: Problem = results[0].problem
    horizontal, vertical, values = _surveyed(problem, view, 120)
    if problem.f_star is None:
        low, name = -math.inf, "f"
    else:
        _, low, _ = _scale(problem, values)
        start = max(float(r.f[0]) for r in results) - problem.f_star
        low = max(low, ROUNDING * start)
        name = r"$\log_{10}(f - f^*)$"

    def height(f: Any) -> Any:
        return f if problem.f_star is None else np.log10(np.maximum(f - problem.f_star, low))

    x, y = np.meshgrid(horizontal, vertical)
    z = height(np.ma.filled(values, np.nan))
    ax.computed_zorder = False
    ax.plot_surface(x, y, z, cmap=mpl.rcParams["image.cmap"], rcount=120, ccount=120, lw=0, antialiased=True, zorder=0)
    for r, colour in zip(results, colours, strict=True):
        seen = inside(view, r.x)
        with np.errstate(all="ignore"):
            on = np.where(seen, height(r.f), np.nan)
        path = np.where(seen[:, None], r.x, np.nan)
        size = mpl.rcParams["lines.markersize"]
        ax.plot(*path.T, on, color=colour, lw=mpl.rcParams["lines.linewidth"], zorder=3)
        ax.plot(*path[:1].T, on[:1], "o", color=ground(), mec=mpl.rcParams["text.color"], ms=1.6 * size, zorder=5)
    ax.set(xlim=view[0], ylim=view[1], zlabel=name, **_axis_names(problem))
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_pane_color((0, 0, 0, 0))
    ax.set_box_aspect((1, 1, 0.7), zoom=1.15)
    ax.view_init(elev=38, azim=-60)
