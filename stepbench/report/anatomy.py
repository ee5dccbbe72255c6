"""An autopsy in words, in a table and in a figure."""

from __future__ import annotations

import math
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.text import Text

from stepbench.autopsy import Autopsy, Cause, Span, steps_between
from stepbench.engine.result import Result
from stepbench.report.curves import whole_ticks
from stepbench.report.findings import finding
from stepbench.report.literal import Table
from stepbench.report.numbers import counted, multiple, number
from stepbench.report.paths import one_step_each
from stepbench.report.styles import colour, draw_grid, entitle, in_points, is_wide, legend_outside
from stepbench.report.tables import STYLES, pasted, titled

SPAN_COLOURS = {
    "lost": "#C8102E",
    "undone": "#C8102E",
    "unbounded": "#C8102E",
    "jump": "#C8102E",
    "rise": "#C8102E",
    "stalled": "#E69F00",
    "rounding": "#009E73",
    "falling": "#56B4E9",
    "slowest": "#56B4E9",
}
SPAN_NAMES = {
    "lost": "lost",
    "undone": "undone",
    "unbounded": "without bound",
    "jump": "a jump",
    "rise": "a rise",
    "stalled": "stalled",
    "rounding": "only rounding is left",
    "falling": "still falling",
    "slowest": "took longest",
}


def story(autopsy: Autopsy) -> str:
    """What happened, in sentences: a paragraph per span, and one on the step sizes along the whole path."""
    result = autopsy.result
    paragraphs = []
    if result.status == "failed":
        paragraphs.append(f"Failed: {result.detail}.")
    elif result.status == "converged":
        paragraphs.append(_success(autopsy))
    elif not result.steps:
        paragraphs.append(f"No step was recorded: {result.detail}.")
    for span in autopsy.spans:
        sentences = [_head(autopsy, span), *(_cause(cause, _size(autopsy)) for cause in span.causes)]
        if span.numbers.get("falls"):
            spent = "steps were" if result.detail == "steps spent" else "budget was"
            sentences.append(f"It was still falling when the {spent} spent.")
        if span.kind in ("stalled", "falling") and not span.causes:
            sentences.append("None of the causes that are looked for shows in its numbers.")
        paragraphs.append(" ".join(sentences))
    if path := _path(autopsy):
        paragraphs.append(path)
    if (between := steps_between(result)) > 1:
        paragraphs.append(
            f"Only one record in {between:,} steps was kept: what happened between two of them was not seen, nor how "
            "long single steps were and where they led. Curvatures are those at the recorded points."
        )
    return "\n\n".join(paragraphs)


def _success(autopsy: Autopsy) -> str:
    """That the run met its target, and when."""
    result = autopsy.result
    if not result.steps:
        return "The start meets the target: there was nothing to do."
    met = f"It stopped at step {result.steps:,}, {result.detail}."
    if result.detail == "target met":
        met = f"The error met the target, {number(result.target or 0.0)}, at step {result.steps:,}."
    elif result.detail == "gradient target met":
        met = f"The gradient met the target, {number(result.grad_target or 0.0)}, at step {result.steps:,}."
    went_wrong = any(span.kind in ("jump", "rise", "stalled") for span in autopsy.spans)
    return met if went_wrong else f"Nothing went wrong. {met}"


def _size(autopsy: Autopsy) -> str:
    """What the size of a step is called: the step size only where every step is one number times the gradient."""
    return "step size" if autopsy.plain else "effective step ‖Δw‖/‖∇f‖"


