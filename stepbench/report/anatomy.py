"""An autopsy in words, in a table and in a figure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich import box
from rich.text import Text

from stepbench.autopsy import Autopsy, Cause, Span, values
from stepbench.engine.result import Result
from stepbench.report.literal import Table
from stepbench.report.plots import COLOURS, outcome_line
from stepbench.report.study_tables import counted
from stepbench.report.tables import STYLES, number

SHADES = {
    "lost": "#C8102E",
    "jump": "#C8102E",
    "stalled": "#E69F00",
    "rounding": "#009E73",
    "falling": "#56B4E9",
    "slowest": "#56B4E9",
}
NAMES = {
    "lost": "lost",
    "jump": "a jump",
    "stalled": "stalled",
    "rounding": "only rounding is left",
    "falling": "still falling",
    "slowest": "took longest",
}


def story(autopsy: Autopsy) -> str:
    """What happened, in sentences: a paragraph a span, the path's step sizes, and what did better."""
    result = autopsy.result
    paragraphs = [
        " ".join([_head(autopsy, span), *(_cause(autopsy, cause) for cause in span.causes)]) for span in autopsy.spans
    ]
    for k, span in enumerate(autopsy.spans):
        if span.kind in ("stalled", "falling") and not span.causes:
            paragraphs[k] += " None of the causes that are looked for shows in its numbers."
    if not any(span.kind in ("lost", "jump", "stalled") for span in autopsy.spans) and result.status == "converged":
        paragraphs.insert(
            0, "Nothing went wrong." if result.steps else "The start meets the target: there was nothing to do."
        )
    if result.status == "failed":
        paragraphs.insert(0, f"Failed: {result.detail}.")
    if path := _path(autopsy):
        paragraphs.append(path)
    return "\n\n".join(paragraphs)


def _size(autopsy: Autopsy) -> str:
    return "step size" if autopsy.plain else "effective step ‖Δw‖/‖∇f‖"


def _measure(autopsy: Autopsy) -> str:
    return "f" if autopsy.result.error is None else "error"


def _the(autopsy: Autopsy) -> str:
    return "f" if autopsy.result.error is None else "the error"


def _head(autopsy: Autopsy, span: Span) -> str:
    """What kind of span it is, with its ends."""
    result, told, measure = autopsy.result, span.numbers, _the(autopsy)
    before, after, least = (number(told[key]) for key in ("before", "after", "least"))
    of_run = f"{(span.last - span.first) / max(result.steps, 1):.0%} of the run"
    to = "the end" if span.last == result.steps else f"step {span.last:,}"
    if span.kind == "lost":
        word = "Diverged" if result.status == "diverged" else "Lost"
        when = f"least after step {span.first:,}, {before}" if span.first else f"{before} at the start"
        end = result.detail if result.status == "diverged" else f"it is {after} at the end"
        return f"{word}: {measure} was {when}, and never so small again; {end}."
    if span.kind == "jump":
        mended = "later steps made it good" if told["mended"] else "it never came back to where it had been"
        rise = f"to {after}, {_Amount(told['factor']):×} times what it had been at most in a while"
        return f"A jump: step {span.last:,} raised {measure} {rise}; {mended}."
    if span.kind == "stalled" and told["after"] > 10 * abs(told["before"]):
        return f"No better from step {span.first:,} to {to}, {of_run}: {measure} was about {before}, and then {after}."
    if span.kind == "stalled":
        return f"Stalled from step {span.first:,} to {to}, {of_run}: {measure} went from about {before} to {after}."
    if span.kind == "rounding":
        return f"From step {span.first:,} on there was nothing left to gain: {measure}, {least}, is rounding."
    if span.kind == "falling":
        pace = f"went from about {before} to {after}"
        if "decade" in told:
            pace = f"fell from about {before} to {after}, a factor of ten in {_Amount(told['decade']):×} steps"
        return f"Out of budget. In the second half of the run, from step {span.first:,}, {measure} {pace}."
    spent = f"{told['cost']:,.0f} of {result.cost[-1]:,} evaluations"
    where = f"from step {span.first:,} to step {span.last:,}"
    return f"What took longest: {spent} brought {measure} from {before} to {after}, {where}."


class _Amount(float):
    """A number that a sentence shows as tables do, or with ``:×`` as a multiple."""

    def __format__(self, spec: str) -> str:
        if spec == "×":
            return f"{float(self):,.0f}" if self >= 100 else f"{float(self):.3g}"
        return float.__format__(self, spec) if spec else number(self)


