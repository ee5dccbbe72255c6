"""How figures look: style sheets for where they will stand, colours, and text that stays text.

A figure is drawn in the terms of matplotlib's ``rcParams``: sizes of letters, widths of lines, the cycle of colours,
``image.cmap`` for the map of f. So each of the sheets beside this file, and each of a user's own, changes all figures.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import math
import shutil
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar, get_args

import matplotlib as mpl
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from stepbench.fields import InputError, nearest
from stepbench.options import STYLES, DrawingOptions, Overlay, RunDrawingOptions

T = TypeVar("T", bound=DrawingOptions)

MOST_PIXELS = 20_000
"""How many a picture may have across: ten times what a screen shows, in some gigabytes of memory at most."""
LEAST = 18
"""How many letters, as wide as they are high, must fit across: beside those of axes and legends panels need room."""
SHEETS = Path(__file__).parent / "sheets"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
"""Those of runs on a light ground: of Okabe and Ito, which people with any kind of colour vision tell apart."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2)), (0, (2, 1)), "-", "--")
MARKERS = "os^Dv<>P"
LATEX = ("xelatex", "lualatex", "pdflatex")
"""What can typeset a .pgf file, the first that is installed."""

_FROM_OKLAB = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_FROM_CONES = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def from_oklab(lab: Any) -> Any:
    """Colours (…, 3) of Björn Ottosson's Oklab ("A perceptual color space", 2020) in sRGB, each part from 0 to 1.

    Equal distances in Oklab look equal.
    """
    linear = ((np.asarray(lab) @ _FROM_OKLAB.T) ** 3 @ _FROM_CONES.T).clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _even_map(name: str, low: tuple[float, float, float], high: tuple[float, float, float]) -> LinearSegmentedColormap:
    """The colours on a straight line between two of Oklab."""
    return LinearSegmentedColormap.from_list(name, from_oklab(np.linspace(low, high, 64)))


for _map in (
    _even_map("stepbench-light", (0.985, 0.0, -0.004), (0.735, -0.02, -0.045)),
    _even_map("stepbench-dark", (0.47, -0.015, -0.05), (0.2, 0.0, -0.012)),
):
    mpl.colormaps.register(_map, force=True)


def check(options: DrawingOptions) -> None:
    """Raise InputError for a style, a width, a resolution or a way to draw f that no figure can have."""
    for name in parts(options.style):
        if name not in STYLES and not name.endswith(".mplstyle"):
            known = ", ".join(STYLES)
            raise InputError(
                f"--style {name}: no such style{nearest(name, STYLES)}; there are {known}, and any .mplstyle file"
            )
    if options.title and any("\ud800" <= letter <= "\udfff" for letter in options.title):  # bytes that are no UTF-8
        raise InputError(f"--title {options.title!a} is no text that can be drawn: give another")
    for key, low, high in (("width", 1, 60), ("dpi", 20, 2400)):
        value = getattr(options, key)
        if value is not None and not low <= value <= high:
            raise InputError(f"--{key} {value:g} must be between {low} and {high:,}")
    if options.width and options.dpi and options.width * options.dpi > MOST_PIXELS:
        across = f"{options.width * options.dpi:,.0f}"
        raise InputError(
            f"--width {options.width:g} and --dpi {options.dpi} are {across} pixels; at most {MOST_PIXELS:,}"
        )
    if isinstance(options, RunDrawingOptions):
        if options.overlay not in (None, *get_args(Overlay)):
            raise InputError(f"--overlay {options.overlay} must be one of {', '.join(get_args(Overlay))}")
        if options.surface and (options.multiples or options.overlay):
            other = "--multiples" if options.multiples else "--overlay"
            raise InputError(f"--surface and {other} draw f in two ways: leave one of them out")
    for sheet in _own_sheets(options.style):
        if not sheet.is_file():
            raise InputError(f"--style {sheet}: there is no such file")
        problems = _Problems()
        log = logging.getLogger("matplotlib")
        log.addHandler(problems)
        try:
            mpl.rc_params_from_file(sheet, use_default_template=False)
        except (OSError, ValueError) as error:
            raise InputError(f"--style {sheet} is no style sheet of matplotlib: {error}") from None
        finally:
            log.removeHandler(problems)
        if problems.said:
            said = next(line for line in problems.said[0].splitlines() if line.strip())
            raise InputError(f"--style {sheet}: {said}")
    if _own_sheets(options.style):
        _try(options)
    if options.width is not None:
        with rc_context():
            _set(options)
            points = in_points("font.size")
        if options.width < LEAST * points / 72:
            raise InputError(
                f"--width {options.width:g} must be at least {LEAST * points / 72:g}: no panel has room beside letters "
                f"of {points:g} points"
            )