def _head(autopsy: Autopsy, span: Span) -> str:
    """What kind of span it is, with its ends."""
    result, amounts = autopsy.result, span.numbers
    measure = "f" if result.error is None else "the error"
    before, after, least = (number(amounts[key]) for key in ("before", "after", "least"))
    of_run = f"{(span.last - span.first) / max(result.steps, 1):.0%} of the run"
    end = "the end" if span.last == result.steps else f"step {span.last:,}"
    match span.kind:
        case "lost":
            when = f"least after step {span.first:,}, {before}" if span.first else f"{before} at the start"
            lowest = f"{measure} was {when}, and never so small again"
            if result.status == "diverged":
                return f"Diverged: {lowest}; {result.detail}."
            return f"Lost: {lowest}; it is {after} at the end."
        case "undone":
            return (
                f"Undone: {measure} was least after step {span.first:,}, {before}; after step {amounts['left']:,.0f} "
                f"it rose, and it is {after} at the end."
            )
        case "unbounded":
            how = f"Diverged, {result.detail}: f" if result.status == "diverged" else "f"
            return (
                f"{how} falls without bound. It fell from {before} at the start to {after} at {end}, and on along its "
                f"way it falls to {number(amounts['f'])} at a distance of {number(amounts['far'])}: there is no "
                "minimum to reach."
            )
        case "jump":
            times = multiple(amounts["factor"])
            step = f"step {span.last:,}"
            if span.last > span.first + 1:
                step = f"between step {span.first:,} and step {span.last:,} something"
            rise = f"raised {measure} to {after}, {times} times what it had been at most in a while"
            if amounts["mended"]:
                return f"A jump: {step} {rise}; later steps made it good."
            return f"A jump: {step} {rise}; it never came back to where it had been."
        case "rise":
            level, most = number(amounts["level"]), number(amounts["most"])
            times = "" if result.error is None else f", {multiple(amounts['most'] / amounts['level'])} times as large"
            return (
                f"A rise: after step {span.first:,} {measure} rose from at most {level}, which it had held, to {most} "
                f"at step {amounts['at']:,.0f}{times}; it was back at step {span.last:,}."
            )
        case "stalled" if amounts["after"] > 10 * abs(amounts["before"]):
            when = f"from step {span.first:,} to {end}, {of_run}"
            return f"No better {when}: {measure} was about {before}, and then {after}."
        case "stalled" if amounts["before"] == amounts["after"]:
            return f"Stalled from step {span.first:,} to {end}, {of_run}: {measure} stayed at {before}."
        case "stalled":
            return (
                f"Stalled from step {span.first:,} to {end}, {of_run}: {measure} went from about {before} to {after}."
            )
        case "rounding":
            return f"From step {span.first:,} on there was nothing left to gain: {measure}, {least}, is rounding."
        case "falling":
            pace = f"went from about {before} to {after}"
            if "decade" in amounts:
                pace = f"fell from about {before} to {after}, a factor of ten in {multiple(amounts['decade'])} steps"
            spent = "steps" if result.detail == "steps spent" else "budget"
            return f"Out of {spent}. In the second half of the run, from step {span.first:,}, {measure} {pace}."
    spent = f"{amounts['cost']:,.0f} of {result.cost[-1]:,} evaluations"
    return (
        f"What took longest: {spent} brought {measure} from {before} to {after}, from step {span.first:,} to step "
        f"{span.last:,}."
    )


