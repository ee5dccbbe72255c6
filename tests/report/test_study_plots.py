"""The figures of sweeps, maps, tunings and profiles."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from stepbench import catalog
from stepbench.report.labels import apart
from stepbench.report.study_plots import BASINS, HATCHES, LOST, LOST_HATCH, SLOW
from stepbench.study.kinds import ratios, solved_within
from stepbench.study.profile import profile
from stepbench.study.sweep import sweep, window_axes
from stepbench.study.tune import tune
from tests.cli.commands import INF, RATES


def spans(ax):
    """The intervals that are shaded from top to bottom."""
    found = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert {to_hex(patch.get_facecolor()).upper() for patch in found} <= {LOST}
    return sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in found if patch.get_alpha() > 0)


def lines_of(ax, labels):
    return {line.get_label(): line for line in ax.lines if line.get_label() in labels}


@pytest.mark.parametrize("rates", [RATES, "lr=0.3,0.05,0.15,0.02,0.25"])
def test_the_figure_of_a_sweep_draws_the_cost_and_shades_what_diverged(rates):
    found = sweep("quadratic:kappa=10", "gd", [rates], budget=1000)
    top, strips = found.figure().axes
    [line] = found.sensitivities()
    drawn = lines_of(top, ["gd"])["gd"]
    there = {x: y for x, y in zip(*drawn.get_data(), strict=True) if np.isfinite(y)}
    assert there == {x: y for x, y in zip(line.axis.values, line.cost, strict=True) if np.isfinite(y)}
    assert len(there) == np.isfinite(line.cost).sum() > 2
    shaded = spans(top)
    for value, lost in zip(line.axis.values, line.diverged, strict=True):
        assert any(left < value < right for left, right in shaded) == bool(lost), value
    calm = max(value for value, lost in zip(line.axis.values, line.diverged, strict=True) if not lost)
    first = min(value for value, lost in zip(line.axis.values, line.diverged, strict=True) if lost)
    assert calm < shaded[0][0] < first
    assert [label.get_text() for label in strips.get_yticklabels()] == ["gd"]


def test_the_figure_of_a_sweep_in_which_nothing_gets_there_shows_the_budget():
    top, _ = sweep("rosenbrock", ["gd", "adam"], "lr=1e-4,1e-3", target=0.1, budget=100).figure().axes
    assert top.get_ylim() == (10, 1000)


def test_the_figure_of_a_sweep_has_a_line_a_method_and_the_budget():
    labels = ["gd", "momentum:p=0.5", "nesterov"]
    found = sweep("quadratic:kappa=10", labels, [RATES], budget=1000)
    top, strips = found.figure().axes
    assert sorted(lines_of(top, labels)) == sorted(labels)
    assert len({(line.get_color(), line.get_linestyle()) for line in lines_of(top, labels).values()}) == 3
    assert {text.get_text() for text in top.texts} >= set(labels)
    [limit] = [line for line in top.lines if line.get_label() not in labels]
    assert set(limit.get_ydata()) == {1000}
    assert "budget" in [text.get_text() for text in top.texts]
    assert top.get_yscale() == "log"
    assert "1e-06" in top.get_ylabel()
    assert strips.get_xlabel() == "lr"
    for line, drawn in zip(found.sensitivities(), labels, strict=True):
        y = lines_of(top, labels)[drawn].get_ydata()
        assert y[np.isfinite(y)].tolist() == line.cost[np.isfinite(line.cost)].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("rates", ["lr=0.02,0.05,0.075,0.15,0.19,9", "lr=9,0.15,0.02,0.19,0.075,0.05"])
def test_the_strip_below_tells_usable_reached_and_diverged_values_apart(rates):
    found = sweep("quadratic:kappa=10", "gd", [rates], budget=150)
    _, strips = found.figure().axes
    [line] = found.sensitivities()
    kinds = np.select([line.diverged > 0, line.cost == INF, line.cost > 2 * line.cost.min()], [3, 2, 1])
    assert {*kinds.tolist()} == {0, 1, 2, 3}
    seen = {}
    for cell in strips.collections:
        box = cell.get_paths()[0].get_extents()
        seen[box.x0, box.x1] = to_hex(cell.get_facecolor()[0]).upper(), float(cell.get_facecolor()[0, 3])
    for value, cost, lost in zip(line.axis.values, line.cost, line.diverged, strict=True):
        [(colour, alpha)] = [look for (left, right), look in seen.items() if left < value < right]
        if lost:
            assert colour == LOST
        elif cost == INF:
            assert colour == SLOW
        else:
            assert colour not in (LOST, SLOW)
            assert (alpha == 1) == (cost <= 2 * line.cost.min())
    assert any(f"{line.decades:.2g} decades" in text.get_text() for text in strips.texts)


def test_the_figure_of_seeds_shades_from_the_least_to_the_most():
    found = sweep("quadratic:kappa=10", "gd", ["lr=0.02,0.05,0.1", "seed=0:5"], budget=300, noise=0.5, target=0.05)
    top = found.figure().axes[0]
    [line] = found.sensitivities()
    [band] = top.collections
    box = band.get_paths()[0].get_extents()
    assert (box.y0, box.y1) == (line.least.min(), line.most.max())


def test_the_figure_without_a_known_minimum_shows_f_and_no_budget():
    found = sweep("mccormick", ["gd", "adam"], ["lr=0.01,0.1,0.3"], budget=40)
    top = found.figure().axes[0]
    for line in found.sensitivities():
        assert lines_of(top, found.labels)[line.label].get_ydata().tolist() == line.left.tolist()
    assert len(top.lines) == 2
    assert top.get_ylabel() == "f at the end"


def shown(ax):
    """The colours of a map, by [second axis, first axis], with the edges of its cells."""
    [mesh] = [collection for collection in ax.collections if isinstance(collection, QuadMesh)]
    corners = mesh.get_coordinates()
    ny, nx = corners.shape[0] - 1, corners.shape[1] - 1
    return np.reshape(mesh.get_array(), (ny, nx, 4)), corners[0, :, 0], corners[:, 0, 1]


def colour_at(look, x, y):
    colours, xs, ys = look
    j, i = np.searchsorted(xs, x) - 1, np.searchsorted(ys, y) - 1
    return colours[i, j]


def of_scale(colour, name):
    """Whether a colour is one of a colour map's."""
    return bool((np.abs(colormaps[name](np.arange(256)) - colour).max(axis=1) < 1e-9).any())