def _try(options: DrawingOptions) -> None:
    """Draw a little of what figures hold; raises InputError where a sheet of one's own lets nothing be drawn."""
    try:
        with rc_context(), warnings.catch_warnings(action="ignore"):
            _set(options)
            figure = Figure(layout="constrained")
            ax = figure.subplots()
            ax.imshow([[0, 1]])
            ax.plot([0, 1], color=colour(0))
            ax.set(title="∇f − f* of w_1, 5 % of α", xlabel="$w_1$")
            figure.savefig(io.BytesIO())
    except Exception as error:  # whatever matplotlib makes of a sheet that others wrote
        said = textwrap.shorten(str(error), 160, placeholder=" …")
        raise InputError(f"--style {options.style}: matplotlib cannot draw so: {said}") from error


def options_of(kind: type[T], given: dict[str, Any]) -> T:
    """The options of a figure or a film by their names; raises InputError for a name that is none."""
    known = [field.name for field in dataclasses.fields(kind)]
    for name in given:
        if name not in known:
            raise InputError(f"there is no option {name}{nearest(name, known)}; there are {', '.join(known)}")
    return kind(**given)


class _Problems(logging.Handler):
    """What matplotlib says of a style sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def parts(style: str) -> list[str]:
    """The styles that one names with commas between them."""
    return [name.strip() for name in style.split(",")]


def _own_sheets(style: str) -> list[Path]:
    return [Path(name) for name in parts(style) if name.endswith(".mplstyle")]


@contextmanager
def drawn_for(options: DrawingOptions) -> Iterator[None]:
    """Within it figures are drawn, and saved, as the options say; raises InputError for what cannot be."""
    check(options)
    with rc_context():
        _set(options)
        yield


def _set(options: DrawingOptions) -> None:
    """Set matplotlib's parameters as the options say."""
    for name in dict.fromkeys(["page", *parts(options.style)]):
        sheet = Path(name) if name.endswith(".mplstyle") else SHEETS / f"{name}.mplstyle"
        mpl.rcParams.update(mpl.rc_params_from_file(sheet, use_default_template=False))
    if options.width is not None:
        width, height = mpl.rcParams["figure.figsize"]
        mpl.rcParams["figure.figsize"] = (options.width, height * options.width / width)
    if options.dpi is not None:
        mpl.rcParams["figure.dpi"] = options.dpi


def in_points(key: Any) -> float:
    """The size of letters that a style sets by this key, in points, also where it says "small" or "large"."""
    return float(FontProperties(size=mpl.rcParams[key]).get_size_in_points())


def is_wide() -> bool:
    """Whether panels stand beside each other: where so many letters, as wide as they are high, fit the width."""
    return 72 * float(mpl.rcParams["figure.figsize"][0]) >= 45 * in_points("font.size")


def colour(i: int) -> str:
    """The colour of the run with this number."""
    cycle = mpl.rcParams["axes.prop_cycle"].by_key().get("color", COLOURS)
    return to_hex(cycle[i % len(cycle)])


def text_colour(of: str) -> str:
    """A colour as letters can have it: mixed with that of text until it stands out from the ground, 4.5 to 1."""
    ground, ink = (np.array(to_rgb(mpl.rcParams[key])) for key in ("axes.facecolor", "text.color"))
    pure = np.array(to_rgb(of))
    for share in np.linspace(0, 1, 21):
        mixed = (1 - share) * pure + share * ink
        light, dark = sorted((_luminance(mixed), _luminance(ground)), reverse=True)
        if (light + 0.05) / (dark + 0.05) >= 4.5:
            return to_hex(tuple(mixed))
    return to_hex(tuple(ink))


