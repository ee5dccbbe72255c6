"""Films of results: methods race on one map of f, at equal gradient evaluations, while their errors fall.

A frame is what ``plots`` draws, cut off at the evaluations that the frame shows. What stands still is drawn once.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from stepbench.engine.columns import DERIVED
from stepbench.engine.result import RECORDS, Result
from stepbench.fields import InputError
from stepbench.options import DrawingOptions, FilmOptions
from stepbench.report import curves, landscape, paths, plots, styles

HOLD = 4.0
"""Seconds that the last frame stands."""
MOST = 20_000
"""How many records of a run are filmed; of a longer one they are chosen evenly."""
SUFFIXES = (".gif", ".mp4", ".webm")

Frame = np.ndarray[Any, Any]


def animate(results: Sequence[Result], path: str | Path, options: FilmOptions = FilmOptions()) -> str:  # noqa: B008
    """Film single runs of one problem to a .gif or, where ffmpeg is installed, an .mp4 or a .webm; raises InputError.

    Returns what was left out, in words; mostly an empty text.
    """
    path = Path(path)
    check(path, options)
    shown, note = thinned(results)
    film = frames(shown, options, note)
    if path.suffix.lower() == ".gif":
        _write_gif(film, path, options, len(results))
    else:
        _write_with_ffmpeg(film, path, options)
    return note


def check(path: Path, options: FilmOptions) -> None:
    """Raise InputError for a film that could not be made."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"a film must end in .gif, .mp4 or .webm, which {path} does not")
    if suffix != ".gif" and shutil.which("ffmpeg") is None:
        raise InputError(f"{path} needs ffmpeg, which is not installed: install it, or choose a .gif")
    if not 0.1 <= options.seconds <= 600:
        raise InputError(f"--seconds {options.seconds:g} must be between 0.1 and 600")
    if not 1 <= options.fps <= 60:
        raise InputError(f"--fps {options.fps} must be between 1 and 60")
    width_and_height(options)
    styles.check(options)