def test_a_map_of_starts_colours_every_basin_in_its_own_scale():
    problem = catalog.problem("himmelblau")
    found = sweep(problem, ["gd:lr=0.01", "gd:lr=0.02"], window_axes(problem, 9), budget=150)
    figure = found.map()
    panels = [ax for ax in figure.axes if ax.get_title(loc="left") in found.labels]
    assert [ax.get_title(loc="left") for ax in panels] == list(found.labels)
    used = {}
    for m, ax in enumerate(panels):
        look = shown(ax)
        for i, j in np.ndindex(9, 9):
            colour = colour_at(look, found.axes[0].values[i], found.axes[1].values[j])
            if not found.reached[m, i, j]:
                diverged = found.ends.status[m, i, j] == "diverged"
                assert np.array_equal(colour, to_rgba(LOST if diverged else SLOW))
                continue
            [scale] = [name for name in BASINS[:4] if of_scale(colour, name)]
            star = np.abs(problem.x_star - found.ends.point[m, i, j][:, None]).sum(axis=0).argmin()
            used.setdefault(int(star), set()).add(scale)
        patterns = {collection.get_hatch(): collection for collection in ax.collections if collection.get_hatch()}
        for i, j in np.ndindex(9, 9):
            place = found.axes[0].values[i], found.axes[1].values[j]
            over = {name for name, drawn in patterns.items() if any(p.contains_point(place) for p in drawn.get_paths())}
            if found.reached[m, i, j]:
                star = np.abs(problem.x_star - found.ends.point[m, i, j][:, None]).sum(axis=0).argmin()
                assert over == {HATCHES[star]} - {""}  # what no colour vision mistakes
            else:
                assert over == ({LOST_HATCH} if found.ends.status[m, i, j] == "diverged" else set())
    assert len(used) == 4  # Himmelblau's function has four minima
    assert all(len(scales) == 1 for scales in used.values())  # in every panel the same
    assert len(set.union(*used.values())) == 4
    assert not found.reached.all()