def _cause(cause: Cause, size: str) -> str:
    """A cause in a sentence; ``size`` is what the size of a step is called."""
    n = cause.numbers
    match cause.kind:
        case "limit" if n["times"] > 1:
            return (
                f"At step {n['step']:,.0f} the {size} was {number(n['now'])}, {multiple(n['times'])} times as long as "
                f"2/λmax = {number(n['limit'])}, above which a step along the steepest direction ends higher than it "
                "began, to second order."
            )
        case "limit":
            return (
                f"At step {n['step']:,.0f} the {size} was {number(n['now'])}, below 2/λmax = {number(n['limit'])}: its "
                "length alone does not explain it."
            )
        case "uphill":
            return f"At step {n['step']:,.0f} the {size} was negative, {number(n['now'])}: it went up the gradient."
        case "overshoots":
            return f"Along the direction of step {n['step']:,.0f} one {multiple(n['times'])} times shorter was best."
        case "unbounded" | "infinity" | "declared":
            return _onward(cause)
        case "saddle" | "maximum" | "minimum" | "zero":
            return _place(cause)
        case "told":
            what_follows = "it aims below what there is, and its steps stay long near the minimum"
            if n["told"] > n["f_star"]:
                what_follows = "it stops gaining where f is at that value, and below it turns round"
            return f"It was told f* = {number(n['told'])}, but the minimum is {number(n['f_star'])}: {what_follows}."
        case "still":
            return f"At {n['part']:.0%} of the steps looked at, w did not move at all."
        case "negative":
            return f"At {n['part']:.0%} of the steps looked at it went up the gradient: its step size was below 0."
        case "climbs":
            return f"At {n['part']:.0%} of the steps looked at, w moved up the gradient."
        case "shrank":
            return (
                f"The {size} had fallen from {number(n['before'])} at step {n['step']:,.0f} to about "
                f"{number(n['after'])}."
            )
        case "short":
            return (
                f"The {size}, {number(n['now'])} in the middle, is {multiple(n['times'])} times below "
                f"1/λmax = {number(n['stable'])}."
            )
        case "valley":
            step = f"its step is {n['part']:.2g} times 2/λmax"
            if n["part"] <= 1:
                step = f"no plain step may be longer than 2/λmax, and its own is {n['part']:.2g} of that"
            return (
                f"It moves along a valley, {multiple(n['times'])} times flatter along its way than across; across, "
                f"{step}."
            )
        case "longer":
            return f"Along the way it took, a step {multiple(n['times'])} times as long was best."
        case "walls":
            return (
                "It bounces between walls: the gradient along the steepest direction changes its sign at "
                f"{n['part']:.0%} of the steps, {n['wall']:.0%} of the error lies across, and the step is "
                f"{n['times']:.3g} of 2/λmax."
            )
        case "flat":
            return (
                f"It is flat there: the gradient, {number(n['gradient'])}, followed all the way to the minimum would "
                f"account for {n['part']:.0%} of the error."
            )
        case "faint":
            return (
                f"The gradient is small there, {number(n['gradient'])}, where it was up to {number(n['most'])}: it is "
                "flat, or near a minimum."
            )
        case "hovers":
            beside = "" if math.isnan(n["left"]) else f", {multiple(n['left'])} times the distance that is left"
            why = "what it sees is noisy" if n["noisy"] else "its steps are too long to come nearer"
            if math.isnan(n["length"]):
                return (
                    f"It hovers around a minimum, since {why}: f is higher than one record before at {n['part']:.0%}."
                )
            return (
                f"It hovers around a minimum, since {why}: {n['part']:.0%} of the steps go up, and one in the middle "
                f"is {number(n['length'])} long{beside}."
            )
        case "noise":
            return (
                f"The noise in what it sees, {number(n['noise'])}, is larger than the gradient, "
                f"{number(n['gradient'])}."
            )
    raise ValueError(f"no words for the cause {cause.kind}")


def _onward(cause: Cause) -> str:
    """What f does further along the way of the run."""
    n = cause.numbers
    where = f"{number(n['f'])} at a distance of {number(n['far'])}"
    match cause.kind:
        case "unbounded":
            return f"f falls without bound on along its way, to {where}: there is no minimum to reach."
        case "infinity":
            return (
                f"Its minimum is at infinity: on along its way f falls, less and less, as far as is looked, to {where}."
            )
    return (
        f"The problem declares f* = {number(n['f_star'])}, but on along its way f falls below that, to {where}: "
        "correct f_star."
    )


