"""Films of results: methods race on one contour plot, at equal gradient evaluations, while their errors fall.

A frame is what ``plots`` draws, cut off at the evaluations that the frame shows. What stands still is drawn once.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.report import paths, plots

FRAMES = 100
PAUSE = 100
"""Milliseconds from one frame to the next."""
HOLD = 4000
"""Milliseconds that the last frame stands."""

Frame = np.ndarray[Any, Any]


def animate(results: Sequence[Result], path: str | Path) -> None:
    """Film single runs of one problem to a .gif or, where ffmpeg is installed, an .mp4; raises InputError."""
    check(Path(path))
    write = _write_gif if Path(path).suffix.lower() == ".gif" else _write_mp4
    write(frames(results), Path(path))


def check(path: Path) -> None:
    """Raise InputError for a file that could not be filmed to."""
    if path.suffix.lower() not in (".gif", ".mp4"):
        raise InputError(f"an animation must end in .gif or .mp4, which {path} does not")
    if path.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise InputError(f"{path} needs ffmpeg, which is not installed: install it, or choose a .gif")


def evaluations(results: Sequence[Result]) -> list[int]:
    """The evaluations that each frame shows, from 0 to all, by more from each frame to the next.

    So the first steps, which show a method's character, are seen one by one or almost, and a long run ends in time.
    """
    most = max(int(r.cost[-1]) for r in results)
    return sorted({math.ceil(most * (k / FRAMES) ** 2) for k in range(FRAMES + 1)})


def reached(result: Result, evals: int) -> int:
    """The last record of a run when it has spent so many evaluations."""
    return int(np.searchsorted(result.cost, evals, side="right")) - 1


def frames(results: Sequence[Result]) -> Iterator[Frame]:
    """Each frame of the film, (720, 1280, 3) bytes."""
    with rc_context({"font.size": 15, "axes.linewidth": 1.2}):
        figure, counter, movers = _stage(results)
        canvas: Any = FigureCanvasAgg(figure)
        for artist in (counter, *(mover.line for mover in movers)):
            artist.set(animated=True, in_layout=False)
        canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    asked = "function" if all(r.gradient_free for r in results) else "gradient"
    for evals in evaluations(results):
        canvas.restore_region(still)
        counter.set_text(f"{evals:,} {asked} evaluations")
        counter.draw(canvas.get_renderer())
        for mover in sorted(movers, key=lambda m: m.line.zorder):
            mover.show(evals)
            mover.line.draw(canvas.get_renderer())
        yield np.array(canvas.buffer_rgba())[..., :3]


class _Mover(NamedTuple):
    """A line of a run that grows through points, or a head that stands at the last of them.

    ``points`` are one per record, (n, 2), or several that belong to it, (n, k, 2).
    """

    line: Line2D
    result: Result
    points: Any
    head: bool = False
    since: float = 0
    until: float = math.inf

    def show(self, evals: int) -> None:
        n = reached(self.result, evals)
        self.line.set_data(*self.points[n if self.head else 0 : n + 1].reshape(-1, 2).T)
        self.line.set_visible(self.since <= evals < self.until)


def _stage(results: Sequence[Result]) -> tuple[Figure, Text, list[_Mover]]:
    """The figure with what stands still, the counter, and what moves."""
    traced = [r for r in results if plots.drawable(r)]
    panels, widths = ["error"], [1.0]
    if results[0].accuracy is not None:
        panels, widths = ["error", "accuracy"], [1.0, 1.0]
    if traced:
        view = plots.window(traced)
        (left, right), (bottom, top) = view
        panels, widths = ["trace", *panels], [min(max((right - left) / (top - bottom), 0.8), 1.4), *widths]
    figure = Figure(figsize=(12.8, 7.2), dpi=100, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.15)  # type: ignore[union-attr, call-arg]
    axes = figure.subplot_mosaic([panels], width_ratios=widths)  # type: ignore[list-item]
    curves = plots.draw_errors(axes["error"], results, "error")
    movers = [*_curves(results, curves)]
    if "accuracy" in axes:
        movers += _curves(results, plots.draw_accuracy(axes["accuracy"], results))
    if traced:
        plots.draw_contours(axes["trace"], results[0].problem, view)
        axes["trace"].plot(*traced[0].x[0], "o", ms=12, color="white", mec="black", mew=2, zorder=5, label="start")
        for r, (curve, *_) in zip(results, curves, strict=True):
            movers += _trace(axes["trace"], r, curve)
        plots.tell_outside(axes["trace"], traced)
    for ax in axes.values():
        if (legend := ax.get_legend()) is not None:
            legend.remove()
    entries = plots.once(reversed(axes.values()))
    plots.legend_outside(figure, 5, **entries)
    title = f"{results[0].label} on {results[0].problem}" if len(results) == 1 else str(results[0].problem)
    figure.suptitle(plots.literal(title), x=0.02, ha="left", fontsize=20)
    counter = figure.text(0.98, 0.98, "", ha="right", va="top", fontsize=20)
    return figure, counter, movers


def _curves(results: Sequence[Result], drawn: Sequence[Sequence[Line2D]]) -> Iterator[_Mover]:
    """The curves of a panel, each with its head, until the mark of its end comes."""
    for r, (curve, *ends) in zip(results, drawn, strict=True):
        ax: Any = curve.axes
        points: Any = curve.get_xydata()
        marks: list[Any] = [end.get_xydata() for end in ends]
        ended = min((float(mark[0, 0]) for mark in marks), default=math.inf)
        in_sight = np.where(paths.inside(plots.frame(ax), points)[:, None], points, math.nan)
        yield _Mover(curve, r, points)
        yield _Mover(_head(ax, curve), r, in_sight, head=True, until=ended)
        curve.set(linestyle="-", linewidth=3, markevery=[], ms=10, zorder=4)
        for end, mark in zip(ends, marks, strict=True):
            end.set(markersize=18)
            yield _Mover(end, r, np.repeat(mark, len(points), axis=0), head=True, since=ended)


def _trace(ax: Axes, r: Result, curve: Line2D) -> Iterator[_Mover]:
    """The path of a run in the colour of its curve, with a head that waits at the edge while the run is outside."""
    view = plots.frame(ax)
    (line,) = ax.plot([], [], color=curve.get_color(), lw=3, alpha=0.9, zorder=4)
    yield _Mover(line, r, paths.trace(view, r))
    in_sight, ended = paths.heads(view, r), math.inf
    if r.status == "diverged":
        outside = np.flatnonzero(paths.inside(view, r.x))[-1:] + 1
        ended = float(r.cost[min([*outside, len(r.x) - 1])])
        (cross,) = ax.plot([], [], **plots.DIVERGED | {"ms": 18}, clip_on=False)
        yield _Mover(cross, r, in_sight, head=True, since=ended)
    yield _Mover(_head(ax, curve), r, in_sight, head=True, until=ended)


def _head(ax: Axes, curve: Line2D) -> Line2D:
    style: dict[str, Any] = {"color": curve.get_color(), "marker": curve.get_marker(), "mec": "white"}
    head: Line2D = ax.plot([], [], ls="", ms=13, mew=1.5, clip_on=False, zorder=6, **style)[0]
    return head


def _write_gif(film: Iterable[Frame], path: Path) -> None:
    palette = Image.new("P", (1, 1))
    palette.putpalette(_palette())
    first, *rest = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in film)
    first.save(path, save_all=True, append_images=rest, duration=[PAUSE] * len(rest) + [HOLD], loop=0)


def _palette() -> bytes:
    """The colours of the figures, each mixed with white in some steps, and greys: lines stay smooth without dithering.

    Pillow tells apart colours of eight steps' distance; so nothing is nearer to white, or white would turn grey.
    """
    pure = np.array([to_rgb(c) for c in (*plots.COLOURS, "#D00000", "#F0E442", "#7f8fa6")])
    shares = np.linspace(1, 0.1, 18)[:, None, None]
    greys = np.linspace(0, 1, 33)[:, None].repeat(3, axis=1)
    colours = np.concatenate([(pure * shares + (1 - shares)).reshape(-1, 3), greys])
    return bytes(np.rint(255 * colours).astype(np.uint8).ravel().tolist())


def _write_mp4(film: Iterable[Frame], path: Path) -> None:
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "1280x720"]
    command += ["-r", str(1000 // PAUSE), "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
    command += ["-movflags", "+faststart", f"file:{path}"]
    with suppress(BrokenPipeError), subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        for frame in film:
            ffmpeg.stdin.write(frame.tobytes())
        for _ in range(HOLD // PAUSE):
            ffmpeg.stdin.write(frame.tobytes())
    if ffmpeg.returncode:
        raise InputError(f"ffmpeg could not write {path}, for the reason above: choose a .gif")
