"""Figures of claims: curves of their runs, their paths, or one number per run across a hyper-parameter."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from PIL import Image

from stepbench.engine.result import Result
from stepbench.options import DrawingOptions
from stepbench.report.curves import whole_ticks
from stepbench.report.landscape import draw_contours, window
from stepbench.report.plots import draw_trace
from stepbench.report.styles import COLOURS, DASHES, MARKERS, draw_grid, drawn_for, legend_outside
from stepbench.reproduce.claims import Across, Curves, Trace
from stepbench.reproduce.verdicts import Verdict

AXIS_NAMES = {
    "error": "error $f(w) - f^*$",
    "distance": r"distance $\|w - w^*\|$",
    "gradient_norm": r"$\|\nabla f(w)\|$",
    "f": "$f(w)$",
    "accuracy": "test accuracy",
    "evals": "gradient evaluations",
    "iteration": "iteration",
    "epoch": "epoch",
}

LEAP = 1e4
"""A number that is so many times the next smaller one is of a run that diverges."""

ROUNDING = 1e-18
"""Less than this part of what a curve begins with leaves the picture, as it does the papers'."""


def claim_png(verdict: Verdict) -> bytes:
    """The picture of a claim as a PNG file, in few colours, which makes it small."""
    file = io.BytesIO()
    with drawn_for(DrawingOptions(dpi=100)):
        claim_figure(verdict).savefig(file, format="png")
    small = io.BytesIO()
    Image.open(file).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def claim_figure(verdict: Verdict) -> Figure:
    """The pictures of a claim beside each other, in which every seed is drawn."""
    pictures = verdict.claim.pictures
    across = min(len(pictures), 3)
    down = -(-len(pictures) // across)
    figure = Figure(figsize=(7.5 if across == 1 else 4.5 * across, 4 * down), layout="constrained")
    every = figure.subplots(down, across, squeeze=False).ravel()
    for ax, picture in zip(every, pictures, strict=False):
        if isinstance(picture, Trace):
            _draw_trace(ax, verdict, picture)
            continue
        if isinstance(picture, Across):
            _draw_across(ax, verdict, picture)
        else:
            _draw_curves(ax, verdict, picture)
        draw_grid(ax)
    for ax in every[len(pictures) :]:
        ax.remove()
    named = {name: line for ax in every for line, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    legend_outside(figure, 4, handles=[*named.values()], labels=[*named])
    return figure


def _draw_trace(ax: Axes, verdict: Verdict, picture: Trace) -> None:
    run = verdict.results[0][picture.of]
    draw_contours(ax, run.problem, window([run]))
    draw_trace(ax, run, 0)
    ax.set_title(_name(picture.of), fontsize=10)


def _draw_curves(ax: Axes, verdict: Verdict, picture: Curves) -> None:
    keys = picture.only or tuple(verdict.results[0])
    for i, key in enumerate(keys):
        style: Any = {"color": COLOURS[i % len(COLOURS)], "ls": DASHES[(i + i // 8) % len(DASHES)], "lw": 1.5}
        for n, runs in enumerate(verdict.results):
            x, y = _curve(runs[key], picture)
            y = np.where(np.isfinite(y), y, np.nan)
            if picture.y == "step_size" and np.isfinite(y).sum() < 60:
                style |= {"marker": MARKERS[i % len(MARKERS)], "ms": 4, "lw": 0.8}
            elif picture.y == "step_size" and np.count_nonzero(np.diff(np.signbit(y))) > 20:
                style |= {"ls": "", "marker": ".", "ms": 2}  # a line would hide another's
            ax.plot(x, y, **style, label="" if n else _name(key))
    values = np.concatenate([_curve(runs[key], picture)[1] for runs in verdict.results for key in keys])
    finite = values[np.isfinite(values)]
    logarithmic = not picture.linear and picture.y != "accuracy"
    if logarithmic and (finite < 0).any():
        size = np.quantile(np.abs(finite[finite != 0]), 0.1)
        ax.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(size)))
        ax.axhline(0, color="black", lw=0.8)
    elif logarithmic:
        ax.set_yscale("log")
    if logarithmic and picture.y != "step_size":  # what vanishes or diverges leaves the picture
        start = max(float(getattr(runs[key], picture.y)[0]) for runs in verdict.results for key in keys)
        ax.set_ylim(max(ax.get_ylim()[0], ROUNDING * start), min(ax.get_ylim()[1], 1e3 * start))
    lengths = [_along(runs[key], picture)[-1] for runs in verdict.results for key in keys]
    if max(lengths) > 8 * min(lengths):  # else a run that is over at once would be a line on the axis
        ax.set_xscale("log")
    ax.set_ylabel(_quantity(picture, verdict.results[0][keys[0]]))
    free = picture.x == "evals" and all(runs[key].evals[-1] == 0 for runs in verdict.results for key in keys)
    ax.set_xlabel("function evaluations" if free else AXIS_NAMES[picture.x])
    whole_ticks(ax)


def _name(key: Any) -> str:
    return " ".join(map(str, key)).strip() if isinstance(key, tuple) else str(key)


def _top(values: Any) -> float:
    """How high an axis goes: what diverges leaves the picture, which is what is far above the next of the others."""
    ordered = np.sort(values)
    above = len(ordered) // 2
    leaps = np.flatnonzero(ordered[above + 1 :] > LEAP * ordered[above:-1])
    return float(30 * ordered[above + leaps[0]]) if leaps.size else math.inf


def _quantity(picture: Curves, run: Result) -> str:
    """What the curves are of; the f of a network is called its loss."""
    if picture.label:
        return picture.label
    if picture.y == "f" and run.accuracy is not None:
        return "training loss"
    component = "" if picture.component is None else f"({picture.component + 1})"
    return AXIS_NAMES.get(picture.y, f"step size α{component}")


def _curve(run: Result, picture: Curves) -> tuple[Any, Any]:
    y = getattr(run, picture.y)
    if picture.y == "step_size" and y.ndim == 2:
        y = y[:, picture.component or 0]
    return _along(run, picture), np.asarray(y, dtype=float)


def _along(run: Result, picture: Curves) -> Any:
    match picture.x:
        case "epoch":
            return run.iteration * run.problem.fraction
        case "evals":
            return run.cost  # evaluations of f, where a run asks for no gradient
    return getattr(run, picture.x)


def _draw_across(ax: Axes, verdict: Verdict, picture: Across) -> None:
    keys = tuple(verdict.results[0])
    for i, series in enumerate(dict.fromkeys(name for name, _ in keys)):
        places = sorted(x for name, x in keys if name == series)
        values = np.array([[picture.y(runs[series, x]) for x in places] for runs in verdict.results])
        values = np.where(np.isfinite(values), values, np.nan)
        style: Any = {"color": COLOURS[i % 8], "ls": DASHES[i % 8], "marker": MARKERS[i % 8]}
        with np.errstate(all="ignore"):
            middle = np.median(values, axis=0)  # NaN where a seed's run diverged
            low, high = values.min(axis=0), values.max(axis=0)
        ax.plot(places, middle, **style, label=series)
        ax.fill_between(places, low, high, color=style["color"], alpha=0.15, lw=0)
    xs = [x for _, x in keys]
    if min(xs) > 0 and max(xs) >= 20 * min(xs):
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())  # else the numbers between two powers of ten overlap
    shown = np.concatenate([line.get_ydata() for line in ax.lines])
    if np.nanmin(shown) > 0 and np.nanmax(shown) > 20 * np.nanmin(shown):
        ax.set_yscale("log")
        ax.set_ylim(top=min(ax.get_ylim()[1], _top(shown[np.isfinite(shown)])))
    ax.set_xlabel(picture.name)
    ax.set_ylabel(picture.label)
    if all(x == round(x) for x in xs):
        whole_ticks(ax)
    if (shown[np.isfinite(shown)] % 1 == 0).all():
        whole_ticks(ax, "y")