def _place(cause: Cause) -> str:
    """At what kind of point the gradient is 0."""
    n = cause.numbers
    gradient = "exactly 0" if n["gradient"] == 0 else f"nearly 0, {number(n['gradient'])},"
    there = f"the gradient is {gradient} after step {n['step']:,.0f}"
    low, high = number(n["low"]), number(n["high"])
    eigenvalues = f"the Hessian's eigenvalues {f'are {low}' if low == high else f'go from {low} to {high}'}"
    match cause.kind:
        case "saddle":
            return f"It stands at a saddle: {there}, and {eigenvalues}, of both signs."
        case "maximum":
            return f"It stands at a maximum: {there}, and {eigenvalues}, all below 0."
        case "minimum" if n["known"]:
            return f"It stands at a local minimum, or f* is declared too low: {there}, and {eigenvalues}, all above 0."
        case "minimum":
            return f"It stands at a minimum: {there}, and {eigenvalues}, all above 0."
    flat = "" if math.isnan(n["low"]) else f", and {eigenvalues}"
    return f"T{there[1:]}{flat}: what follows the gradient cannot leave."


def _path(autopsy: Autopsy) -> str:
    """The step sizes along the whole path, against 2/λmax."""
    steps = autopsy.steps
    known = np.isfinite(steps.size) & (steps.steepest > 0)
    if not known.any():
        if np.isfinite(steps.steepest).any() or not steps.size.size:
            return ""
        return "Its curvature was not computed: the function is too large, or has kinks."
    size = np.abs(steps.size[known])
    times = size * steps.steepest[known] / 2
    low, high = (number(float(end)) for end in (size.min(), size.max()))
    sizes = low if low == high else f"{low} to {high}"
    return (
        f"Along the path, at {counted(int(known.sum()), 'step')}: the {_size(autopsy)} was {sizes}, in the middle "
        f"{float(np.median(times)):.2g} of 2/λmax, and above it at {float((times > 1).mean()):.0%} of them."
    )


def advice(autopsy: Autopsy, most: int = 3) -> list[str]:
    """What would have helped, as commands; each was run."""
    if autopsy.endless:
        return ["nothing: f has no minimum, so nothing was tried"]
    if not autopsy.helped:
        return ["nothing that was tried did better"]
    return [pasted("run", r.problem, r.label, autopsy.options) for r in autopsy.helped[:most]]


