"""How figures look: styles, colours and letters."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from stepbench.engine.running import run_quietly
from stepbench.fields import InputError
from stepbench.options import STYLES, DrawingOptions
from stepbench.report import styles


def lightness(rgb):
    """L* of CIELAB, by which equal steps look equal."""
    y = styles._luminance(np.array(to_rgb(rgb)))
    return 116 * np.cbrt(y) - 16 if y > 0.008856 else 903.3 * y


@pytest.mark.parametrize("name", ["stepbench-light", "stepbench-dark"])
def test_the_map_of_f_goes_evenly_from_light_to_dark(name):
    steps = np.diff([lightness(colour) for colour in mpl.colormaps[name](np.linspace(0, 1, 9))[:, :3]])
    assert (steps < 0).all()
    assert steps.min() / steps.max() < 1.3


@pytest.mark.parametrize("style", STYLES)
def test_every_style_can_be_read(style):
    with styles.drawn_for(DrawingOptions(style=style)):
        ground = styles._luminance(np.array(to_rgb(styles.ground())))
        for i in range(8):
            ink = styles._luminance(np.array(to_rgb(styles.text_colour(styles.colour(i)))))
            light, dark = max(ink, ground), min(ink, ground)
            assert (light + 0.05) / (dark + 0.05) >= 4.5
        if style == "slides":  # pixels of a screen of 1920
            scale = 1920 / mpl.rcParams["figure.figsize"][0] / 72
            keys = (
                "font.size",
                "axes.titlesize",
                "axes.labelsize",
                "legend.fontsize",
                "xtick.labelsize",
                "ytick.labelsize",
            )
            assert min(styles.in_points(key) for key in keys) * scale >= 24
    assert mpl.rcParams["image.cmap"] == mpl.rcParamsDefault["image.cmap"]


def test_a_users_sheet_changes_what_it_names_and_no_more(tmp_path):
    sheet = tmp_path / "mine.mplstyle"
    sheet.write_text("lines.linewidth: 7\n")
    figure = run_quietly("rosenbrock", "gd", budget=20).figure(style=f"paper, {sheet}", dpi=50, title="Mine")
    assert figure.get_figwidth() == 3.5
    assert figure.dpi == 50
    assert figure.get_suptitle() == "Mine"
    assert any(line.get_linewidth() == 7 for line in figure.axes[1].lines)


def test_what_no_figure_can_be_is_refused_in_a_line(tmp_path):
    bad = tmp_path / "bad.mplstyle"
    bad.write_text("lines.linwidth: 2\n")
    empty = tmp_path / "empty.mplstyle"
    empty.write_text("figure.figsize: 0, 0\n")
    gray = tmp_path / "gray.mplstyle"
    gray.write_text("image.cmap: grays\n")
    result = run_quietly("rosenbrock", "gd", budget=5)
    for drawing, words in (
        ({"style": "slide"}, "did you mean slides"),
        ({"style": "nowhere.mplstyle"}, "no such file"),
        ({"style": str(bad)}, "lines.linwidth"),
        ({"style": f"paper, {empty}"}, "matplotlib cannot draw so"),
        ({"style": str(gray)}, "matplotlib cannot draw so"),
        ({"width": 0}, "--width 0"),
        ({"width": 1.9, "style": "paper"}, "--width 1.9 must be at least 2: no panel has room beside letters of 8"),
        ({"width": 3.9, "style": "slides"}, "--width 3.9 must be at least 4"),
        ({"width": 60, "dpi": 2400}, "144,000 pixels"),
        ({"dpi": -1}, "--dpi -1"),
        ({"title": "a\udcff"}, "is no text that can be drawn"),
        ({"colour": "red"}, "no option colour"),
        ({"overlay": "flows"}, "gradient, flow, model"),
        ({"surface": True, "multiples": True}, "--surface and --multiples"),
    ):
        with pytest.raises(InputError, match=words) as refused:
            result.figure(**drawing)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("style", "least"), [("page", 2.5), ("paper", 2), ("slides", 4)])
def test_the_narrowest_picture_still_has_room_for_its_panels(style, least):
    """Where they have none, matplotlib warns."""
    run_quietly("rosenbrock", "gd", budget=5).figure(style=style, width=least)


def test_a_letter_that_no_font_has_is_a_question_mark():
    assert styles.literal("α\t日🎉 $x\n∇") == "α??? \\$x\n∇"
