"""What lies under paths: planes through many parameters, curves of one, and what is drawn over the map."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.quiver import Quiver

from stepbench import Problem
from stepbench.engine.running import run_quietly
from stepbench.options import RunDrawingOptions
from stepbench.report import landscape, plots, styles


class Line(Problem):
    """(w² − 1)² + 0.3 w."""

    x0 = (2.1,)

    def f(self, w):
        return (w[0] ** 2 - 1) ** 2 + 0.3 * w[0]


class Bowl(Problem):
    """w₁² + 4w₂²."""

    x0 = (1.0, 2.0)
    f_star = 0.0
    x_star = (0.0, 0.0)

    def f(self, w):
        return w[0] ** 2 + 4 * w[1] ** 2


def test_a_plane_shows_f_itself_and_the_paths_projected():
    results = [run_quietly("quadratic:dim=7", method, budget=60) for method in ("gd:lr=0.0009", "adam:lr=0.1")]
    flat = landscape.in_the_plane(results)
    section = flat[0].problem
    np.testing.assert_allclose(section.axes.T @ section.axes, np.eye(2), atol=1e-12)
    np.testing.assert_array_equal(section.origin, np.zeros(7))
    a = np.array([[0.3, -1.0, 0.0], [2.0, 0.1, 0.0]])
    np.testing.assert_allclose(section.f(a), results[0].problem.f(section.axes @ a), rtol=1e-12)
    np.testing.assert_allclose(section.grad(a), section.axes.T @ results[0].problem.grad(section.axes @ a), rtol=1e-12)
    moved = np.concatenate([r.x for r in results])
    inside = sum(((r.x @ section.axes) ** 2).sum() for r in results) / (moved**2).sum()
    assert section.share == pytest.approx(inside, rel=1e-9)
    other = np.linalg.qr(np.random.default_rng(0).standard_normal((7, 2)))[0]
    assert inside >= ((moved @ other) ** 2).sum() / (moved**2).sum()
    title = plots.comparison_figure(results).axes[0].get_title(loc="left")
    assert "plane of the first two principal directions" in title.replace("\n", " ")
    assert f"{section.share:.1%}" in title


@pytest.mark.slow
def test_a_function_of_one_variable_is_a_curve_with_the_iterates_on_it():
    r = run_quietly(Line(), "gd:lr=0.02", budget=30)
    ax = plots.comparison_figure([r]).axes[0]
    curve, dots = (next(line for line in ax.lines if line.get_label() == label) for label in ("f", "step"))
    w, f = curve.get_data()
    np.testing.assert_allclose(f, Line().f(w[None]))
    np.testing.assert_array_equal(dots.get_xydata(), np.column_stack([r.x[:, 0], r.f]))
    assert w[0] < r.x.min() < r.x.max() < w[-1]
    as_surface = plots.comparison_figure([r], (), RunDrawingOptions(surface=True)).axes[0]
    assert [line.get_label() for line in as_surface.lines] == [line.get_label() for line in ax.lines]


def test_the_gradient_flow_is_the_solution():
    """On w₁² + 4w₂² it is w(t) = (e^{−2t}, 2 e^{−8t}), so that w₂ = 2 w₁⁴."""
    r = run_quietly(Bowl(), "gd:lr=0.01", budget=5)
    ax = plots.comparison_figure([r], (), RunDrawingOptions(overlay="flow")).axes[0]
    [flow] = [line.get_xydata() for line in ax.lines if line.get_label() == "gradient flow"]
    np.testing.assert_allclose(flow[:, 1], 2 * flow[:, 0] ** 4, atol=1e-5)
    assert np.abs(flow[-1]).max() < 1e-6
    assert "gradient flow" in ax.get_title(loc="left")


@pytest.mark.slow
def test_the_quadratic_model_of_a_quadratic_is_lowest_at_its_minimum():
    r = run_quietly(Bowl(), "gd:lr=0.01", budget=5)
    ax = plots.comparison_figure([r], (), RunDrawingOptions(overlay="model")).axes[0]
    [lowest] = [line.get_xydata() for line in ax.lines if line.get_marker() == "+"]
    np.testing.assert_allclose(lowest, [[0, 0]], atol=1e-6)


def test_a_plan_is_an_arrow_in_the_colour_of_its_method():
    results = [run_quietly("rosenbrock", method, budget=400) for method in ("gd", "csawg:K=2")]
    with styles.drawn_for(RunDrawingOptions()):
        ax = plots.comparison_figure(results).axes[0]
        [arrows] = [c for c in ax.collections if isinstance(c, PolyCollection) and c.get_label() == "planning jump"]
        assert to_hex(arrows.get_facecolor()[0]) == styles.colour(1)
    r = results[1]
    jumps = np.flatnonzero(np.diff(r.evals) > 1)
    ends = arrows.XY + np.column_stack([arrows.U, arrows.V])
    for start, end in zip(arrows.XY, ends, strict=True):
        k = jumps[np.abs(r.x[jumps] - start).sum(axis=1).argmin()]
        np.testing.assert_allclose([*start, *end], [*r.x[k], *r.x[k + 1]], atol=1e-9)


def test_paths_that_coincide_are_said_and_both_seen():
    methods = ("gd:lr=0.01", "momentum:lr=0.01,p=0", "adam:lr=0.1")
    results = [run_quietly(Bowl(), method, budget=40) for method in methods]
    assert [(a.label, b.label) for a, b in plots.coinciding(results)] == [(methods[1], methods[0])]
    with styles.drawn_for(RunDrawingOptions()):
        ax = plots.comparison_figure(results).axes[0]
        assert f"{methods[1]} lies on the path of {methods[0]}" in ax.get_title(loc="left")
        dashes = {line.get_color(): line.get_linestyle() for line in ax.lines if line.get_linestyle() != "None"}
        assert [dashes[styles.colour(i)] for i in range(3)] == ["-", "--", "-"]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("drawing", [{"surface": True}, {"multiples": True}, {"overlay": "gradient"}])
@pytest.mark.parametrize("problem", ["himmelblau", "mccormick", "quadratic:dim=5"])
def test_every_way_of_drawing_draws(problem, drawing):
    results = [run_quietly(problem, method, budget=20) for method in ("gd:lr=0.001", "adam")]
    figure = plots.comparison_figure(results, (), RunDrawingOptions(**drawing))
    assert len(figure.axes) == (4 if "multiples" in drawing else 3)
    assert figure.axes[0].get_xlabel() == ("direction 1" if "dim" in problem else "$w_1$")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gallery/absolute-valley", "as far as 2,000 steps of its solver lead"),
        ("gallery/monkey-saddle", "gradient flow from the start"),
    ],
)
def test_a_flow_ends_where_f_has_a_kink_and_where_it_falls_for_ever(name, words):
    r = run_quietly(name, "gd", budget=3)
    ax = plots.comparison_figure([r], (), RunDrawingOptions(overlay="flow")).axes[0]
    assert words in ax.get_title(loc="left").replace("\n", " ")
    [flow] = [line for line in ax.lines if line.get_label() == "gradient flow"]
    assert len(flow.get_xydata()) <= landscape.FLOW + 1


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gallery/absolute-valley", "a plane"),
        ("gallery/crease", "flat along a line"),
        ("gallery/himmelblau", "which opens downward"),
        ("gallery/beale", "a saddle"),
        ("quadratic", "lowest at +"),
    ],
)
def test_the_kind_of_a_quadratic_model_is_told(name, words):
    r = run_quietly(name, "gd:lr=1e-4", budget=3)
    ax = plots.comparison_figure([r], (), RunDrawingOptions(overlay="model")).axes[0]
    assert ax.get_title(loc="left").replace("\n", " ").endswith(f"the quadratic model at the start, {words}")


def test_a_narrow_window_has_few_arrows():
    r = run_quietly("mgh/powell-badly-scaled", "gd:lr=1e-12", budget=3)
    ax = plots.comparison_figure([r], (), RunDrawingOptions(overlay="gradient")).axes[0]
    arrows = [c for c in ax.collections if isinstance(c, Quiver)]
    assert [a.N for a in arrows if a.N > 1] == [15 * 60]