def tried_table(autopsy: Autopsy) -> Table:
    """The run, and what was tried in its place, the best first."""
    table = titled("Tried on the same terms")
    table.add_column("method", overflow="fold")
    for heading in ("f" if autopsy.result.error is None else "error", "∇f evals"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("", no_wrap=True)
    _add_trial(table, autopsy.result, "this run", style="bold")
    helped = {id(r) for r in autopsy.helped}
    for r in autopsy.tried:
        _add_trial(table, r, "better" if id(r) in helped else "")
    return table


def _add_trial(table: Table, r: Result, note: str, style: str = "") -> None:
    cells = [Text(cell, style=style) for cell in (r.label, number(float(r.value[-1])), f"{r.evals[-1]:,}")]
    table.add_row(*cells, Text(r.status, style=STYLES[r.status]), note)


def anatomy_figure(autopsy: Autopsy, title: str | None = None) -> Figure:
    """The step sizes against what the surface would have allowed, and the error below, with the spans shaded."""
    result, steps = autopsy.result, autopsy.steps
    width = mpl.rcParams["figure.figsize"][0]
    figure = Figure(figsize=(width, (0.62 if is_wide() else 1.25) * width), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    _draw_sizes(top, autopsy, steps.step)
    _draw_value(bottom, autopsy)
    for span in autopsy.spans:
        for ax in (top, bottom):
            ax.axvspan(
                span.first,
                max(span.last, span.first + 1),
                color=SPAN_COLOURS[span.kind],
                alpha=0.5 if span.kind == "jump" else 0.13,
                lw=0,
            )
        middle = 0.5 * (span.first + span.last)
        bottom.annotate(
            SPAN_NAMES[span.kind],
            (middle, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            size=in_points("legend.fontsize"),
        )
    if result.steps > 100 and any(0 < span.first < result.steps / 20 for span in autopsy.spans):
        bottom.set_xscale("symlog", linthresh=10)
    whole_ticks(bottom)
    bottom.set_xlim(0, max(result.steps, 1))
    bottom.set_xlabel("iteration")
    legend_outside(figure, 3, handles=top.get_legend_handles_labels()[0])
    entitle(figure, finding([result]) if title is None else title)
    return figure


def _draw_sizes(ax: Axes, autopsy: Autopsy, iterations: Any) -> None:
    """The sizes of the steps that were measured; lines where these are all, and points where some were chosen."""
    steps, taken = autopsy.steps, int(autopsy.result.steps)
    sampled = not one_step_each(iterations).all()

    def line(own: str, width: float, dashes: Any, marker: str) -> dict[str, Any]:
        if sampled:  # between two of them the run may have swung to and fro
            return {"color": own, "ls": "", "marker": marker, "ms": 0.6 * mpl.rcParams["lines.markersize"]}
        return {"color": own, "lw": width * mpl.rcParams["lines.linewidth"], "ls": dashes}

    stable = 1 / np.where(steps.steepest > 0, steps.steepest, math.nan)
    lines: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        (2 * stable, "2/λmax: beyond it the steepest direction grows", line("#C8102E", 0.9, "-", "_")),
        (stable, "1/λmax", line("#C8102E", 0.7, (0, (4, 2)), ".")),
        (
            steps.line,
            "best along its direction",
            {"color": colour(2), "ls": "", "marker": ".", "ms": 0.8 * mpl.rcParams["lines.markersize"]},
        ),
        (steps.polyak, "Polyak's step, (f − f*)/‖∇f‖²", line(colour(3), 0.6, (0, (1, 1)), "x")),
    )
    for amounts, name, style in lines:
        if (np.isfinite(amounts) & (amounts > 0)).any():
            ax.plot(iterations, np.where(amounts > 0, amounts, math.nan), label=name, **style)
    size = np.where(steps.size != 0, np.abs(steps.size), math.nan)
    name = "step size α" if autopsy.plain else "effective step, ‖Δw‖/‖∇f‖"
    if np.isfinite(size).any():
        ax.plot(iterations, size, label=name, zorder=4, **line(colour(0), 1.1, "-", "o"))
    uphill = steps.size < 0
    if uphill.any():
        ax.plot(
            iterations[uphill],
            size[uphill],
            "v",
            color=mpl.rcParams["text.color"],
            ms=0.8 * mpl.rcParams["lines.markersize"],
            label="up the gradient",
            zorder=5,
        )
    every = np.concatenate([size, stable, steps.line])
    every = every[np.isfinite(every) & (every > 0)]
    if every.size:
        low, high = np.quantile(every, (0.01, 0.99))
        own = size[np.isfinite(size)]
        if own.size:  # the run's step sizes are in sight, all of them
            low, high = min(low, *own), max(high, *own)
        ax.set_ylim(low / 3, min(high * 3, 1e300))
    ax.set_yscale("log")
    ax.set_ylabel(f"size of a step\n({len(iterations):,} of {taken:,} steps)" if sampled else "size of a step")
    draw_grid(ax)


def _draw_value(ax: Axes, autopsy: Autopsy) -> None:
    result = autopsy.result
    value = result.value
    if (value[np.isfinite(value)] > 0).any() and (value >= 0).all():
        ax.set_yscale("log")
        shown = np.where((value > 0) & (value < 1e290), value, math.nan)
        top = 1e6 * max(float(value[0]), 1e-300)
        ax.plot(result.iteration, shown, color=colour(0))
        if np.nanmax(shown) > top:
            ax.set_ylim(np.nanmin(shown) / 3, top)
    else:
        ax.plot(result.iteration, value, color=colour(0))
    ax.set_ylabel("$f(w)$" if result.error is None else "$f(w) - f^*$")
    draw_grid(ax)