@pytest.mark.parametrize("rates", ["lr=0.02,0.05,0.15,0.25,0.3", "lr=0.25,0.02,0.3,0.15,0.05"])
def test_a_map_of_parameters_shows_cost_slowness_and_divergence_where_they_are(rates):
    found = sweep("quadratic:kappa=10", "gd", [rates, "problem.kappa=10,5,100"], budget=500)
    ax = found.map().axes[0]
    look = shown(ax)
    kinds = set()
    for i, j in np.ndindex(5, 3):
        colour = colour_at(look, found.axes[0].values[i], found.axes[1].values[j])
        kind = str(found.ends.status[0, i, j])
        kinds.add(kind)
        expected = {"diverged": to_rgba(LOST), "budget": to_rgba(SLOW)}.get(kind)
        if expected is None:
            assert of_scale(colour, "viridis_r")
        else:
            assert np.array_equal(colour, expected), (i, j, kind)
    assert {"converged", "diverged"} <= kinds
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lr", "problem.kappa")
    assert ax.get_yscale() == "log"


def test_a_map_is_darker_where_the_target_costs_more():
    found = sweep("quadratic:kappa=10", "gd", ["lr=0.01:0.09:9", "w1=1,2"], budget=2_000)
    look = shown(found.map().axes[0])
    light = [colour_at(look, lr, 1.0)[:3].sum() for lr in found.axes[0].values]
    assert light == sorted(light)
    assert found.cost[0, :, 0].tolist() == sorted(found.cost[0, :, 0], reverse=True)


def test_the_figure_of_a_tuning_shows_every_case_the_median_and_its_interval():
    found = tune("quadratic:kappa=30", ["gd", "scipy:bfgs", "adam"], trials=6, cases=5, budget=150, target=1e-4)
    [ax] = found.figure().axes
    assert [label.get_text() for label in ax.get_yticklabels()] == [tuned.label for tuned in found.ranked]
    for k, tuned in enumerate(found.ranked):
        own = [line for line in ax.lines if len(line.get_ydata()) and np.all(np.asarray(line.get_ydata()) == k)]
        by_marker = {line.get_marker(): np.asarray(line.get_xdata()).tolist() for line in own}
        reached = tuned.cost[np.isfinite(tuned.cost)].tolist()
        assert sorted(by_marker.get("o", [])) == sorted(reached)
        assert by_marker.get(">", []) == [150] * (5 - len(reached))
        assert by_marker.get("|", []) == [tuned.median] * (tuned.median < INF)
        assert by_marker["None"] == list(tuned.interval)
    assert not all(np.isfinite(tuned.cost).all() for tuned in found.methods)


@pytest.mark.slow
def test_the_figure_of_a_profile_draws_the_step_functions():
    methods = ["gd:lr=0.01", "adam:lr=0.1", "scipy:bfgs"]
    found = profile(methods, "gallery", budget=60, tolerances=[0.1, 1e-3])
    panels = found.figure().axes
    assert len(panels) == 4
    for t, tolerance in enumerate(found.tolerances):
        for ax, amounts in ((panels[2 * t], found.costs[t]), (panels[2 * t + 1], ratios(found.costs[t]))):
            drawn = lines_of(ax, methods)
            assert sorted(drawn) == sorted(methods)
            assert sorted(text.get_text() for text in ax.texts) == sorted(methods)
            for m, label in enumerate(methods):
                x, y = (np.asarray(data) for data in drawn[label].get_data())
                assert drawn[label].get_drawstyle() == "steps-post"
                np.testing.assert_allclose(y, solved_within(amounts, x)[:, m])
                assert (np.diff(y) >= 0).all()
                assert (x[0], y[0]) == (1.0, (amounts[:, m] <= 1).mean())
        assert f"{tolerance:g}" in panels[2 * t].get_ylabel()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rows"), [("data", 2), ("performance", 2), ("quality", 1), ("runtime", 1)])