def _cause(autopsy: Autopsy, cause: Cause) -> str:
    """A cause in a sentence."""
    amounts = {key: _Amount(value) for key, value in cause.numbers.items()}
    words = WORDS[cause.kind]
    return " ".join(
        part.format(size=_size(autopsy), **amounts) for part in (words(amounts) if callable(words) else [words])
    )


def _limit(n: dict[str, _Amount]) -> list[str]:
    if n["times"] > 1:
        return [
            "There the {size} was {now}, {times:×} times as long as 2/λmax = {limit}, above which a step along the",
            "steepest direction ends higher than it began, to second order.",
        ]
    return ["There the {size} was {now}, below 2/λmax = {limit}: its length alone does not explain it."]


def _told(n: dict[str, _Amount]) -> list[str]:
    above = "it stops gaining where f is at that value, and below it turns round"
    below = "it aims below what there is, and its steps stay long near the minimum"
    return [
        "It was told f* = {told}, but the minimum is {f_star}:",
        (above if n["told"] > n["f_star"] else below) + ".",
    ]


def _valley(n: dict[str, _Amount]) -> list[str]:
    own = "no plain step may be longer than 2/λmax, and its own is {part:.2g} of that"
    return [
        "It moves along a valley, {times:×} times flatter along its way than across; across,",
        (own if n["part"] <= 1 else "its step is {part:.2g} times 2/λmax") + ".",
    ]


def _hovers(n: dict[str, _Amount]) -> list[str]:
    left = "" if math.isnan(n["left"]) else ", {left:×} times the distance that is left"
    return ["It hovers: {part:.0%} of the steps raise the error, and a step is {length} long" + left + "."]


WORDS: dict[str, str | Callable[[dict[str, _Amount]], list[str]]] = {
    "limit": _limit,
    "uphill": "Its step size was negative, {now}: it went up the gradient.",
    "overshoots": "Along its direction a step {times:×} times shorter was best.",
    "told": _told,
    "still": "At {part:.0%} of the steps looked at, w did not move at all.",
    "negative": "At {part:.0%} of the steps looked at it went up the gradient: its step size was below 0.",
    "climbs": "At {part:.0%} of the steps looked at, w moved up the gradient.",
    "shrank": "The {size} had fallen from {before} at step {step:,.0f} to about {after}.",
    "short": "The {size}, {now} in the middle, is {times:×} times below 1/λmax = {stable}.",
    "valley": _valley,
    "longer": "Along the way it took, a step {times:×} times as long was best.",
    "walls": "It bounces between walls: the gradient along the steepest direction changes its sign at {part:.0%} of "
    "the steps, {wall:.0%} of the error lies across, and the step is {times:.3g} of 2/λmax.",
    "flat": "It is flat there: the gradient, {gradient}, followed all the way to the minimum would account for "
    "{part:.0%} of the error.",
    "faint": "The gradient is small there, {gradient}, where it was up to {most}: it is flat, or near a minimum.",
    "hovers": _hovers,
    "noise": "The noise in what it sees, {noise}, is larger than the gradient, {gradient}.",
}
"""Each cause in words; ``size`` is what the size of a step is called here."""


def _path(autopsy: Autopsy) -> str:
    """The step sizes along the whole path, against 2/λmax."""
    steps = autopsy.steps
    known = np.isfinite(steps.size) & (steps.steepest > 0)
    if not known.any():
        computed = np.isfinite(steps.steepest).any() or not steps.size.size
        return "" if computed else "Its curvature was not computed: the function is too large, or has kinks."
    size, times = np.abs(steps.size[known]), np.abs(steps.size[known]) * steps.steepest[known] / 2
    low, high = (number(float(end)) for end in (size.min(), size.max()))
    span = low if low == high else f"{low} to {high}"
    return (
        f"Along the path, at {counted(int(known.sum()), 'step')}: the {_size(autopsy)} was {span}, in the middle "
        f"{float(np.median(times)):.2g} of 2/λmax, and above it at {float((times > 1).mean()):.0%} of them."
    )


def pasted(autopsy: Autopsy, result: Result) -> str:
    """The command that makes a run of the autopsy again."""
    options = dict(autopsy.options)
    if (start := options.pop("start", None)) is not None:
        options["start"] = ",".join(f"{w:.17g}" for w in start)
    asked = [
        f"--{key}={value:g}" if isinstance(value, float) else f"--{key}={value}"
        for key, value in options.items()
        if value
    ]
    return shlex.join(["stepbench", "run", str(autopsy.result.problem), "--method", result.label, *asked])


def advice(autopsy: Autopsy, most: int = 3) -> list[str]:
    """What would have helped, as commands; each was run."""
    if not autopsy.helped:
        return ["nothing that was tried did better"]
    return [pasted(autopsy, r) for r in autopsy.helped[:most]]


