"""What is drawn of a path: parts of its own steps, all of what the window shows of them, and nothing else."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import stepbench
from stepbench import Problem
from stepbench.engine.running import run_quietly
from stepbench.report import curves, landscape, paths, plots

VIEW = ((-2.0, 2.0), (-1.0, 1.0))
near = st.floats(-4, 4, allow_subnormal=False)
far = st.floats(-1e7, 1e7, allow_subnormal=False)
points = st.lists(st.tuples(near | far, near | far), min_size=1, max_size=12).map(np.array)


def distance_from_segment(w, a, b):
    along = b - a
    share = np.clip(np.dot(w - a, along) / np.dot(along, along), 0, 1) if np.dot(along, along) > 0 else 0.0
    return np.linalg.norm(w - (a + share * along))


@given(points)
def test_what_is_drawn_lies_on_the_steps_and_in_the_window(path):
    steps = paths.steps_in_sight(VIEW, path)
    for k, (first, last, point) in enumerate(steps):
        assert np.isnan(first).all() == np.isnan(last).all()
        rounding = 1e-15 * max(1, np.abs(path[max(k - 1, 0) : k + 1]).max())
        for w in (first, last):
            if not np.isnan(w).any():
                assert paths.inside(VIEW, w)
                assert distance_from_segment(w, path[max(k - 1, 0)], path[k]) <= 4 * rounding
        if paths.inside(VIEW, path[k]):
            assert (point == path[k]).all()
            assert (last == path[k]).all()
        else:
            assert np.isnan(point).all()


@given(points)
def test_all_of_the_steps_that_the_window_shows_is_drawn(path):
    """Of many points along each step, those within the window, and only they, lie between the ends that are drawn."""
    steps = paths.steps_in_sight(VIEW, path)
    share = np.linspace(0, 1, 101)[:, None]
    for (a, b), (first, last, _) in zip(itertools.pairwise(path), steps[1:], strict=True):
        along = a + share * (b - a)
        tolerance = 1e-12 * max(1, np.abs(b - a).max())
        shrunk = tuple((low + tolerance, high - tolerance) for low, high in VIEW)
        seen = along[paths.inside(shrunk, along)]
        if len(seen):
            assert np.dot(last - first, b - a) >= 0
            for w in seen:
                assert distance_from_segment(w, first, last) <= tolerance


@given(points, st.data())
def test_no_line_joins_points_that_no_step_joined(path, data):
    joined = np.array(data.draw(st.lists(st.booleans(), min_size=len(path), max_size=len(path))))
    steps = paths.steps_in_sight(VIEW, path, joined)
    assert np.isnan(steps[~joined][:, :2]).all()
    line = steps.reshape(-1, 2)
    for k, (v, w) in enumerate(itertools.pairwise(line)):
        if not np.isnan([v, w]).any() and (v != w).any():
            assert k % 3 == 0  # from one end of a step to the other, and nowhere else
            assert joined[k // 3]


def test_a_point_at_infinity_or_beyond_all_numbers_leaves_no_line():
    for beyond in (1e300, 1.7e308, math.inf, math.nan):
        path = np.array([[0, 0], [beyond, beyond], [-1.7e308, beyond], [1, 0.5]])
        steps = paths.steps_in_sight(VIEW, path)
        drawn = steps[~np.isnan(steps).any(axis=2)]
        assert paths.inside(VIEW, drawn).all()
        # It leaves by the diagonal, or not at all, and comes back to (1, 0.5) level, or by the other diagonal.
        assert set(map(tuple, drawn.round(6))) <= {(0, 0), (1, 1), (1, 0.5), (-2, 0.5), (0.5, 1)}
    assert paths.last_in_sight(VIEW, np.array([[0, 0], [1e29, 1e29]])).tolist() == [[0, 0], [1, 1]]


def test_a_path_is_last_seen_where_it_leaves():
    path = np.array([[0, 0], [4, 0], [4, 4], [-4, 0], [-9, 0], [0.5, 0.5], [0.5, 9]])
    seen = paths.last_in_sight(VIEW, path)
    np.testing.assert_allclose(seen, [[0, 0], [2, 0], [2, 0], [-2, 1], [-2, 1], [0.5, 0.5], [0.5, 1]])
    assert np.isnan(paths.last_in_sight(VIEW, path[1:3])).all()


class Kink(Problem):
    """|w₁| + w₂²: gradient descent with 2.05 makes w₂ 3.1 times as large at every step, and never meets infinity."""

    x0 = (1.0, 2.0)

    def f(self, x):
        return np.abs(x[0]) + x[1] ** 2

    def grad(self, x):
        return np.array([np.sign(x[0]), 2 * x[1]])


class Fall(Problem):
    """w₁² − w₂²: w₂ grows for ever, and f falls."""

    x0 = (1.0, 0.5)

    def f(self, x):
        return x[0] ** 2 - x[1] ** 2


def test_a_run_that_explodes_though_finite_leaves_the_window_of_the_others():
    lost, stays, slow = (run_quietly(Kink(), m, budget=60) for m in ("gd:lr=2.05", "gd:lr=0.1", "adam:lr=0.05"))
    assert lost.status == "budget"
    assert np.abs(lost.x).max() > 1e29
    both = landscape.window([stays, slow])
    assert landscape.window([lost, stays, slow]) == both
    assert all(high - low < 5 for low, high in both)
    figure = plots.comparison_figure([lost, stays, slow])
    marks = {line.get_label(): line for line in figure.axes[0].lines}
    assert "leaves the window" in marks
    (left, right), (bottom, top) = both
    x, y = np.ravel(marks["leaves the window"].get_data())
    assert x in (left, right) or y in (bottom, top)


@pytest.mark.parametrize(("problem", "method", "factor"), [(Kink(), "gd:lr=2.05", 3.1), (Fall(), "gd:lr=0.1", 1.2)])
def test_a_run_that_explodes_alone_is_shown_as_far_as_its_curve_is(problem, method, factor):
    r = run_quietly(problem, method, budget=400)
    (left, right), (bottom, top) = landscape.window([r])
    largest = (1e6 if (r.f <= 0).any() else 1e3) * r.f[0]
    in_sight = np.flatnonzero(np.abs(r.f) > largest)[0] if (np.abs(r.f) > largest).any() else len(r.f)
    assert paths.inside(((left, right), (bottom, top)), r.x[:in_sight]).all()
    most = np.abs(r.x[:in_sight]).max()
    assert max(right - left, top - bottom) < 4 * factor * most


def drawn_path(ax):
    return max((line.get_xydata() for line in ax.lines if line.get_marker() == "None"), key=len)


@pytest.mark.parametrize("every", [1, 7])
def test_a_trace_has_a_line_for_every_step_and_none_between_records_that_are_apart(every):
    r = stepbench.run("rosenbrock", "momentum:lr=0.001", steps=60, every=every)
    ax = Figure().subplots()
    landscape.draw_contours(ax, r.problem, landscape.window([r]))
    plots.draw_trace(ax, r, 0)
    line = drawn_path(ax)
    joins = [(v, w) for v, w in itertools.pairwise(line) if (v != w).any() and np.isfinite([v, w]).all()]
    within = paths.inside(landscape.frame(ax), r.x)
    assert bool(joins) == (every == 1)
    if every == 1:
        assert len(joins) >= (within[1:] & within[:-1]).sum()
    [dots] = [line.get_xydata() for line in ax.lines if line.get_label() == "step"]
    np.testing.assert_array_equal(dots[~np.isnan(dots[:, 0])], r.x[within])


@pytest.mark.parametrize(
    ("problem", "method", "budget"),
    [
        ("rosenbrock", "gd:lr=0.01", 300),
        ("rosenbrock", "momentum:lr=0.002", 2000),
        ("quadratic", "gd:lr=2.5", 50),
        ("monkey-saddle", "gd:lr=0.05", 100),
    ],
)
def test_the_cross_of_a_diverged_run_stands_on_its_curve(problem, method, budget):
    """On the screen: on a straight line between two records, and not above the axes."""
    r = run_quietly(problem, method, budget=budget)
    assert r.status == "diverged"
    figure = Figure()
    ax = figure.subplots()
    [[curve, cross, *_]] = curves.draw_errors(ax, [r])
    with np.errstate(all="ignore"):
        path = ax.transData.transform(curve.get_xydata())
    [at] = ax.transData.transform(cross.get_xydata())
    box = ax.get_window_extent()
    assert box.y0 - 1e-6 <= at[1] <= box.y1 + 1e-6
    known = [(a, b) for a, b in itertools.pairwise(path) if np.isfinite([a, b]).all()]
    assert min(distance_from_segment(at, a, b) for a, b in known) < 1e-6
    values = curve.get_ydata()
    np.testing.assert_array_equal(values, r.f if r.error is None else r.error)  # nothing is pulled inward


class Hollow(Problem):
    """s/(1 + s) of s = w₁² + 3w₂²: a hollow in a plateau on which f is nearly 1."""

    x0 = (1.0, 2.0)
    f_star = 0.0
    x_star = (0.0, 0.0)

    def f(self, w):
        s = w[0] ** 2 + 3 * w[1] ** 2
        return s / (1 + s)


class Uncharted(Hollow):
    f_star = None
    x_star = None


def leaping(problem, at, far):
    """A run that after some steps leaps to a far place, and stays there."""
    r = run_quietly(problem, "gd:lr=0.2", budget=200)
    x = r.x.copy()
    x[at:] = far
    f = problem.f(x.T)
    return dataclasses.replace(r, x=x, f=f)


@pytest.mark.one_in(11)
@pytest.mark.parametrize("problem", [Hollow(), Uncharted()])
@pytest.mark.parametrize("at", [5, 60, 190])
@pytest.mark.parametrize("far", [(1e6, 3e5), (-200.0, 0.0), (0.0, 1e100)])
def test_a_leap_onto_a_far_plateau_leaves_what_was_before_it_to_be_seen(problem, at, far):
    r = leaping(problem, at, far)
    view = landscape.window([r])
    seen = np.concatenate([r.x[:at], np.zeros((int(problem.x_star is not None), 2))])
    assert paths.inside(view, seen).all()
    size = np.ptp(seen, axis=0).max() + 0.1 * np.abs(problem.x0).max()  # the margin grows with the start
    assert max(high - low for low, high in view) < 3 * size
    axes = r.figure().axes
    assert f"{201 - at} of 201 points outside" in [text.get_text() for text in axes[0].texts]
    assert "leaves the window" in [line.get_label() for line in axes[0].lines]


def test_the_window_holds_a_start_that_lies_outside_the_problems_own():
    near, far = (run_quietly("rosenbrock", "gd", start=start, budget=5) for start in ((-1, 0), (30, 40)))
    assert landscape.window([near]) == near.problem.view
    assert paths.inside(landscape.window([near, far]), [(-1, 0), (30, 40), (1, 1)]).all()


def test_what_is_told_to_lie_outside_is_counted_for_each_run():
    runs = [leaping(Hollow(), at, (1e6, 0.0)) for at in (150, 200, 201)]
    lines = paths.out_of_sight(landscape.window(runs), runs)
    assert lines == ["gd:lr=0.2: 51 of 201 points outside", "gd:lr=0.2: 1 of 201 points outside"]
