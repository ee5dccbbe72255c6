"""Bokeh figures of results: traces on contours, errors and step sizes, and a scrubber through all three.

They are made once and filled again for every change, so that a page redraws without being laid out anew. What the
scrubber moves lives in the browser alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    CustomJS,
    CustomJSHover,
    CustomJSTickFormatter,
    FixedTicker,
    HoverTool,
    LinearColorMapper,
    NumeralTickFormatter,
    Range1d,
    Slider,
    Toggle,
)
from bokeh.plotting import figure
from bokeh.plotting.contour import contour_data

from stepbench.contracts import Problem, Window
from stepbench.engine.result import Result
from stepbench.report.curves import error_limits, last_on_axes, parts_left_out, signed_limits
from stepbench.report.landscape import contour_levels, drawable, either_sign, window
from stepbench.report.paths import heads, inside, last_in_sight, one_step_each, steps_in_sight
from stepbench.report.styles import COLOURS
from stepbench.web.assets import STYLE, asset, script
from stepbench.web.colours import PALETTE

MOST = 5001
"""How many records of a run are drawn at most; ``shown`` says which."""

SHAPES = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex", "square_pin", "star")
DASHES = ("solid", "10 3", "3 3", "8 3 3 3", "14 4", "5 3", "solid", "8 4")
COMPONENTS = 6
"""How many step sizes of a run are drawn at most, where there is one per component or per tensor."""

RED = "#D00000"
BANDS = [f"#{shade:02x}{shade:02x}{shade:02x}" for shade in np.linspace(253, 222, 16).astype(int)]
BAND = ("image", "x", "y", "dw", "dh")


@dataclass(frozen=True)
class Scale:
    """Where values stand on an axis: by their logarithm, on both sides of 0 where some values are negative.

    ``linear`` is the size within which the scale is linear around 0; None for the plain logarithm.
    """

    low: float
    high: float
    linear: float | None = None

    def place(self, values: Any) -> Any:
        """Where values stand."""
        with np.errstate(all="ignore"):
            if self.linear is None:
                return np.log10(values)
            return np.sign(values) * np.log10(1 + np.abs(values) / self.linear)

    @property
    def ticks(self) -> list[float]:
        """The places of round values to mark, none too near to another.

        They are powers of ten, and where these are few, 2 and 5 times them too.
        """
        if self.linear is None:
            marks = _round_values(self.low, self.high)
        else:
            least = 0.2 * self.linear
            above, below = (_round_values(least, end) if end > least else [] for end in (self.high, -self.low))
            marks = [0.0, *above, *(-value for value in below)]
        places: list[float] = []
        nearest = (self.place(self.high) - self.place(self.low)) / 12
        for value in marks:
            place = float(self.place(value))
            if all(abs(place - other) >= nearest for other in places):
                places.append(place)
        return sorted(places)


def _round_values(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, -(-(last - first) // 7))
    powers = [10.0**e for e in range(first - first % step, last + 1, step)]
    between = [digit * power for power in powers for digit in (2, 5)] if last - first < 4 else []
    return [value for value in powers + between if low <= value <= high]


def error_scale(results: Sequence[Result]) -> Scale:
    """The scale of the errors, or of f where the minimum is unknown."""
    return scale_of(results, [r.value for r in results])


def scale_of(results: Sequence[Result], curves: Sequence[Any]) -> Scale:
    """The scale of curves of errors, or of f where the minimum is unknown."""
    if not curves:
        return Scale(1e-2, 1.0)
    if either_sign(results, curves):
        low, high = signed_limits(curves)
        return Scale(low, high, max(abs(float(curves[0][0])), 1e-2 * max(abs(low), abs(high)), 1e-300))
    return Scale(*error_limits(curves))


def size_scale(results: Sequence[Result]) -> Scale:
    """The scale of the step sizes."""
    sizes = [r.step_size[np.isfinite(r.step_size)] for r in results if r.step_size is not None]
    every = np.concatenate(sizes) if sizes else np.ones(1)
    every = every[np.abs(every) < 1e30]  # what is beyond leaves the axis
    lengths = np.abs(every[every != 0])
    if not lengths.size:
        return Scale(1e-4, 1e-2)
    low, high = float(lengths.min()), float(lengths.max())
    if (every < 0).any():
        linear = 10.0 ** math.floor(math.log10(np.quantile(lengths, 0.1)))
        return Scale(1.5 * min(float(every.min()), 0.0), 1.5 * max(float(every.max()), 0.0), linear)
    return Scale(max(low, 1e-12 * high) / 2, 2 * high)


def shown(r: Result) -> Any:
    """Which records of a run are drawn, (m,): all, or where they are many, MOST of them, with the first thousand."""
    n = len(r.f)
    if n <= MOST:
        return np.arange(n)
    return np.unique(np.concatenate([np.arange(1000), np.linspace(1000, n - 1, MOST - 1000).astype(int)]))


def framed(view: Window) -> Window:
    """The window in the shape of the figure, 4:3, with the problem's window in its middle.

    A window that is much longer than wide stays as it is.
    """
    (left, right), (bottom, top) = view
    wide, high = right - left, top - bottom
    if not 0.2 < wide / high < 5:
        return view
    wider, higher = max(0.0, high * 4 / 3 - wide) / 2, max(0.0, wide * 3 / 4 - high) / 2
    return (left - wider, right + wider), (bottom - higher, top + higher)


class Scene:
    """The figures of up to so many runs: ``contour``, ``errors`` and ``sizes``, the ``slider`` and ``play``.

    ``show`` fills them. All runs stand at the slider's gradient evaluations; the whole of each path stays in sight.
    """

    def __init__(self, slots: int, components: int) -> None:
        self.components = min(components, COMPONENTS)
        self._drawn: tuple[str, Window] | None = None  # of which problem, and in which window, there are level lines
        self._begun = False
        names = ["cost", "evals", "iteration", "f", "size", "error_y", "x", "y", *PLAN]
        names += [f"size_y_{j}" for j in range(self.components)]
        self._nothing = dict.fromkeys(names, np.empty(0, dtype=np.float32))
        # The browser fills the past and the present as it scrubs; they are never sent back to a server.
        self.runs, self._past, self._now = (
            [ColumnDataSource(dict(self._nothing), name=f"{what} {i + 1}", syncable=synced) for i in range(slots)]
            for what, synced in (("run", True), ("past", False), ("now", False))
        )
        # The lines of the paths: so many vertices per record, as steps_in_sight gives them.
        self.lines, self._past_lines = (
            [ColumnDataSource(_line_columns(NO_LINE), name=f"{what} {i + 1}", syncable=synced) for i in range(slots)]
            for what, synced in (("line", True), ("past line", False))
        )
        self._make_contour()
        self.errors = a_figure("gradient evaluations", "error f(w) − f*", "stretch_both")
        self.sizes = a_figure("gradient evaluations", "step size α", "stretch_both", x_range=self.errors.x_range)
        self._curve_ends = _ends(self.errors)
        # What is drawn of each run, to be named after its method.
        self._renderers = [(self._dots[i], *self._draw_curves(i)) for i in range(slots)]
        self.slider = Slider(
            name="slider",
            title="gradient evaluations",
            start=0,
            end=1,
            value=1,
            format="0,0",
            sizing_mode="stretch_width",
            syncable=False,
            stylesheets=[STYLE],
        )
        self.play = Toggle(label="▶ Play", name="play", width=130, height=44, syncable=False, stylesheets=[STYLE])
        self.slider.js_on_change("value", self._place(slice(None)))
        for i, run in enumerate(self.runs):  # the line is filled before its run
            run.js_on_change("data", self._place(slice(i, i + 1)))
        self.play.js_on_change("active", script("play.js", slider=self.slider))
        self.contour.name, self.errors.name, self.sizes.name = "contour", "errors", "sizes"

    def _place(self, some: slice) -> CustomJS:
        own = {"runs": self.runs, "past": self._past, "now": self._now, "lines": self.lines, "drawn": self._past_lines}
        return script("place.js", slider=self.slider, **{name: sources[some] for name, sources in own.items()})

    def _make_contour(self) -> None:
        self.contour = fig = a_figure("w₁", "w₂", "stretch_width", x_range=Range1d(0, 1), y_range=Range1d(0, 1))
        fig.height = 480
        fig.grid.visible = False
        fig.js_on_change("inner_width", script("fit.js", figure=fig))  # so that both axes have one scale
        self._bands, self._lines, self._marks = ColumnDataSource(), ColumnDataSource(), ColumnDataSource()
        self._layer = ColumnDataSource(_table(BAND, []), name="layer")
        fig.image(*BAND, palette=BANDS, level="underlay", source=self._bands)
        colours = LinearColorMapper(palette=PALETTE, low=0, high=len(PALETTE) - 1)
        fig.image(*BAND, color_mapper=colours, level="underlay", source=self._layer)
        fig.multi_line("xs", "ys", color="#7f8fa6", line_width=0.7, source=self._lines)
        self._dots: list[Any] = []
        for i, (past, now) in enumerate(zip(self._past, self._now, strict=True)):
            colour = COLOURS[i % len(COLOURS)]
            fig.line("x", "y", color=colour, alpha=0.3, line_width=1.5, source=self.lines[i])
            fig.line("x", "y", color=colour, line_width=2, source=self._past_lines[i])
            fig.segment(*PLAN, color="black", line_width=2.2, line_dash="4 3", source=past)
            self._dots.append(fig.scatter("x", "y", color=colour, size=4, source=past))
            fig.scatter(
                "x", "y", marker=SHAPES[i % 8], size=15, color=colour, line_color="white", line_width=2, source=now
            )
        fig.scatter("x", "y", marker="marker", size="size", fill_color="fill", line_color="black", source=self._marks)
        self._trace_ends = _ends(fig)
        fig.add_tools(self._hover(self._dots, ("w", "(@x{custom}, @y{custom})")))

    def _draw_curves(self, i: int) -> list[Any]:
        run, now, colour = self.runs[i], self._now[i], COLOURS[i % len(COLOURS)]
        curve = self.errors.line("cost", "error_y", color=colour, line_width=2.5, line_dash=DASHES[i % 8], source=run)
        sizes = [f"size_y_{j}" for j in range(self.components)]
        for j, name in enumerate(sizes):
            self.sizes.line("cost", name, color=colour, alpha=0.4, line_width=1.5, line_dash=DASHES[j], source=run)
        dots = [self.sizes.scatter("cost", name, color=colour, size=2.5, source=run) for name in sizes]
        for fig, names in ((self.errors, ["error_y"]), (self.sizes, sizes)):
            for name in names:
                fig.scatter(
                    "cost", name, marker=SHAPES[i % 8], size=13, color=colour, line_color="white", line_width=2,
                    source=now,
                )  # fmt: skip
        self.errors.add_tools(self._hover([curve]))
        self.sizes.add_tools(self._hover(dots))
        return [curve, *dots]

    def _hover(self, renderers: list[Any], *more: tuple[str, str]) -> HoverTool:
        """What the page shows of the record under the pointer."""
        number = CustomJSHover(code="return String(Number(value.toPrecision(6)))")
        return HoverTool(
            renderers=renderers,
            tooltips=[
                ("method", "$name"),
                ("iteration", "@iteration{0,0}"),
                *more,
                ("f", "@f"),
                ("step size α", "@size"),
                ("∇f evaluations", "@evals{0,0}"),
            ],
            formatters={"@x": number, "@y": number},
            mode="mouse",
            line_policy="nearest",
            limit=1,  # of each run; of several runs the style sheet shows the first
            visible=False,  # no button: it is always on
        )

    def show(self, problem: Problem, results: Sequence[Result | None]) -> None:
        """Fill the figures with runs of a problem, at most one per slot; None leaves its slot empty."""
        by_slot = {i: r for i, r in enumerate(results) if r is not None}
        runs = list(by_slot.values())
        traced = [r for r in runs if drawable(r)]
        whole = window(traced) if traced else problem.view
        view = framed(whole) if whole else None
        if view and self._drawn != (problem.spec(), view):
            self._show_level_lines(problem, view)
            self._drawn = (problem.spec(), view)
        errors, sizes = error_scale(runs), size_scale(runs)
        self.errors.yaxis.axis_label = _error_label(problem)
        left_out = dict.fromkeys(filter(None, (parts_left_out(r, self.components) for r in runs)))
        self.sizes.yaxis.axis_label = f"step size α ({', '.join(left_out)})" if left_out else "step size α"
        set_scale(self.errors, errors)
        set_scale(self.sizes, sizes)
        for i, source in enumerate(self.runs):
            for renderer in self._renderers[i]:
                renderer.name = by_slot[i].label if i in by_slot else ""
            columns, line = self._nothing, NO_LINE
            if i in by_slot:
                r = by_slot[i]
                line = (
                    _steps(r, view) if view and drawable(r) else np.full((len(shown(r)), *NO_LINE.shape[1:]), math.nan)
                )
                columns = self._columns(r, errors, sizes, line)
            self.lines[i].data = _line_columns(line)
            source.data = columns
            if not self._begun:  # from then on the browser fills them
                self._past_lines[i].data = _line_columns(line)
                self._past[i].data = columns
                self._now[i].data = {name: column[-1:] for name, column in columns.items()}
        self._begun = True
        most = max([1, *(int(r.cost[-1]) for r in runs)])
        self.errors.x_range.update(start=0, end=1.03 * most)
        self.slider.update(end=most, value=most)
        self._curve_ends.data = _table(END, [_curve_end(r, i, errors) for i, r in by_slot.items()])
        if view:
            self._trace_ends.data = _table(END, [_trace_end(r, i, view) for i, r in by_slot.items()])
            self._show_marks(problem, traced)

    def _show_level_lines(self, problem: Problem, view: Window) -> None:
        (left, right), (bottom, top) = view
        self.contour.x_range.update(start=left, end=right, reset_start=left, reset_end=right)
        self.contour.y_range.update(start=bottom, end=top, reset_start=bottom, reset_end=top)
        horizontal, vertical, values, levels, _ = contour_levels(problem, view)
        if levels.size < 2:  # f is the same everywhere
            self._bands.data, self._lines.data = _table(BAND, []), _table(("xs", "ys"), [])
            return
        bands = np.digitize(np.ma.filled(values, np.inf), levels[1:-1]).astype(np.uint8)
        self._bands.data = _table(BAND, [(bands, left, bottom, right - left, top - bottom)])
        lines = contour_data(horizontal, vertical, values, levels, want_fill=False).line_data
        assert lines is not None
        self._lines.data = {"xs": [*map(_single, lines.xs)], "ys": [*map(_single, lines.ys)]}

    @property
    def view(self) -> Window | None:
        """The window that is shown; None before anything is."""
        return self._drawn[1] if self._drawn else None

    def show_layer(self, image: Any, view: Window | None = None) -> None:
        """Lay colours of PALETTE, (n, m), over the bands between the level lines; None takes them away."""
        if image is None or view is None:
            self._layer.data = _table(BAND, [])
            return
        (left, right), (bottom, top) = view
        self._layer.data = _table(BAND, [(image, left, bottom, right - left, top - bottom)])

    def _show_marks(self, problem: Problem, traced: Sequence[Result]) -> None:
        stars = np.empty((2, 0)) if problem.x_star is None else np.reshape(problem.x_star, (2, -1))
        starts = dict.fromkeys((float(r.x[0, 0]), float(r.x[0, 1])) for r in traced)
        marks: list[Any] = [(x, y, "star", 22, "#F0E442") for x, y in stars.T]
        marks += [(x, y, "circle", 13, "white") for x, y in starts]
        self._marks.data = _table(("x", "y", "marker", "size", "fill"), marks)

    def _columns(self, r: Result, errors: Scale, sizes: Scale, line: Any) -> dict[str, Any]:
        """The records of a run that are drawn: where they stand, and what the page shows of them."""
        records = shown(r)
        columns = {
            "cost": r.cost.astype(np.int32)[records],
            "evals": r.evals.astype(np.int32)[records],
            "iteration": r.iteration.astype(np.int32)[records],
            "f": [_told(value) for value in r.f[records]],
            "error_y": _single(_curve(r, errors))[records],
        }
        steps = np.full((len(r.f), self.components), math.nan)
        if r.step_size is not None:
            recorded = np.reshape(r.step_size, (len(r.f), -1))[:, : self.components]
            steps[:, : recorded.shape[1]] = recorded
        columns["size"] = [_told(*row) for row in steps[records]]
        for j in range(self.components):
            columns[f"size_y_{j}"] = _single(finite(sizes.place(steps[records, j])))
        columns |= dict(zip(("x", "y"), _single(line[:, 2]).T, strict=True))
        plan = np.diff(r.evals[records], prepend=0) > (1 if r.plans else math.inf)
        ends = np.where(plan[:, None], line[:, :2].reshape(-1, 4), math.nan)
        return columns | dict(zip(PLAN, _single(ends).T, strict=True))


PLAN = ("from_x", "from_y", "to_x", "to_y")
"""The columns of the ends of each step that planned ahead."""

NO_LINE = np.empty((0, 3, 2))


def _steps(r: Result, view: Window | None) -> Any:
    """The steps between the records that are drawn; none where the records between two of them are left out."""
    records = shown(r)
    if view is None or not drawable(r):
        return np.full((len(records), 3, 2), math.nan)
    return steps_in_sight(view, r.x[records], one_step_each(r.iteration[records]))


def _single(values: Any) -> Any:
    """Numbers in single precision, half as much for the page to take; what that cannot hold is far out of sight."""
    return np.clip(values, -3e38, 3e38).astype(np.float32)


def _line_columns(line: Any) -> dict[str, Any]:
    """The vertices of a line, (n, 3, 2), in the columns of a source."""
    x, y = _single(line.reshape(-1, 2)).T
    return {"x": x, "y": y}


def _curve(r: Result, scale: Scale) -> Any:
    """Where the error of each record stands, (n,); where it is 0 on a logarithmic scale, at its foot."""
    values = r.value
    height = scale.place(values if scale.linear else np.where(values > 0, values, scale.low))
    height[last_on_axes(r, values, scale.high) + 1 :] = math.nan
    return finite(height)


def _told(*values: float) -> str:
    """Numbers as a tooltip shows them, which knows no name for what is not a number."""
    return ", ".join(f"{value:.6g}".replace("inf", "∞") for value in values if not math.isnan(value)) or "–"


def finite(places: Any) -> Any:
    """The places that are finite; NaN, which draws nothing, for the others."""
    return np.where(np.isfinite(places), places, math.nan)


def a_figure(x: str, y: str, sizing: Any, **options: Any) -> Any:
    """A figure with nothing in it yet."""
    fig = figure(
        x_axis_label=x,
        y_axis_label=y,
        sizing_mode=sizing,
        tools="pan,wheel_zoom,reset" if x == "w₁" else "",
        active_drag=None,
        active_scroll=None,
        toolbar_location="above" if x == "w₁" else None,
        toolbar_inner=True,
        min_border_right=16,
        output_backend="canvas",
        **options,
    )
    fig.toolbar.logo, fig.toolbar.autohide = None, True
    fig.axis.axis_label_text_font_size, fig.axis.major_label_text_font_size = "16px", "14px"
    fig.axis.axis_label_text_font_style = "normal"
    fig.axis.minor_tick_line_color = None
    fig.outline_line_color = "#c8ccd2"
    fig.grid.grid_line_color = "#e4e6ea"
    if x != "w₁":
        fig.x_range, fig.y_range = options.get("x_range", Range1d(0, 1)), Range1d(0, 1)
        fig.xaxis.ticker = BasicTicker(min_interval=1)
        fig.xgrid.ticker = fig.xaxis.ticker
        fig.xaxis.formatter = NumeralTickFormatter(format="0,0")
        fig.yaxis.ticker = FixedTicker(ticks=[0])
        fig.ygrid.ticker = fig.yaxis.ticker
        fig.yaxis.formatter = CustomJSTickFormatter(args={"linear": None}, code=asset("tick.js"))
    return fig


def _ends(fig: Any) -> ColumnDataSource:
    """How each run ends, drawn above everything else."""
    source = ColumnDataSource()
    fig.scatter(
        "x", "y", marker="marker", size="size", angle="angle", fill_color="fill", line_color="line", line_width=2,
        level="annotation", source=source,
    )  # fmt: skip
    return source


END = ("x", "y", "marker", "size", "angle", "fill", "line")
End = tuple[float, float, str, int, float, str, str]
"""The mark at the end of a run, and the columns that hold it."""


def _table(names: Sequence[str], rows: Sequence[Any]) -> dict[str, list[Any]]:
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def _trace_end(r: Result, i: int, view: Window) -> End:
    """A red cross where it diverged, an arrow where it leaves the window, a black x elsewhere, as in print."""
    if not drawable(r):
        return (math.nan, math.nan, "x", 1, 0, RED, RED)
    x, y = heads(view, r)[-1].tolist()
    if r.status == "diverged":
        return (x, y, "x", 18, 0, RED, RED)
    if not inside(view, r.x[-1]):
        return (x, y, "triangle", 13, -math.pi / 2, COLOURS[i % len(COLOURS)], "white")
    return (x, y, "x", 10, 0, "black", "black")


def _curve_end(r: Result, i: int, scale: Scale) -> End:
    """A red cross where it diverged, a triangle on the axis where the error is 0 in double precision."""
    colour = COLOURS[i % len(COLOURS)]
    if r.status == "diverged":
        curve = np.column_stack([r.cost, _curve(r, scale)])
        axes = (0.0, max(float(r.cost[-1]), 1.0)), (float(scale.place(scale.low)), float(scale.place(scale.high)))
        x, y = last_in_sight(axes, curve)[-1].tolist()
        return (x, y, "x", 18, 0, RED, RED)
    if scale.linear is None and r.value[-1] <= 0:
        return (float(r.cost[-1]), float(scale.place(scale.low)), "inverted_triangle", 14, 0, colour, colour)
    return (math.nan, math.nan, "x", 1, 0, colour, colour)


def set_scale(fig: Any, scale: Scale) -> None:
    """Let the axis upwards be of a scale."""
    fig.y_range.update(start=float(scale.place(scale.low)), end=float(scale.place(scale.high)))
    fig.yaxis.ticker.ticks = scale.ticks
    formatter = fig.yaxis[0].formatter
    if formatter.args != {"linear": scale.linear}:  # setting it makes Bokeh look through every model there is
        formatter.args = {"linear": scale.linear}


def _error_label(problem: Problem) -> str:
    return problem.f_means or ("f(w)" if problem.f_star is None else "error f(w) − f*")