def tried_table(autopsy: Autopsy) -> Table:
    """The run, and what was tried in its place, the best first."""
    table = Table(
        title="Tried on the same terms", box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title_style="bold"
    )
    table.add_column("method", overflow="fold")
    for heading in (_measure(autopsy), "∇f evals"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("", no_wrap=True)
    helped = {id(r) for r in autopsy.helped}
    for r in (autopsy.result, *autopsy.tried):
        own = r is autopsy.result
        note = "this run" if own else "better" if id(r) in helped else ""
        cells = (r.label, number(float(values(r)[-1])), f"{r.evals[-1]:,}")
        table.add_row(
            *(Text(cell, style="bold" if own else "") for cell in cells), Text(r.status, style=STYLES[r.status]), note
        )
    return table


def anatomy_figure(autopsy: Autopsy) -> Figure:
    """The step sizes against what the surface would have allowed, and the error below, with the spans shaded."""
    result, steps = autopsy.result, autopsy.steps
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    at = result.iteration[steps.record] + 1
    _draw_sizes(top, autopsy, at)
    _draw_value(bottom, autopsy)
    for span in autopsy.spans:
        for ax in (top, bottom):
            ax.axvspan(
                span.first,
                max(span.last, span.first + 1),
                color=SHADES[span.kind],
                alpha=0.5 if span.kind == "jump" else 0.13,
                lw=0,
            )
        middle = 0.5 * (span.first + span.last)
        bottom.annotate(
            NAMES[span.kind],
            (middle, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=9,
            color="#333333",
        )
    if result.steps > 100 and any(0 < span.first < result.steps / 20 for span in autopsy.spans):
        bottom.set_xscale("symlog", linthresh=10)
    elif result.steps < 100:
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    bottom.set_xlim(0, max(result.steps, 1))
    bottom.set_xlabel("iteration")
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    figure.suptitle(f"{result.label} on {result.problem}\n{outcome_line(result)}", fontsize=12)
    return figure


def _draw_sizes(ax: Axes, autopsy: Autopsy, at: Any) -> None:
    steps = autopsy.steps
    stable = 1 / np.where(steps.steepest > 0, steps.steepest, math.nan)
    lines: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        (2 * stable, "2/λmax: beyond it the steepest direction grows", {"color": "#C8102E", "lw": 1.6}),
        (stable, "1/λmax", {"color": "#C8102E", "lw": 1.2, "ls": (0, (4, 2))}),
        (steps.line, "best along its direction", {"color": COLOURS[2], "ls": "", "marker": ".", "ms": 4}),
        (steps.polyak, "Polyak's step, (f − f*)/‖∇f‖²", {"color": COLOURS[3], "lw": 1, "ls": (0, (1, 1))}),
    )
    for amounts, name, style in lines:
        if (np.isfinite(amounts) & (amounts > 0)).any():
            ax.plot(at, np.where(amounts > 0, amounts, math.nan), label=name, **style)
    size = np.abs(steps.size)
    shown = np.where(size > 0, size, math.nan)
    name = "step size α" if autopsy.plain else "effective step, ‖Δw‖/‖∇f‖"
    ax.plot(at, shown, color=COLOURS[0], lw=2, label=name, zorder=4)
    if (steps.size < 0).any():
        ax.plot(at[steps.size < 0], shown[steps.size < 0], "v", color="black", ms=4, label="up the gradient", zorder=5)
    around = np.concatenate([shown, stable, steps.line])
    around = around[np.isfinite(around) & (around > 0)]
    if around.size:
        low, high = np.quantile(around, (0.01, 0.99))
        own = shown[np.isfinite(shown)]
        low, high = (min(low, *own), max(high, *own)) if own.size else (low, high)
        ax.set_ylim(low / 3, min(high * 3, 1e300))
    ax.set_yscale("log")
    ax.set_ylabel("size of a step")
    ax.grid(color="#dddddd", lw=0.6)


def _draw_value(ax: Axes, autopsy: Autopsy) -> None:
    result = autopsy.result
    value = values(result)
    if (value[np.isfinite(value)] > 0).any() and (value >= 0).all():
        ax.set_yscale("log")
        shown = np.where((value > 0) & (value < 1e290), value, math.nan)
        top = 1e6 * max(float(value[0]), 1e-300)
        ax.plot(result.iteration, shown, color=COLOURS[0], lw=1.8)
        if np.nanmax(shown) > top:
            ax.set_ylim(np.nanmin(shown) / 3, top)
    else:
        ax.plot(result.iteration, value, color=COLOURS[0], lw=1.8)
    ax.set_ylabel("$f(w)$" if result.error is None else "$f(w) - f^*$")
    ax.grid(color="#dddddd", lw=0.6)
