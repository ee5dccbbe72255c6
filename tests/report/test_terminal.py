"""Pictures in a terminal. What is tested are properties, not golden files."""

import re

import numpy as np
import pytest

from stepbench.engine.running import run_quietly
from stepbench.report import animation, plots
from tests.report.showing import RACE, picture


@pytest.mark.one_in(2)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize(("width", "height"), [(60, 18), (80, 24), (120, 40), (200, 60)])
def test_a_picture_fits_its_terminal(race, width, height, encoding):
    lines = picture(race, width, height, encoding)
    assert max(map(len, lines)) <= width
    tops = [k for k, line in enumerate(lines) if "f(w)" in line or "w2" in line]
    assert len(tops) == (1 if width >= 100 else 2)
    assert all(b - a < height for a, b in zip(tops, [*tops[1:], len(lines)], strict=True))
    assert "".join(lines).isascii() == (encoding != "utf-8")
    for label in RACE:
        assert label in "\n".join(lines)


def test_colour_where_it_is_wanted_and_only_there(race):
    options = {"force_terminal": True, "color_system": "256", "legacy_windows": False}
    assert "\x1b[38;5;" in "".join(picture(race, **options))
    assert "\x1b[38;5;" not in "".join(picture(race, no_color=True, **options))
    assert "\x1b" not in "".join(picture(race))


def test_signs_say_where_runs_start_end_and_diverge(race):
    for encoding, signs in (("utf-8", "○★✗▽●■◆"), ("ascii", "o*XvABD")):
        drawn, legend = re.split(r"\n(?=. gd   )", "\n".join(picture(race, encoding=encoding)))
        for sign in signs:
            assert sign in legend
            assert sign in drawn or sign in "★*"  # one that converged stands on the minimum
    text = "\n".join(picture(race[:1]))
    assert "× end" in text
    assert "diverged" not in text


def test_a_curve_stands_where_the_numbers_beside_it_say():
    """Gradient descent on a bowl: log error is a straight line, from 2.5 down to 2.5 · 0.01^k."""
    r = run_quietly("quadratic:kappa=1", "gd:lr=0.9", steps=8)
    lines = [line for line in picture([r], 60, 40, "ascii") if re.match(r".{7}[|+]", line)]
    curve = lines[: next(k for k, line in enumerate(lines) if "+-" in line)]
    rows = {}
    for k, line in enumerate(curve):
        for column in (m.start() for m in re.finditer("A", line)):
            rows.setdefault(column, []).append(k)
    means = [np.mean(rows[c]) for c in sorted(rows)]
    assert sorted(rows) == list(range(min(rows), min(rows) + len(rows)))
    assert (np.diff(means) >= 0).all()
    np.testing.assert_allclose(means, np.linspace(means[0], means[-1], len(means)), atol=1.5)
    labels = {k: float(line[:7]) for k, line in enumerate(curve) if line[:7].strip()}
    (a, high), *_, (b, low) = labels.items()
    decades = (means[-1] - means[0]) / (b - a) * np.log10(high / low)
    np.testing.assert_allclose(decades, np.log10(r.error[0] / r.error[-1]), atol=1.5)


def test_the_minimum_stands_in_the_middle_of_its_bowl():
    lines = picture([run_quietly("quadratic", "gd", budget=5)], 80, 30, "ascii")
    (row,) = [k for k, line in enumerate(lines) if re.match(r".{7}[|+].*\*", line)]
    (below,) = [line for line in lines if re.match(r" +-2 .* 2 *$", line)]
    assert lines[row].startswith("      0+")
    assert abs(lines[row].index("*") - below.index("0")) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "method", "options"),
    [
        ("mgh/watson:dim=6", "gd", {"budget": 50}),  # more than two parameters
        ("rosenbrock", "scipy:nelder-mead", {}),  # function evaluations
        ("double-well", "gd", {"budget": 30}),
        ("himmelblau", "gd:lr=1", {"budget": 30}),  # gone at once
        ("monkey-saddle", "gd:lr=0.05", {"budget": 100}),  # f falls below 0
        ("rosenbrock", "gd", {"start": (1.0, 1.0)}),  # over before it begins
        ("rosenbrock", "gd", {"start": (100.0, 100.0), "budget": 5}),  # outside the window
    ],
)
def test_whatever_the_run_it_is_drawn(problem, method, options):
    results = [run_quietly(problem, method, **options)]
    assert picture(results, encoding="ascii")
    film = list(animation.frames(results))
    assert len(film) == len(animation.evaluations(results))
    assert plots.comparison_figure(results)
