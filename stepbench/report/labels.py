"""Words in a picture, each put beside what it names, where it hides least."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from stepbench.report.styles import ground, in_points, text_colour

SIDES = ((1, 0.35), (1, -0.35), (1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
"""Where words may stand around a point, the best first, as parts of their width and height."""


class Label(NamedTuple):
    """Words, their colour, and the points (n, 2) that they may stand beside, the best first, in terms of the axes.

    Rather than near one of the curves ``others``, each (n, 2), for which they could be taken, they stand elsewhere.
    """

    words: str
    colour: str
    anchors: Any
    others: Sequence[Any] = ()


WIDEST = 28
"""Letters in a line of a label."""
MOST_LINES = 5


def in_lines(name: str) -> str:
    """A name in lines, broken where a setting begins or where a rule is added; what takes too many ends in an …."""
    lines = [""]
    for piece in re.split(r"(?<=[:,+])", name):
        parts = [piece[begin : begin + WIDEST] for begin in range(0, len(piece), WIDEST)] or [""]
        if len(lines[-1]) + len(piece) > WIDEST and lines[-1]:
            lines.append("")
        lines[-1] += parts[0]
        lines += parts[1:]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], "…"]
    return "\n".join(lines)


def place(ax: Axes, labels: Sequence[Label], drawn: Sequence[Any]) -> None:
    """Write every label beside one of its points, where it covers least of the curves ``drawn``, each (n, 2).

    The layout of the figure must stand: where words go depends on how large the axes are.
    """
    size = in_points("legend.fontsize")
    pen: Any = FigureCanvasAgg(ax.figure.figure)
    unit = size * ax.figure.dpi / 72
    frame = ax.get_window_extent()
    taken = np.empty((0, 4))
    curves = [_sampled(_on_screen(ax, curve), unit / 3) for curve in drawn]
    dots = np.concatenate([*curves, np.empty((0, 2))])
    for label in labels:
        box = {"boxstyle": "round,pad=0.08", "fc": ground(), "ec": "none", "alpha": 0.6}
        text = ax.text(
            0, 0, in_lines(label.words), size=size, color=text_colour(label.colour), va="center", ha="center", zorder=9
        )
        text.set(bbox=box, transform=None, clip_on=False, in_layout=False)
        measured = text.get_window_extent(pen.get_renderer())
        half = np.array([measured.width, measured.height]) / 2 + 0.15 * unit
        anchors = _on_screen(ax, label.anchors)
        anchors = anchors[np.isfinite(anchors).all(axis=1)]
        if not len(anchors):
            text.remove()
            continue
        sides = np.array(SIDES)
        sides = np.concatenate([sides * (half + 0.45 * unit), sides * (half + 1.6 * unit)])
        centres = (anchors[:, None] + sides).reshape(-1, 2)
        near = np.zeros(len(anchors))
        if label.others:
            foreign = np.concatenate([_sampled(_on_screen(ax, curve), unit / 2) for curve in label.others])
            gaps = np.hypot(*np.moveaxis(anchors[:, None] - foreign, 2, 0)).min(axis=1, initial=np.inf)
            near = 8.0 * (1 - gaps / (2 * unit)).clip(0, 1)
        rank = (near[:, None] + np.arange(len(anchors))[:, None] * 0.1 + np.arange(len(sides)) * 0.3).ravel()
        boxes = np.hstack([centres - half, centres + half])
        outside = (
            (boxes[:, 0] < frame.x0) | (boxes[:, 1] < frame.y0) | (boxes[:, 2] > frame.x1) | (boxes[:, 3] > frame.y1)
        )
        covered = _inside(boxes, dots)
        overlaps = (
            (boxes[:, None, 0] < taken[:, 2])
            & (boxes[:, None, 2] > taken[:, 0])
            & (boxes[:, None, 1] < taken[:, 3])
            & (boxes[:, None, 3] > taken[:, 1])
        ).sum(axis=1)
        best = int(np.argmin(rank + 4.0 * covered + 1e3 * overlaps + 1e4 * outside))
        if outside[best]:
            text.remove()  # the axes are too small for it
            continue
        text.set(transform=ax.transAxes, position=ax.transAxes.inverted().transform(centres[best]))
        taken = np.vstack([taken, boxes[best]])


def _on_screen(ax: Axes, points: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.asarray(ax.transData.transform(np.reshape(np.asarray(points, dtype=float), (-1, 2))))


def _sampled(line: Any, apart: float) -> Any:
    """Points along a line of the screen, so far apart; a line has gaps where it is NaN."""
    before, after = line[:-1], line[1:]
    lengths = np.hypot(*(after - before).T)
    fine = np.isfinite(lengths)
    before, after, lengths = before[fine], after[fine], lengths[fine].clip(0, 1e5)
    along = np.concatenate([[0], np.cumsum(lengths)])
    if not along[-1]:
        return line[np.isfinite(line).all(axis=1)][:1]
    places = np.arange(0, along[-1], apart)[:20_000]
    k = np.searchsorted(along, places, side="right") - 1
    k = k.clip(0, len(lengths) - 1)
    share = ((places - along[k]) / np.where(lengths[k] > 0, lengths[k], 1))[:, None]
    return before[k] + share * (after[k] - before[k])


def _inside(boxes: Any, dots: Any) -> Any:
    """How many of the dots lie in each box."""
    x, y = dots.T
    within = (x > boxes[:, :1]) & (x < boxes[:, 2:3]) & (y > boxes[:, 1:2]) & (y < boxes[:, 3:])
    return within.sum(axis=1)


def beside_ends(ax: Axes, labels: Sequence[Label]) -> list[Any]:
    """Write labels to the right of the axes, each at the height of its curve's end; ``spread`` moves them apart."""
    size = in_points("legend.fontsize")
    leader: Any = {"arrowstyle": "-", "lw": 0.06 * size, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)}
    return [
        ax.annotate(
            in_lines(label.words),
            (1, label.anchors[0][1]),
            (0.9 * size, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            size=size,
            linespacing=1.1,
            color=text_colour(label.colour),
            arrowprops={"color": label.colour, **leader},
            annotation_clip=False,
        )
        for label in labels
    ]


def spread(ax: Axes, notes: Sequence[Any]) -> None:
    """Move what ``beside_ends`` wrote up and down, so that nothing overlaps; the layout of the figure must stand."""
    if not notes:
        return
    height = ax.get_window_extent().height / ax.figure.dpi * 72  # in points
    ends = np.array([ax.transAxes.inverted().transform(ax.transData.transform((1, note.xy[1])))[1] for note in notes])
    sizes = np.array([1.2 * note.get_size() * (note.get_text().count("\n") + 1) for note in notes]) / height
    for note, end, place_of in zip(notes, ends, apart(ends.clip(0, 1), sizes), strict=True):
        note.set_position((note.get_position()[0], (place_of - end) * height))


def apart(places: Any, sizes: Any) -> Any:
    """The places (n,) nearest to these, in least squares, where things of these sizes (n,) do not overlap.

    They keep their order from low to high; of equals the first is the highest. They lie around 0 to 1, as far as there
    is room.
    """
    order = np.lexsort((-np.arange(len(places)), places))
    below = np.cumsum(sizes[order]) - sizes[order] / 2  # the centres, where all stand on each other from 0 up
    slack = max(1.0 - float(sizes.sum()), 0.0)
    free = _rising(places[order] - below)
    found = np.empty(len(places))
    found[order] = np.clip(free, 0.0, slack) + below
    return found


def _rising(values: Any) -> Any:
    """The numbers nearest to these, (n,), in least squares, of which none is smaller than the one before.

    Neighbours that fall are pooled, which is isotonic regression; SciPy's would take longer to import than all else.
    """
    pools: list[tuple[float, int]] = []
    for value in values:
        pools.append((float(value), 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((m * a + n * b) / (m + n), m + n)]
    return np.repeat([mean for mean, _ in pools], [n for _, n in pools])