def _luminance(rgb: Any) -> float:
    """The relative luminance of a colour, as WCAG 2 defines it."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def cross() -> Any:
    """How a diverged run's end is marked."""
    size = 2.2 * mpl.rcParams["lines.markersize"]
    return {"marker": "X", "ms": size, "color": "#D00000", "mec": ground(), "ls": "", "zorder": 7}


def ground() -> str:
    """The colour behind what is drawn."""
    return to_hex(mpl.rcParams["axes.facecolor"])


def draw_grid(ax: Axes, axis: str = "both") -> None:
    """Thin lines at the ticks."""
    ax.grid(axis=axis, visible=True)  # type: ignore[arg-type]


def literal(text: object) -> str:
    """A text that others wrote, as the name of a file, for matplotlib to draw as it stands: $ begins no formula.

    A letter that the fonts lack is a question mark.
    """
    fonts = [get_font(findfont(FontProperties(family=[family]))) for family in mpl.rcParams["font.family"]]
    known = (c if c == "\n" or any(font.get_char_index(ord(c)) for font in fonts) else "?" for c in str(text))
    return "".join(known).replace("$", r"\$")


def lay_out(figure: Figure) -> None:
    """Give all axes of a figure the places that they keep."""
    engine = figure.get_layout_engine()
    assert engine is not None
    with np.errstate(all="ignore"):  # what is drawn so far away that it overflows has no place in the layout
        engine.execute(figure)
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.apply_aspect()


def legend_outside(figure: Figure, most: int, **entries: Any) -> None:
    """A legend below a figure, with as many columns as fit its width, and at most so many."""
    pen: Any = FigureCanvasAgg(figure)
    for columns in range(most, 0, -1):
        legend = figure.legend(**entries, loc="outside lower center", ncols=columns, frameon=False)
        if columns == 1 or legend.get_window_extent(pen.get_renderer()).width < 0.97 * figure.bbox.width:
            return
        legend.remove()


def once(axes: Iterable[Axes]) -> dict[str, Any]:
    """What the legends of several axes say, each once."""
    entries = {h.get_label(): h for ax in axes for h in ax.get_legend_handles_labels()[0]}
    return {"handles": list(entries.values())}


def entitle(figure: Figure, words: str) -> None:
    """Put a sentence above a figure, at the left, in as many lines as its width asks for."""
    size = in_points("figure.titlesize")
    lines = wrapped(words, figure.get_figwidth(), size, wide=0.6)  # they are bold
    figure.suptitle(literal("\n".join(lines)), x=0.01, ha="left", size=size)


def wrapped(words: str, inches: float, size: float, wide: float = 0.55) -> list[str]:
    """The words in as few lines of about equal length as are at most so many inches wide; a longer word is broken.

    ``size`` is that of the letters in points, and ``wide`` how wide one is, as a part of that.
    """
    width = int(72 * inches / (wide * size))
    lines = textwrap.wrap(words, width, break_on_hyphens=False)
    if len(lines) > 1:
        even = math.ceil(len(words) / len(lines)) + 4
        balanced = textwrap.wrap(words, min(width, even), break_long_words=False, break_on_hyphens=False)
        return balanced if len(balanced) == len(lines) and max(map(len, balanced)) <= width else lines
    return lines


def save(figure: Figure, path: Path | IO[bytes], **options: Any) -> None:
    """Write a figure to a file, in which letters stay letters: TrueType fonts in PDF, and text as text in SVG."""
    with rc_context({"pdf.fonttype": 42, "svg.fonttype": "none", "pgf.texsystem": latex() or LATEX[0]}):
        figure.savefig(path, **options)


def latex() -> str | None:
    """The program that typesets a .pgf file, where one is installed."""
    return next((name for name in LATEX if shutil.which(name)), None)