def width_and_height(options: FilmOptions) -> tuple[int, int]:
    """The size of a film in pixels; raises InputError for one that it cannot have."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", options.size)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (160 <= width <= 3840 and 90 <= height <= 2160) or width % 2 or height % 2:
        raise InputError(f"--size {options.size} must be two even numbers from 160x90 to 3840x2160, as 1280x720")
    return width, height


def thinned(results: Sequence[Result]) -> tuple[list[Result], str]:
    """The runs with at most ``MOST`` records each, and which were left out, in words."""
    shown, left_out = [], []
    for r in results:
        n = len(r.f)
        if n <= MOST:
            shown.append(r)
            continue
        chosen = np.unique(np.linspace(0, n - 1, MOST).astype(int))
        kept = {k: v[chosen] for k in RECORDS if k not in DERIVED and (v := getattr(r, k)) is not None}
        shown.append(dataclasses.replace(r, **kept))
        left_out.append(f"{r.label}: 1 in {round(n / MOST):,} of {n:,} records is shown")
    return shown, "; ".join(left_out)


def evaluations(results: Sequence[Result], options: FilmOptions = FilmOptions()) -> list[int]:  # noqa: B008
    """The evaluations that each frame shows, from 0 to all, by more from each frame to the next.

    So the first steps, which show a method's character, are seen one by one or almost, and a long run ends in time.
    """
    most = max(int(r.cost[-1]) for r in results)
    n = max(1, round(options.seconds * options.fps))
    return sorted({math.ceil(most * (k / n) ** 2) for k in range(n + 1)})


def reached(result: Result, evals: int) -> int:
    """The last record of a run when it has spent so many evaluations."""
    return int(np.searchsorted(result.cost, evals, side="right")) - 1


def frames(results: Sequence[Result], options: FilmOptions = FilmOptions(), note: str = "") -> Iterator[Frame]:  # noqa: B008
    """Each frame of the film, (height, width, 3) bytes; ``note`` stands below the picture."""
    with styles.drawn_for(_look(options)):
        figure, counter, movers = _stage(results, options, note)
        canvas: Any = FigureCanvasAgg(figure)
        for artist in (counter, *(mover.line for mover in movers)):
            artist.set(animated=True, in_layout=False)
        canvas.draw()
        still = canvas.copy_from_bbox(figure.bbox)
    asked = "function" if all(r.gradient_free for r in results) else "gradient"
    for evals in evaluations(results, options):
        canvas.restore_region(still)
        counter.set_text(f"{evals:,} {asked} evaluations")
        counter.draw(canvas.get_renderer())
        for mover in sorted(movers, key=lambda m: m.line.zorder):
            mover.show(evals)
            mover.line.draw(canvas.get_renderer())
        yield np.array(canvas.buffer_rgba())[..., :3]


def _look(options: FilmOptions) -> DrawingOptions:
    """A film looks as a slide does, at any size; of the other styles only colours differ."""
    own = [name for name in styles.parts(options.style) if name not in ("page", "paper", "slides")]
    return DrawingOptions(style=",".join(["slides", *own]))


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


def _stage(results: Sequence[Result], options: FilmOptions, note: str) -> tuple[Figure, Text, list[_Mover]]:
    """The figure with what stands still, the counter, and what moves."""
    flat = landscape.in_the_plane(results)
    line = results[0].x is not None and results[0].x.shape[1] == 1
    panels, widths = ["error"], [1.0]
    if results[0].accuracy is not None:
        panels, widths = ["error", "accuracy"], [1.0, 1.0]
    if flat:
        view = landscape.window(flat)
        (left, right), (bottom, top) = view
        panels, widths = ["trace", *panels], [min(max((right - left) / (top - bottom), 0.8), 1.4), *widths]
    elif line:
        panels, widths = ["trace", *panels], [1.2, *widths]
    width, height = width_and_height(options)
    across = mpl.rcParams["figure.figsize"][0]
    figure = Figure(figsize=(across, across * height / width), dpi=width / across, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.12)  # type: ignore[union-attr, call-arg]
    axes = figure.subplot_mosaic([panels], width_ratios=widths)  # type: ignore[list-item]
    drawn = curves.draw_errors(axes["error"], results)
    movers = [*_curves(results, drawn)]
    if "accuracy" in axes:
        movers += _curves(results, curves.draw_accuracy(axes["accuracy"], results))
    size, ink = mpl.rcParams["lines.markersize"], mpl.rcParams["text.color"]
    start: Any = {"ms": 1.3 * size, "color": styles.ground(), "mec": ink, "mew": 2, "zorder": 5, "label": "start"}
    if flat:
        landscape.draw_contours(axes["trace"], flat[0].problem, view, plots.side_of(flat[0].problem))
        axes["trace"].plot(*flat[0].x[0], "o", **start)
        for r, (curve, *_) in zip(flat, drawn, strict=True):
            movers += _trace(axes["trace"], r, r.x, curve)
        plots.tell_outside(axes["trace"], flat)
        if isinstance(flat[0].problem, landscape.Section):
            axes["trace"].set_title(styles.literal(plots.map_title(flat[:1])), loc="left")
    elif line:
        landscape.draw_curve_of_f(axes["trace"], results)
        axes["trace"].plot(results[0].x[0, 0], results[0].f[0], "o", **start)
        for r, (curve, *_) in zip(results, drawn, strict=True):
            movers += _trace(axes["trace"], r, np.column_stack([r.x[:, 0], r.f]), curve)
    styles.legend_outside(figure, 5, **styles.once(reversed(axes.values())))
    if note:
        axes["error"].set_title(styles.literal(note.replace("; ", "\n")), size=styles.in_points("xtick.labelsize"))
    title = f"{results[0].label} on {results[0].problem}" if len(results) == 1 else str(results[0].problem)
    figure.suptitle(styles.literal(title), x=0.02, ha="left")
    counter = figure.text(0.98, 0.98, "", ha="right", va="top", size=styles.in_points("figure.titlesize"))
    return figure, counter, movers


def _curves(results: Sequence[Result], drawn: Sequence[Sequence[Line2D]]) -> Iterator[_Mover]:
    """The curves of a panel, each with its head, until the mark of its end comes."""
    for r, (curve, *ends) in zip(results, drawn, strict=True):
        ax: Any = curve.axes
        points: Any = curve.get_xydata()
        marks: list[Any] = [end.get_xydata() for end in ends]
        ended = min((float(mark[0, 0]) for mark in marks), default=math.inf)
        in_sight = np.where(paths.inside(landscape.frame(ax), points)[:, None], points, math.nan)
        yield _Mover(curve, r, points)
        yield _Mover(_head(ax, curve), r, in_sight, head=True, until=ended)
        curve.set(linestyle="-", markevery=[], zorder=4)
        for end, mark in zip(ends, marks, strict=True):
            yield _Mover(end, r, np.repeat(mark, len(points), axis=0), head=True, since=ended)


def _trace(ax: Axes, r: Result, path: Any, curve: Line2D) -> Iterator[_Mover]:
    """The path of a run in the colour of its curve, with a head that waits at the edge while the run is outside.

    Where no single step led from one record to the next, there are dots in place of a line.
    """
    view, joined = landscape.frame(ax), paths.one_step_each(r.iteration)
    look: Any = {"color": curve.get_color(), "alpha": 0.9, "zorder": 4}
    (line,) = ax.plot([], [], lw=mpl.rcParams["lines.linewidth"], **look)
    yield _Mover(line, r, paths.steps_in_sight(view, path, joined))
    if not joined.all():
        (dots,) = ax.plot([], [], ".", ms=0.5 * mpl.rcParams["lines.markersize"], **look)
        yield _Mover(dots, r, np.where(paths.inside(view, path)[:, None], path, math.nan))
    in_sight, ended = paths.last_in_sight(view, path, joined), math.inf
    if r.status == "diverged":
        outside = np.flatnonzero(paths.inside(view, path))[-1:] + 1
        ended = float(r.cost[min([*outside, len(path) - 1])])
        (cross,) = ax.plot([], [], **styles.cross(), clip_on=False)
        yield _Mover(cross, r, in_sight, head=True, since=ended)
    yield _Mover(_head(ax, curve), r, in_sight, head=True, until=ended)


def _head(ax: Axes, curve: Line2D) -> Line2D:
    style: dict[str, Any] = {"color": curve.get_color(), "marker": curve.get_marker(), "mec": styles.ground()}
    head: Line2D = ax.plot(
        [], [], ls="", ms=1.4 * mpl.rcParams["lines.markersize"], mew=1.5, clip_on=False, zorder=6, **style
    )[0]
    return head


def _write_gif(film: Iterable[Frame], path: Path, options: FilmOptions, runs: int) -> None:
    with styles.drawn_for(_look(options)):
        colours = _palette(runs)
    palette = Image.new("P", (1, 1))
    palette.putpalette(colours)
    first, *rest = (Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in film)
    pauses = [10 * round(100 / options.fps)] * len(rest) + [round(1000 * HOLD)]
    first.save(path, save_all=True, append_images=rest, duration=pauses, loop=0)


def _palette(runs: int) -> bytes:
    """At most 256 colours: of the runs, each mixed with the ground in some steps, of the map and its lines, and greys.

    So lines stay smooth without dithering. Pillow tells apart colours of eight steps' distance; so nothing is nearer to
    the ground, or the ground would change its colour.
    """
    ground, ink = (np.array(to_rgb(mpl.rcParams[key])) for key in ("axes.facecolor", "text.color"))
    pure = np.array([to_rgb(c) for c in (*(styles.colour(i) for i in range(min(runs, 8))), "#D00000", "#F0E442")])
    shares = np.linspace(1, 0.15, 8)[:, None, None]
    mixed = (pure * shares + ground * (1 - shares)).reshape(-1, 3)
    greys = ground + np.linspace(0, 1, 24)[:, None] * (ink - ground)
    of_map = mpl.colormaps[mpl.rcParams["image.cmap"]]
    lines = [of_map(np.linspace(0, 1, 38))[:, :3] * (1 - share) + ink * share for share in (0.25, 0.5)]
    colours = np.concatenate([mixed, greys, of_map(np.linspace(0, 1, 64))[:, :3], *lines])
    apart = np.abs(colours - ground).max(axis=1) > 0.07
    return bytes(np.rint(255 * np.concatenate([ground[None], colours[apart]])[:256]).astype(np.uint8).ravel().tolist())


def _write_with_ffmpeg(film: Iterable[Frame], path: Path, options: FilmOptions) -> None:
    command = ["ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", options.size]
    command += ["-r", str(options.fps), "-i", "-", "-pix_fmt", "yuv420p"]
    if path.suffix.lower() == ".mp4":
        command += ["-c:v", "libx264", "-preset", "veryfast", "-movflags", "+faststart"]
    else:
        command += ["-c:v", "libvpx-vp9", "-crf", "30", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "6"]
    command.append(f"file:{path}")
    with suppress(BrokenPipeError), subprocess.Popen(command, stdin=subprocess.PIPE) as ffmpeg:
        assert ffmpeg.stdin is not None
        for frame in film:
            ffmpeg.stdin.write(frame.tobytes())
        for _ in range(round(HOLD * options.fps)):
            ffmpeg.stdin.write(frame.tobytes())
    if ffmpeg.returncode:
        raise InputError(f"ffmpeg could not write {path}, for the reason above: choose a .gif")