def test_the_figure_of_a_kind_has_the_width_of_its_style_and_names_at_the_ends(kind, rows):
    methods = ["gd:lr=0.01", "adam:lr=0.1", "scipy:bfgs", "scipy:nelder-mead"]
    found = profile(methods, "gallery", budget=60, tolerances=[0.1, 1e-3], kind=kind)
    figure = found.figure(style="paper")
    assert figure.get_figwidth() == 3.5
    assert len(figure.axes) == rows
    figure.draw_without_rendering()
    colours = {}
    for panel, ax in enumerate(figure.axes):
        drawn, steps = lines_of(ax, methods), found.steps(kind)
        for m, label in enumerate(methods):
            x, y = (np.asarray(data) for data in drawn[label].get_data())
            np.testing.assert_allclose(y, steps.heights(x)[panel, :, m])
            colours.setdefault(label, drawn[label].get_color())
            assert drawn[label].get_color() == colours[label]
        edge = ax.get_xlim()[1]
        assert edge == (found.tolerances[-1] if kind == "quality" else steps.high)
        boxes = [Text.get_window_extent(text) for text in ax.texts if text.get_text() in methods]
        assert len(boxes) == len(methods)
        for box, other in itertools.combinations(boxes, 2):
            assert not box.shrunk(1, 0.85).overlaps(other.shrunk(1, 0.85))
        for text in ax.texts:
            if text.get_text() in methods:
                end = steps.heights(np.array([edge]))[panel, 0, methods.index(text.get_text())]
                assert text.xy == (1, end)
                box = Text.get_window_extent(text)
                assert box.x1 <= figure.bbox.width
                assert box.x0 >= ax.get_window_extent().x1


@pytest.mark.slow
def test_bands_are_drawn_where_there_are_seeds():
    found = profile(["gd:lr=0.01", "adam:lr=0.1"], ["rosenbrock", "quadratic"], budget=60, noise=0.3, seeds=4)
    for kind in ("data", "performance", "quality"):
        assert all(len(ax.collections) == 2 for ax in found.drawn_as(kind).figure().axes)
    [ax] = found.drawn_as("runtime").figure().axes
    assert not ax.collections
    assert ax.get_xlim() == (1, 240)
    assert "budget" in [text.get_text() for text in ax.texts]


@pytest.mark.slow
def test_the_figure_of_log_ratios_has_a_bar_per_problem_that_either_solves():
    found = profile(["gd:lr=0.01", "adam:lr=0.1"], "gallery", budget=60, tolerances=[0.1, 1e-3], kind="log-ratio")
    for ax, ratios_at in zip(found.figure().axes, found.log_ratio, strict=True):
        bars = [patch.get_height() for patch in ax.patches]
        assert sorted(bars) == sorted(ratios_at[~np.isnan(ratios_at) & (ratios_at != 0)].tolist())
        words = [text.get_text() for text in ax.texts]
        assert words == [
            f"adam:lr=0.1\ncheaper on {(ratios_at > 0).sum()}",
            f"neither solves {np.isnan(ratios_at).sum()}",
            f"gd:lr=0.01\ncheaper on {(ratios_at < 0).sum()}",
        ]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 0.3)), min_size=1, max_size=8))
def test_labels_are_moved_apart_and_no_farther_than_they_must_be(labels):
    places, sizes = np.array(labels).T
    found = apart(places, sizes)
    order = np.argsort(found)
    gaps = np.diff(found[order]) - (sizes[order][1:] + sizes[order][:-1]) / 2
    assert (gaps >= -1e-9).all()
    assert (np.diff(places[order]) >= 0).all()
    assert found.min() - sizes[order[0]] / 2 >= -1e-9
    if sizes.sum() <= 1:
        assert found.max() + sizes[order[-1]] / 2 <= 1 + 1e-9
    if len(labels) == 1 and sizes[0] / 2 <= places[0] <= 1 - sizes[0] / 2:
        assert found[0] == pytest.approx(places[0], abs=1e-12)
