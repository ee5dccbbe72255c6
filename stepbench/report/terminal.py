"""Figures as text: curves and traces in a terminal, in Braille dots, or in ASCII where it knows no more.

``plots`` draws them, on axes so small that a pixel is a dot; what it drew is read off and written in characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

import numpy as np
from matplotlib import axis as matplotlib_axis
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from stepbench.engine.result import Result
from stepbench.report import curves, landscape, paths, styles
from stepbench.report.numbers import short_exponent, tick_name

BRAILLE = np.array([[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]], dtype=np.uint8)
"""What a dot adds to the number of its character, by its column and its row from below."""
MARKERS = dict(zip(styles.MARKERS, "●■▲◆▼◀▶✚", strict=True))
SIGNS = {
    "start": ("○", "o", "bold"),
    "minimum": ("★", "*", "bold #C8A000"),
    "end": ("×", "x", "bold"),
    "leaves the window": ("▷", ">", "bold"),
    "diverged": ("✗", "X", "bold #D00000"),
    "0 in double precision": ("▽", "v", "bold"),
    "rates of the theory": ("·", ".", "dim"),
}
"""How each is drawn beside Braille, and in ASCII; yellow and red can be read on white and on black."""


class Picture:
    """The errors of single runs of one problem and, with two parameters, their traces on its contours, for rich.

    It fills the width of the console, with its panels side by side where there is room; each panel fits its height.
    """

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The panels, line by line, and what their signs mean."""
        width, plain = options.max_width, options.ascii_only
        draw: list[Callable[..., _Panel]] = [_errors]
        if landscape.drawable(self.results[0]):
            draw.append(_trace)
        elif self.results[0].accuracy is not None:
            draw.append(_accuracy)
        beside = len(draw) > 1 and width >= 100
        columns = width // 2 - 1 if beside else width
        rows = max(min(console.height - 8, columns // 3), 5)
        with rc_context({"font.size": 5}):  # a character has four points: so ticks keep their distance
            panels = [panel(self.results, max(columns - 8, 10), rows, plain) for panel in draw]
            lines = [list(panel.lines()) for panel in panels]
        yield Text()
        if beside:
            for first, second in zip_longest(*lines, fillvalue=Text()):
                yield first + Text(" " * (columns + 2 - first.cell_len)) + second
        else:
            yield from chain(*lines)
        looks = [(*_look(i, plain), r.label) for i, r in enumerate(self.results) if len(self.results) > 1]
        signs = [(*_sign(name, plain), name) for name in SIGNS if any(name in panel.meanings for panel in panels)]
        yield from _filled([Text.assemble((sign, style), " ", name) for sign, style, name in (*looks, *signs)], width)
        yield from (Text(note, "dim") for panel in panels for note in panel.notes)


def _errors(results: Sequence[Result], columns: int, rows: int, plain: bool) -> _Panel:
    panel = _Panel(columns, rows, plain)
    drawn = curves.draw_errors(panel.ax, results)
    runs = {line for lines in drawn for line in lines}
    for line in panel.ax.lines:
        if line not in runs and len(_points(line)) > 1:
            panel.line(line.get_path(), "dim", ".", under=True)
            panel.meanings.add("rates of the theory")
    _curves(panel, drawn)
    return panel


def _accuracy(results: Sequence[Result], columns: int, rows: int, plain: bool) -> _Panel:
    panel = _Panel(columns, rows, plain)
    _curves(panel, curves.draw_accuracy(panel.ax, results))
    return panel


def _curves(panel: _Panel, drawn: Sequence[Sequence[Line2D]]) -> None:
    for i, (curve, *_) in enumerate(drawn):
        panel.line(curve.get_path(), *_look(i, panel.plain)[::-1])
    for i, (curve, *ends) in enumerate(drawn):
        marks: Any = curve.get_markevery()
        if len(drawn) > 1:
            for k in [*marks, -1]:
                panel.put(_points(curve)[k], *_look(i, panel.plain))
        for end in ends:
            panel.sign(_points(end)[0], "diverged" if end.get_marker() == "X" else "0 in double precision")


def _trace(results: Sequence[Result], columns: int, rows: int, plain: bool) -> _Panel:
    traced = [r for r in results if landscape.drawable(r)]
    view = landscape.window(traced)
    horizontal, vertical = view
    panel = _Panel(columns, rows, plain, aspect=np.ptp(horizontal) / np.ptp(vertical))
    ax, problem = panel.ax, traced[0].problem
    landscape.draw_level_lines(ax, problem, view)
    ax.set(xlim=horizontal, ylim=vertical, xlabel="$w_1$", ylabel="$w_2$")
    for collection in ax.collections:
        for path in collection.get_paths():
            panel.line(path, "dim", ".", under=True)
    for i, r in enumerate(results):
        panel.line(Path(paths.trace(view, r).reshape(-1, 2)), *_look(i, plain)[::-1])
    panel.sign(results[0].x[0], "start")
    for star in ax.lines:
        for point in _points(star):
            panel.sign(point, "minimum")
    for i, r in enumerate(results):
        last = paths.heads(view, r)[-1]
        if r.status == "diverged":
            panel.sign(last, "diverged")
        elif not paths.inside(view, r.x[-1]):
            panel.sign(last, "leaves the window", _look(i, plain)[1])
        elif len(results) == 1:
            panel.sign(last, "end")
        else:
            panel.put(last, *_look(i, plain))
    panel.notes += paths.out_of_sight(view, traced)
    return panel


def _points(line: Line2D) -> Any:
    return line.get_xydata()


def _look(i: int, plain: bool) -> tuple[str, str]:
    """The sign and the style of a method; in ASCII the sign is a letter."""
    colour = styles.COLOURS[i % len(styles.COLOURS)]
    style = {"#000000": "bold", "#0072B2": "#0087D7"}.get(colour, colour)  # to be seen on black
    sign = MARKERS[styles.MARKERS[(i + 3 * (i // 8)) % 8]]
    return chr(ord("A") + i % 26) if plain else sign, style


def _sign(name: str, plain: bool) -> tuple[str, str]:
    return SIGNS[name][plain], SIGNS[name][2]


def _filled(entries: Iterable[Text], width: int) -> Iterator[Text]:
    """Entries in as few lines as hold them."""
    line = Text()
    for entry in entries:
        if line and line.cell_len + 3 + entry.cell_len > width:
            yield line
            line = Text()
        line = line + Text("   ") + entry if line else entry
    yield line


class _Panel:
    """Axes of so many columns and rows of characters, and the characters read off them."""

    def __init__(self, columns: int, rows: int, plain: bool, aspect: float | None = None) -> None:
        if aspect is not None:  # of the axes; a dot is as wide as it is high
            columns, rows = min(columns, round(2 * rows * aspect)), min(rows, round(columns / aspect / 2))
        self.size, self.plain = (columns, rows), plain
        self.ax = Figure(figsize=(2 * columns / 72, 4 * rows / 72), dpi=72).add_axes((0, 0, 1, 1))
        self.dots = np.zeros(self.size, dtype=np.uint8)
        self.over = np.zeros(self.size, dtype=bool)
        self.looks = np.full((*self.size, 2), "", dtype=object)
        self.meanings: set[str] = set()
        self.notes: list[str] = []

    def line(self, path: Path, style: str, letter: str, under: bool = False) -> None:
        """Put a line's dots into the characters it crosses; one under the others is dotted and gives way to them."""
        size = 2 * self.size[0], 4 * self.size[1]
        drawn: Any = self.ax.transData.transform_path(path).cleaned(
            remove_nans=True, clip=(0, 0, *size), simplify=False
        )
        ends = np.flatnonzero(drawn.codes == Path.LINETO)
        start, step = drawn.vertices[ends - 1], np.diff(drawn.vertices, axis=0)[ends - 1]
        count = np.ceil(np.abs(step).max(axis=1, initial=0)).astype(int) + 1
        k = np.repeat(np.arange(len(ends)), count)
        share = (np.arange(len(k)) - np.repeat(np.cumsum(count) - count, count)) / count[k]
        dots = np.floor(start[k] + share[:, None] * step[k]).astype(int)
        dots = dots[((dots >= 0) & (dots < size)).all(axis=1)]
        if under:
            dots = dots[np.diff(dots, axis=0, prepend=-1).any(axis=1)][::3]
        cells, places_in_cell = tuple((dots // (2, 4)).T), tuple((dots % (2, 4)).T)
        new = np.zeros_like(self.dots)
        np.bitwise_or.at(new, cells, BRAILLE[places_in_cell])
        changed = (new > 0) & ~(self.over & under)
        self.dots[changed] = new[changed] | np.where(self.over | under, self.dots, 0)[changed]
        self.looks[changed] = letter, style
        if not under:
            self.over |= changed

    def put(self, point: Any, sign: str, style: str) -> None:
        """Put a sign at a point, if it can be seen."""
        if np.isnan(point).any():  # what was never in sight
            return
        column, row = self._cell(point)
        if 0 <= column < self.size[0] and 0 <= row < self.size[1]:
            self.dots[column, row] = 0
            self.over[column, row] = True
            self.looks[column, row] = sign, style

    def sign(self, point: Any, name: str, style: str = "") -> None:
        """Put the sign of that name, and have it explained."""
        sign, usual = _sign(name, self.plain)
        self.put(point, sign, style or usual)
        self.meanings.add(name)

    def _cell(self, point: Any) -> tuple[int, int]:
        """The character at a point; the ends of the axes belong to the first and the last."""
        place = np.clip(self.ax.transData.transform(point), -1e6, 1e6) / (2, 4)
        column, row = np.where(np.isclose(place, self.size, rtol=0, atol=1e-6), place - 1, np.floor(place + 1e-6))
        return round(column), round(row)

    def lines(self) -> Iterator[Text]:
        """The panel from above: what it shows, its rows with the numbers beside them, and those below."""
        left, bottom = self.ax.get_xlim()[0], self.ax.get_ylim()[0]
        columns, rows = self.size
        beside = {self._cell((left, v))[1]: name for v, name in _ticks(self.ax.yaxis)}
        below = {self._cell((v, bottom))[0]: name for v, name in _ticks(self.ax.xaxis)}
        side, tick, corner, floor, mark = "|+++-" if self.plain else "│┤└┬─"
        yield Text(" " * 8 + _plain(self.ax.get_ylabel(), self.plain), no_wrap=True)
        for row in range(rows - 1, -1, -1):
            line = Text(f"{beside.get(row, ''):>7}", no_wrap=True).append(tick if row in beside else side)
            for column in range(columns):
                sign, style = self.looks[column, row]
                if self.dots[column, row] and not self.plain:
                    sign = chr(0x2800 + int(self.dots[column, row]))
                line.append(sign or " ", style)
            yield line
        yield Text(" " * 7 + corner + "".join(floor if c in below else mark for c in range(columns)), no_wrap=True)
        numbers = [" "] * (columns + 8)
        free = 0
        for column, name in sorted(below.items()):
            begin = min(column + 8 - len(name) // 2, len(numbers) - len(name))
            if begin >= free:
                numbers[begin : begin + len(name)] = name
                free = begin + len(name) + 1
        yield Text("".join(numbers), no_wrap=True)
        yield Text(" " * 8 + _plain(self.ax.get_xlabel(), self.plain).center(columns).rstrip(), no_wrap=True)


def _ticks(axis: matplotlib_axis.Axis) -> list[tuple[float, str]]:
    """Where the numbers of an axis stand, and the numbers; those of its ends, where it has fewer than two."""
    low, high = sorted(axis.get_view_interval())
    within = [float(v) for v in axis.get_majorticklocs() if low <= v <= high]
    if len(within) < 2:
        return [(v, short_exponent(f"{v:.2g}")) for v in (low, high)]
    if axis.get_scale() == "log":
        return [(v, f"1e{round(math.log10(v))}") for v in within]
    return [(v, tick_name(v)) for v in within]


def _plain(label: str, ascii_only: bool) -> str:
    """A label without the marks of mathematics."""
    label = re.sub(r"\\?\$|[\^_]", "", label.replace(r"\|", "‖"))
    return label.replace("‖", "|").replace("−", "-") if ascii_only else label.replace(" - ", " − ")
