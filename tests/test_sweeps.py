"""Sweeps and tuning: what is varied, which runs that makes, what is read off them, and whether tuning is fair."""

import itertools
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import EVERY_METHOD
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, catalog
from stepbench.contracts import hyperparameters
from stepbench.fields import fields_of, show_value
from stepbench.report.study_tables import sweep_notes, tuning_notes
from stepbench.study import Study
from stepbench.study.grid import axes, groups, interval
from stepbench.study.sweep import sweep, window_axes
from stepbench.study.tune import tune

INF = math.inf


def read(*texts, problem="quadratic", methods=("gd",)):
    return axes(texts, catalog.problem(problem), [catalog.method(method) for method in methods])


def values(text, **where):
    [axis] = read(text, **where)
    return axis.values


def run_of(problem, method, **options):
    """A run in full; divergence is told by its status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stepbench.DivergenceWarning)
        return stepbench.run(problem, method, **options)


# What is varied.

short = st.floats(1e-12, 1e12).map(lambda x: float(f"{x:.12g}"))
"""Numbers of at most twelve digits."""


@given(st.lists(st.floats(min_value=0, exclude_min=True, allow_infinity=False), min_size=1, max_size=9, unique=True))
def test_listed_numbers_are_taken_as_they_are_in_order_of_size(numbers):
    assert values("lr=" + ",".join(map(repr, numbers))) == tuple(sorted(numbers))
    [given_as_they_are] = axes({"lr": np.array(numbers)}, catalog.problem("quadratic"), [catalog.method("gd")])
    assert given_as_they_are.values == tuple(sorted(numbers))


@given(short, short, st.integers(2, 200), st.booleans())
def test_a_range_goes_evenly_from_end_to_end_in_twelve_digits(a, b, n, log):
    low, high = sorted((a, b))
    if high < low * (1 + 1e-6):
        high = float(f"{2 * low:.12g}")
    found = values(f"lr={low!r}:{high!r}:{n}{':log' * log}")
    assert len(found) == n
    assert (found[0], found[-1]) == (low, high)
    spread = np.log(found) if log else np.array(found)
    even = np.linspace(spread[0], spread[-1], n)
    np.testing.assert_allclose(spread, even, rtol=1e-11, atol=1e-11 if log else 0)
    assert all(float(f"{value:.12g}") == value for value in found)


@given(short, st.integers(2, 50), st.sampled_from(["", ":log"]))
def test_what_is_printed_makes_the_same_run_again(low, n, log):
    found = values(f"lr={low!r}:{1000 * low!r}:{n}{log}")
    assert values("lr=" + ",".join(show_value(value) for value in found)) == found
    assert values("lr=" + ",".join(map(str, found))) == found


@given(st.integers(0, 1000), st.integers(1, 300))
def test_two_integers_are_all_from_the_first_up_to_but_not_the_second(first, n):
    assert values(f"seed={first}:{first + n}") == tuple(range(first, first + n))


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ("lr=1:3", {}, (1.0, 2.0)),
        ("lr=0.1:0.5:5", {}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("lr=1e-4:1:5:log", {}, (1e-4, 1e-3, 1e-2, 0.1, 1.0)),
        (" lr = 1e-2, 2e-2", {}, (0.01, 0.02)),
        ("K=1:4", {"methods": ["csawg"]}, (1, 2, 3)),
        ("K=1:100:3:log", {"methods": ["csawg"]}, (1, 10, 100)),
        ("K=1:4:50", {"methods": ["csawg"]}, (1, 2, 3, 4)),  # whole numbers, each once
        ("seed=3,1,2", {}, (1, 2, 3)),
        ("problem.kappa=10:1000:3:log", {}, (10.0, 100.0, 1000.0)),
        ("w2=-2:2:5", {}, (-2.0, -1.0, 0.0, 1.0, 2.0)),
        ("w1=-2:1", {}, (-2.0, -1.0, 0.0)),
        ("per=run,component", {"methods": ["rdbd"]}, ("run", "component")),
        ("per=component,run", {"methods": ["rdbd"]}, ("component", "run")),
        ("bias_correction=true,false", {"methods": ["amsgrad"]}, (True, False)),
        ("gamma=none,0.2", {"methods": ["tlr"]}, (None, 0.2)),
    ],
)
def test_an_axis_is_read(text, where, expected):
    found = values(text, **where)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_numbers_over_more_than_a_decade_are_drawn_on_a_logarithmic_axis():
    logarithmic = [read(text)[0].log for text in ("lr=1e-3:1:4:log", "lr=1e-3,1", "lr=1e-3:1:4", "lr=1,2", "seed=0:99")]
    assert logarithmic == [True, True, False, False, False]


def test_a_very_wide_range_has_as_many_values_as_a_narrow_one():
    found = values("lr=1e-200:1e200:5:log")
    np.testing.assert_allclose(np.log10(found), [-200, -100, 0, 100, 200], atol=1e-9)


@pytest.mark.parametrize(
    ("over", "says"),
    [
        (["lr=0.1,0.2,0.1"], "lr has the value 0.1 twice"),
        (["lr=0.1,1e-1"], "lr has the value 0.1 twice"),
        (["lr=0.1,0.2", "lr=0.3"], "lr is varied twice"),
        (["lr"], "'lr' varies nothing"),
        (["lr="], "must be a number"),
        (["lr=0.1,,0.2"], "must be a number"),
        (["lr=a,b"], "must be a number"),
        (["lr=nan,1"], "must be a number in (0, inf)"),
        (["lr=inf"], "must be a number in (0, inf)"),
        (["lr=0,1"], "must be a number in (0, inf)"),
        (["lr=-1:1:5"], "must be a number in (0, inf)"),
        (["lr=0:1:5:log"], "must be a number in (0, inf)"),
        (["w1=0:1:5:log"], "a logarithm needs numbers above 0"),
        (["w1=-1:1:5:log"], "a logarithm needs numbers above 0"),
        (["lr=1:0.1:5"], "must go up"),
        (["lr=1:1:5"], "must go up"),
        (["lr=1:inf:5"], "must be a number in (0, inf)"),
        (["w1=0:1e400:3"], "must be a number in (-inf, inf)"),
        (["lr=1e-4:1"], "how many values?"),
        (["lr=1e-4:1:log"], "how many values? Write 1e-4:1:60:log"),
        (["lr=1e-4:1:many"], "how many values?"),
        (["lr=1e-4:1:2.5"], "how many values?"),
        (["lr=1e-4:1:1"], "from 2 to"),
        (["lr=1e-4:1:-3"], "from 2 to"),
        (["lr=1e-4:1:2000000"], "from 2 to"),
        (["lr=1e-4:1:5:lin"], "write values as"),
        (["lr=1e-4:1:5:log:6"], "write values as"),
        (["lr=a:1:5"], "'a' is not a number"),
        (["seed=3:3"], "there are none"),
        (["seed=3:1"], "there are none"),
        (["seed=-1,2"], "[0, inf)"),
        (["seed=0.5,2"], "must be an integer"),
        (["seed=0:2000000"], "1,000,000"),
        (["kappa=1,2"], "the problem's is problem.kappa"),
        (["problem.kapa=1,2"], "did you mean kappa?"),
        (["problem.kappa=0.5"], "[1, 1e12]"),
        (["problem.dim=2.5"], "must be an integer"),
        (["lrr=1,2"], "did you mean lr?"),
        (["w3=1,2"], "w1 to w2"),
        (["w0=1,2"], "no hyper-parameter w0"),
        (["per=rum,component"], "must be run or tensor or component"),
        (["lr=1e-3:1:1000", "w1=0:1:1000", "w2=0:1:2"], "2,000,000 runs"),
        ({"lr": []}, "no values"),
        ({"lr": ["a"]}, "must be a number"),
        ({"lr": [0.1, 0.1]}, "twice"),
        ({"lr": [0.1, -0.1]}, "must be a number in (0, inf)"),
    ],
)
def test_what_varies_nothing_is_refused_in_words(over, says):
    with pytest.raises(InputError) as refused:
        axes(over, catalog.problem("quadratic"), [catalog.method("gd")])
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("over", [{"lr": 0.1}, {"lr": np.float64(0.1)}, {"lr": np.ones((2, 2))}, {"lr": None}])
def test_values_by_name_that_are_no_list_are_refused(over):
    with pytest.raises(InputError, match="lr"):
        axes(over, catalog.problem("quadratic"), [catalog.method("gd")])


def test_an_axis_must_be_known_to_every_method():
    assert values("beta1=0.5,0.9", methods=["adam", "nadam"]) == (0.5, 0.9)
    with pytest.raises(InputError, match="gd has no hyper-parameter beta1"):
        read("beta1=0.5,0.9", methods=["adam", "gd"])


def test_values_must_be_within_the_bounds_of_every_method():
    assert values("c=1,2", methods=["sps"]) == (1.0, 2.0)
    with pytest.raises(InputError, match=r"c=1.0 must be a number in \(0, 1\)"):
        read("c=1,2", methods=["sps", "sls"])


# Which runs that makes.


def cells_of(over, method, problem="quadratic", start=None):
    """Every cell as the groups have it: (problem, method with its values, seed, start), by its index in the grid."""
    problem, method = catalog.problem(problem), catalog.method(method)
    found = {}
    made = [*groups(problem, method, axes(over, problem, [method]), 7, start)]
    for group in made:
        for r, cell in enumerate(group.cells.tolist()):
            assert cell not in found
            own = {name: float(column[r]) for name, column in group.values.items()}
            point = group.start if group.start is None or group.start.ndim == 1 else group.start[:, r]
            point = None if point is None else point.tolist()
            found[cell] = str(group.problem), catalog.method(group.method, **own).spec(), group.seed, point
    return made, found


@pytest.mark.parametrize(
    ("over", "method", "apart"),
    [
        (["lr=1,2,3"], "gd", 1),
        (["lr=1,2,3", "eta=0:0.1:4"], "rdbd", 1),
        (["seed=0:3", "lr=1,2"], "gd", 3),
        (["lr=1,2", "seed=0:3"], "gd", 3),
        (["lr=1,2", "K=1,2,5"], "csawg", 3),
        (["K=1,2,5", "w2=0:1:4", "lr=1,2", "seed=5,8"], "csawg", 6),
        (["problem.kappa=10,100", "lr=1,2,3", "problem.angle=0,45"], "gd", 4),
        (["w1=0,1,2", "w2=5,6"], "gd", 1),
        (["per=run,component", "lr=1,2"], "rdbd", 2),
        (["gamma=none,0.2,0.3", "lr=1,2"], "tlr", 3),
        (["gamma=0.2,0.3", "lr=1,2"], "tlr", 1),
        (["w1=0,1", "w2=2,3,4"], "scipy:bfgs", 6),
        (["tol=1e-9,1e-6", "w2=2,3,4"], "scipy:bfgs", 6),
    ],
)
def test_groups_hold_every_cell_once_and_share_what_can_go_in_lock_step(over, method, apart):
    made, found = cells_of(over, method)
    assert len(made) == apart
    grid = read(*over, methods=[method])
    assert sorted(found) == [*range(math.prod(len(axis.values) for axis in grid))]
    for cell, chosen in enumerate(itertools.product(*(axis.values for axis in grid))):
        own = {axis.name: value for axis, value in zip(grid, chosen, strict=True)}
        problem = {name[8:]: value for name, value in own.items() if name.startswith("problem.")}
        starts = {int(name[1:]) - 1: value for name, value in own.items() if name in ("w1", "w2")}
        rest = {name: value for name, value in own.items() if name not in ("seed", "w1", "w2") and "." not in name}
        stated = catalog.problem("quadratic", **problem)
        point = [starts.get(i, float(stated.x0[i])) for i in range(2)] if starts else None
        assert found[cell] == (str(stated), catalog.method(method, **rest).spec(), own.get("seed", 7), point)


def test_a_component_of_the_start_replaces_that_of_the_start_that_is_given():
    _, found = cells_of(["w2=5,6"], "gd", start=[8.0, 9.0])
    assert [point for *_, point in found.values()] == [[8.0, 5.0], [8.0, 6.0]]
    _, found = cells_of(["lr=1,2"], "gd", start=[8.0, 9.0])
    assert [point for *_, point in found.values()] == [[8.0, 9.0], [8.0, 9.0]]


@pytest.mark.parametrize(
    ("over", "method"),
    [
        (["lr=1e-4:0.3:4:log", "problem.kappa=10,100", "w1=0.5,2"], "momentum"),
        (["seed=0:2", "lr=1e-3,1e-2", "K=1,2"], "csawg"),
        (["w1=-2,1", "w2=0.5,3"], "scipy:bfgs"),
    ],
)
def test_every_run_of_a_sweep_has_the_bits_that_it_has_alone(over, method):
    noise = 0.0 if method.startswith("scipy") else 0.1
    found = sweep("quadratic", method, over, budget=60, noise=noise)
    shape = tuple(len(axis.values) for axis in found.axes)
    assert found.ends.f.shape == (1, *shape)
    for at in np.ndindex(shape):
        own = {axis.name: axis.values[i] for axis, i in zip(found.axes, at, strict=True)}
        problem = catalog.problem("quadratic", **{n[8:]: v for n, v in own.items() if n.startswith("problem.")})
        start = [own.get("w1", float(problem.x0[0])), own.get("w2", float(problem.x0[1]))]
        rest = {n: v for n, v in own.items() if n not in ("seed", "w1", "w2") and "." not in n}
        options = {"start": start, "seed": own.get("seed", 0), "budget": 60, "noise": noise, "target": 1e-6}
        alone = run_of(problem, catalog.method(method, **rest), **options)
        here = (0, *at)
        assert found.ends.point[here].tolist() == alone.x[-1].tolist()
        assert found.ends.error[here] == alone.error[-1]
        assert (found.ends.status[here], found.ends.evals[here]) == (alone.status, alone.evals[-1])
        assert found.cost[here] == (alone.evals[-1] if alone.error[-1] <= 1e-6 else INF)


# What is read off them.

# Gradient descent on ½ (10 w₁² + w₂²) from (1, 0) multiplies w₁ by q = 1 − 10 lr at every step, so that the error is
# 5 q²ᵗ after t of them. It is at most 10⁻⁶ from t = ⌈15.425 / (2 ln 1/|q|)⌉ on, with 15.425 = ln(5·10⁶):
#   |q| = 1/4 (lr 0.075 and 0.125): 5.56, so 6;  1/2 (0.05 and 0.15): 11.13, so 12;  0.8 (0.02 and 0.18): 34.6, so 35
# At lr = 2/L = 0.2, q is −1, and w₁ jumps from side to side for ever; at 0.21 it is −1.1 and w₁ grows for ever.
RATES = (0.02, 0.05, 0.075, 0.125, 0.15, 0.18, 0.2, 0.21, 0.3)
COSTS = [35, 12, 6, 6, 12, 35, INF, INF, INF]


def bowl(method="gd", over=None, **options):
    over = {"lr": RATES} if over is None else over
    return sweep("quadratic:kappa=10", method, over, start=[1.0, 0.0], **{"budget": 4_000} | options)


def test_gradient_descent_on_a_bowl_costs_what_it_does_by_hand():
    [line] = bowl().sensitivities()
    assert line.label == "gd"
    assert line.cost.tolist() == COSTS
    assert line.least.tolist() == line.most.tolist() == COSTS
    assert line.reached.tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_the_diverged_region_begins_right_above_two_over_the_smoothness():
    found = bowl()
    assert found.ends.status[0].tolist() == ["converged"] * 6 + ["budget"] + ["diverged"] * 2
    assert found.sensitivities()[0].diverged.tolist() == [0] * 7 + [1, 1]
    assert found.ends.error[0, 6] == 5.0  # at 2/L exactly, the error of the start


def test_the_best_value_the_usable_range_and_its_decades():
    [line] = bowl().sensitivities()
    assert line.axis.values[line.best] == 0.075  # the first of the two that cost 6
    assert [line.axis.values[k] for k in line.usable] == [0.05, 0.15]  # 12 is twice as much, and still in
    assert line.decades == pytest.approx(math.log10(3))


def test_the_usable_range_is_the_one_around_the_best_value():
    # a second valley, at 0.35 … 0.5, does not count: it is not joined to the best value
    [line] = bowl(over={"lr": [0.02, 0.05, 0.075, 0.18, 0.15]}).sensitivities()
    assert [line.axis.values[k] for k in line.usable] == [0.05, 0.15]
    [line] = bowl(over={"lr": [0.02, 0.075, 0.18, 0.19]}).sensitivities()
    assert line.usable == (1, 1)
    assert line.decades == 0


def test_a_list_of_values_means_the_same_in_any_order():
    [up], [down] = bowl().sensitivities(), bowl(over={"lr": RATES[::-1]}).sensitivities()
    assert up.axis.values[up.best] == down.axis.values[down.best]
    assert {up.axis.values[k] for k in up.usable} == {down.axis.values[k] for k in down.usable}
    assert up.decades == down.decades > 0


def test_where_no_run_reaches_the_target_the_best_value_has_the_least_error_of_those_that_did_not_diverge():
    [line] = bowl(budget=4, target=0.0).sensitivities()  # 4 steps are too few to diverge
    assert line.cost.tolist() == [INF] * len(RATES)
    assert line.usable is line.decades is None
    assert line.axis.values[line.best] == 0.075
    [line] = bowl(over={"lr": [0.2, 0.5, 0.19]}, budget=400, target=0.0).sensitivities()
    assert (line.diverged.tolist(), line.axis.values[line.best]) == ([0, 0, 1], 0.19)


def test_a_range_over_seeds_or_choices_has_no_decades():
    [line] = bowl("gd:lr=0.05", ["seed=0:3"]).sensitivities()
    assert (line.cost.tolist(), line.usable, line.decades) == ([12, 12, 12], None, None)
    [line] = sweep("quadratic", "rdbd", ["per=run,component"], budget=20).sensitivities()
    assert line.decades is None
    [line] = bowl("gd:lr=0.05", ["w1=-1,0.5,1"]).sensitivities()
    assert (line.usable, line.decades) == ((0, 2), None)  # no powers of ten below 0


def test_each_method_and_each_value_of_another_axis_has_a_line_of_its_own():
    over = {"lr": RATES[:4], "problem.kappa": [10, 20]}
    found = bowl(["gd", "momentum:p=0"], over)
    lines = found.sensitivities()
    labels = [f"{m} problem.kappa={k}" for m in ("gd", "momentum:p=0") for k in (10, 20)]
    assert [line.label for line in lines] == labels
    assert found.cost.shape == (2, 4, 2)
    assert lines[0].cost.tolist() == lines[2].cost.tolist() == COSTS[:4]
    np.testing.assert_array_equal(lines[1].cost, found.cost[0, :, 1])
    assert lines[1].cost.tolist() != lines[0].cost.tolist()


@pytest.mark.parametrize("over", [["lr=0.02,0.05,0.15", "seed=0:5"], ["lr=0.02,0.05,0.15", "w2=0,0.1", "seed=0:5"]])
def test_over_seeds_a_cost_is_the_median_and_its_extremes(over):
    found = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], over, target=0.05, budget=400, noise=0.5)
    lines = found.sensitivities()
    costs = found.cost if len(over) == 2 else np.moveaxis(found.cost, 2, 1)
    costs = costs.reshape(len(lines), 3, 5)
    assert len({tuple(own) for own in costs.reshape(-1, 5).tolist()}) > 3  # seeds do differ
    for line, own in zip(lines, costs, strict=True):
        assert line.cost.tolist() == [sorted(row)[2] for row in own.tolist()]
        assert line.least.tolist() == [min(row) for row in own.tolist()]
        assert line.most.tolist() == [max(row) for row in own.tolist()]
        assert line.reached.tolist() == [sum(cost < INF for cost in row) / 5 for row in own.tolist()]
    assert "costs are medians over 5 seeds" in sweep_notes(found)


def test_most_seeds_must_reach_the_target():
    found = sweep("quadratic:kappa=10", "gd:lr=0.05", ["lr=0.05,0.06", "seed=0:5"], target=3e-4, budget=60, noise=0.5)
    for line, costs in zip(found.sensitivities(), found.cost, strict=True):
        for k, row in enumerate(costs.tolist()):
            assert (line.cost[k] < INF) == (sum(cost < INF for cost in row) > 2)
        assert any(0 < part < 1 for part in line.reached)


def test_a_problem_without_a_known_minimum_is_compared_by_f_at_the_end():
    found = sweep("mccormick", ["gd", "adam"], ["lr=0.01,0.1,0.3"], budget=50)
    assert found.target is None
    assert np.isinf(found.cost).all()
    for line, f in zip(found.sensitivities(), found.ends.f, strict=True):
        assert line.left.tolist() == f.tolist()
        assert line.best == np.argmin(f)
        assert line.usable is line.decades is None
    assert any("does not know its minimum" in note for note in sweep_notes(found))


def test_without_a_target_nothing_untrue_is_said_of_the_problem():
    found = sweep("quadratic", "gd", ["lr=1e-4,1e-3"], budget=10, target=None)
    assert np.isinf(found.cost).all()
    assert not any("does not know its minimum" in note for note in sweep_notes(found))


def test_a_method_that_asks_for_no_gradients_is_counted_in_evaluations_of_f():
    found = sweep("quadratic", "scipy:nelder-mead", ["w1=-1,2"], budget=500)
    alone = [stepbench.run("quadratic", "scipy:nelder-mead", start=[w, 2.0], target=1e-6) for w in (-1.0, 2.0)]
    assert found.cost[0].tolist() == [run.fevals[-1] for run in alone]


def test_notes_say_who_was_told_the_minimum_and_where_the_best_is_at_an_edge():
    found = sweep("quadratic:kappa=10", ["gd", "polyak"], ["w1=1,2"], start=[1.0, 0.0])
    assert "polyak was told the minimum f*; the others were not" in sweep_notes(found)
    assert any("is at an edge of the sweep" in note for note in sweep_notes(bowl(over={"lr": RATES[:3]})))
    assert not any("is at an edge of the sweep" in note for note in sweep_notes(bowl()))
    [note] = sweep_notes(bowl(over={"lr": RATES[:3]}, budget=3))
    assert note.startswith("no run reached the error 1e-06; the least error was ")


def test_a_run_below_the_declared_minimum_has_failed_and_not_reached_the_target():
    Path("low.py").write_text(
        "from stepbench import Problem\n\n\nclass Low(Problem):\n    x0 = (-1.0, 0.5)\n    f_star = 0.5\n\n"
        "    def f(self, x):\n        return x[0] ** 2 + x[1] ** 2\n"
    )
    found = sweep("./low.py", "gd", ["lr=0.1,0.4"])
    assert found.ends.status.tolist() == [["failed", "failed"]]
    assert not found.reached.any()
    assert any(note.startswith("2 runs failed") for note in sweep_notes(found))


def test_a_window_is_swept_along_both_sides():
    problem = catalog.problem("himmelblau")
    first, second = axes(window_axes(problem, 5), problem, [catalog.method("gd")])
    for axis, (low, high) in zip((first, second), problem.view, strict=True):
        assert axis.kind == "start"
        np.testing.assert_allclose(axis.values, np.linspace(low, high, 5), rtol=1e-11)
    assert (first.name, second.name, first.component, second.component) == ("w1", "w2", 0, 1)
    with pytest.raises(InputError, match="rosenbrock:dim=3 has no window"):
        window_axes(catalog.problem("rosenbrock:dim=3"), 5)


@pytest.mark.parametrize("name", [name for name in catalog.names("problems") if catalog.problem(name).view])
def test_every_window_makes_two_axes(name):
    problem = catalog.problem(name)
    found = axes(window_axes(problem, 3), problem, [catalog.method("gd")])
    assert [len(axis.values) for axis in found] == [3, 3]


def test_parameters_of_the_problem_may_change_its_dimension():
    found = sweep("quadratic", "gd", ["problem.dim=2,5", "lr=1e-4,1e-3"], budget=20)
    for k, dim in enumerate((2, 5)):
        alone = stepbench.run(f"quadratic:dim={dim}", "gd:lr=1e-3", budget=20)
        assert found.ends.f[0, k, 1] == alone.f[-1]
        assert found.ends.point[0, k, 1, :dim].tolist() == alone.x[-1].tolist()


@pytest.mark.parametrize(
    ("problem", "over", "options", "says"),
    [
        ("quadratic", ["lr=1,2"], {"budget": 0}, "budget must be"),
        ("quadratic", ["lr=1,2"], {"budget": -5}, "budget must be"),
        ("quadratic", ["lr=1,2"], {"budget": 1e3}, "budget must be"),
        ("quadratic", ["lr=1,2"], {"steps": 0}, "steps must be"),
        ("quadratic", ["lr=1,2"], {"steps": -3}, "steps must be"),
        ("quadratic", ["lr=1,2"], {"target": -1.0}, "target must be"),
        ("quadratic", ["lr=1,2"], {"noise": -1.0}, "noise must be"),
        ("quadratic", ["lr=1,2"], {"seed": -1}, "seed"),
        ("quadratic", ["lr=1,2"], {"seed": 10**30}, "seed"),
        ("quadratic", ["seed=1,99999999999999999999"], {}, "seed"),
        ("quadratic", ["lr=1,2"], {"start": [1.0]}, "start"),
        ("quadratic", ["lr=1,2"], {"start": [1.0, math.nan]}, "start"),
        ("quadratic", ["lr=1,2"], {"start": [1e200, 1.0]}, "1e100"),
        ("quadratic", ["w1=1,1e200"], {}, "1e100"),
        ("quadratic", ["w2=1,2"], {"start": [1.0]}, "start"),
        ("quadratic:dim=5", ["problem.dim=2,5", "w4=0,1"], {}, "w4"),
        ("quadratic", ["lr=1,2"], {"start": np.ones((2, 3))}, "start"),
        ("quadratic", [], {}, "nothing is varied"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_does(problem, over, options, says):
    with Study() as study:
        with pytest.raises(InputError, match=says):
            sweep(problem, "gd", over, study=study, **options)
        assert (study.made, study.store.statuses()) == (0, [])


def test_a_method_that_is_a_batch_already_is_refused():
    rates = stepbench.method("adam", lr=np.array([0.1, 0.2]))
    with pytest.raises(InputError):
        sweep("quadratic", rates, ["beta1=0.5,0.9"], budget=10)
    with pytest.raises(InputError):
        tune("quadratic", [stepbench.method("adam", beta2=np.array([0.9, 0.99]))], trials=2, cases=2, budget=10)


def test_no_methods_are_refused():
    with pytest.raises(InputError, match="method"):
        sweep("quadratic", [], ["lr=1,2"])
    with pytest.raises(InputError, match="method"):
        tune("quadratic", [])


# Tuning.

TUNE = {"trials": 12, "cases": 4, "budget": 300, "tune_budget": 200, "target": 1e-3}


class Tried:
    """A tuning, and the rows of its study: of the trials, and of the scores, by their budgets."""

    def __init__(self, problem, methods, **options):
        options = TUNE | options
        self.x0 = catalog.problem(problem).x0
        with Study() as study:
            self.tuning = tune(problem, methods, study=study, **options)
            self.rows = []
            for key, text in study.store.settings().items():
                setting = json.loads(text)
                for head, end in study.store.runs(key):
                    start = tuple(np.frombuffer(head.start or self.x0.tobytes()).tolist())
                    self.rows.append((setting, json.loads(head.parameters), head.seed, start, end))
        self.budgets = options["tune_budget"], options["budget"]
        self.names = dict.fromkeys(setting["method"] for setting, *_ in self.rows)

    def of(self, stage, method):
        return [row for row in self.rows if row[0]["budget"] == self.budgets[stage] and row[0]["method"] == method]

    def trials(self, method):
        return self.of(0, method)

    def scores(self, method):
        return self.of(1, method)


@pytest.fixture(scope="module")
def tried():
    return Tried("quadratic:kappa=30", ["gd", "momentum", "csawg", "scipy:nelder-mead", "polyak"])


def test_every_method_gets_as_many_trials(tried):
    assert {tuned.label: tuned.trials for tuned in tried.tuning.methods} == {
        "gd": 12,
        "momentum": 12,
        "csawg": 12,
        "scipy:nelder-mead": 1,  # it has nothing to tune
        "polyak": 1,
    }
    for method in ("gd", "momentum", "csawg"):
        settings = {json.dumps(parameters) for _, parameters, *_ in tried.trials(method)}
        assert len(settings) == 12
        assert len(tried.trials(method)) == 12 * 4
    for method in ("scipy:nelder-mead", "polyak"):
        assert len(tried.trials(method)) == 4


def test_every_method_has_the_same_starts_and_seeds(tried):
    tuned_on = [{(seed, start) for _, _, seed, start, _ in tried.trials(m)} for m in tried.names]
    scored_on = [{(seed, start) for _, _, seed, start, _ in tried.scores(m)} for m in tried.names]
    assert len(tried.names) == 5
    assert all(cases == tuned_on[0] for cases in tuned_on)
    assert all(cases == scored_on[0] for cases in scored_on)
    assert len(tuned_on[0]) == len(scored_on[0]) == 4
    for method in ("gd", "momentum", "csawg"):
        by_setting = {}
        for _, parameters, seed, start, _ in tried.trials(method):
            by_setting.setdefault(json.dumps(parameters), set()).add((seed, start))
        assert all(cases == tuned_on[0] for cases in by_setting.values())


def test_no_case_is_scored_that_was_tuned_on_and_the_problems_own_start_is_scored(tried):
    tuned_on = {(seed, start) for _, _, seed, start, _ in tried.trials("gd")}
    scored_on = {(seed, start) for _, _, seed, start, _ in tried.scores("gd")}
    assert not tuned_on & scored_on
    assert (0, tuple(tried.x0)) in scored_on
    apart = [np.abs((start - tried.x0) / tried.x0).max() for _, start in tuned_on | scored_on]
    assert sorted(apart)[0] == 0 < sorted(apart)[1] < sorted(apart)[-1] < 0.5


def test_where_steps_are_random_a_case_is_a_seed():
    found = Tried("quadratic:kappa=30", ["gd", "adam"], noise=0.1, seed=5)
    for method in ("gd", "adam"):
        trials, scores = ({row[2:4] for row in rows(method)} for rows in (found.trials, found.scores))
        assert {start for _, start in trials | scores} == {tuple(found.x0)}
        assert len(trials) == len(scores) == 4
        assert not trials & scores
        assert (5, tuple(found.x0)) in scores
    assert tuning_notes(found.tuning)[0].startswith("medians over 4 fresh seeds")


def test_what_a_tuning_spent_is_what_its_trials_did(tried):
    for tuned, method in zip(
        tried.tuning.methods, ("gd", "momentum", "csawg", "scipy:nelder-mead", "polyak"), strict=True
    ):
        ends = [end for *_, end in tried.trials(method)]
        assert tuned.spent == sum(end.evals or end.fevals for end in ends)
        assert tuned.charged == tuned.spent + tuned.median
        costs = [((end.evals or end.fevals) if end.error <= 1e-3 else INF) for *_, end in tried.scores(method)]
        assert sorted(tuned.cost.tolist()) == sorted(costs)
        assert tuned.median == np.median(costs)


@pytest.mark.parametrize("method", ["gd", "momentum", "csawg"])
def test_the_setting_that_is_scored_is_the_best_of_the_trials(tried, method):
    costs, errors = {}, {}
    for _, parameters, *_, end in tried.trials(method):
        key = json.dumps(parameters)
        lost = end.status in ("diverged", "failed")
        costs.setdefault(key, []).append(end.evals if end.error <= 1e-3 and not lost else INF)
        errors.setdefault(key, []).append(INF if lost else end.error)
    best = min(costs, key=lambda key: (np.median(costs[key]), np.median(errors[key])))
    assert [json.dumps(parameters) for _, parameters, *_ in tried.scores(method)] == [best] * 4
    tuned = next(tuned for tuned in tried.tuning.methods if tuned.label == method)
    assert {**json.loads(best), **tuned.setting} == json.loads(best)
    assert catalog.method(method, **json.loads(best)).spec() == tuned.method.spec()


@pytest.mark.parametrize(("method", "n"), [("momentum", 12), ("rdbd", 12), ("csawg", 10), ("sps", 12)])
def test_trials_are_a_latin_hypercube(method, n):
    """Each of n equal strata of each range holds one of n trials."""
    found = Tried("quadratic:kappa=30", [method], trials=n, cases=1, budget=20, tune_budget=10)
    [tuned] = found.tuning.methods
    settings = [parameters for _, parameters, *_ in found.trials(method)]
    assert len(settings) == n
    assert tuned.ranges
    for key, span in tuned.ranges.items():
        own = [setting[key] for setting in settings]
        if span.choices:
            assert sorted(own) == sorted(span.choices * (n // len(span.choices)))
            continue
        ends = (math.log(span.low), math.log(span.high)) if span.log else (span.low, span.high)
        places = [((math.log(v) if span.log else v) - ends[0]) / (ends[1] - ends[0]) for v in own]
        assert sorted(int(place * n) for place in places) == [*range(n)]
        [place] = [place for place, value in zip(places, own, strict=True) if value == tuned.setting[key]]
        assert tuned.places[key] == pytest.approx(place, abs=1e-9)


def test_a_tuning_is_the_same_again_for_a_seed_and_another_for_another():
    def ask(seed):
        found = tune("quadratic:kappa=30", ["momentum", "csawg"], **TUNE | {"seed": seed})
        return [(t.setting, t.spent, t.cost.tolist(), t.interval) for t in found.methods]

    first = ask(3)
    assert ask(3) == first
    assert ask(4) != first


def test_a_methods_trials_do_not_depend_on_the_methods_beside_it():
    alone = tune("quadratic:kappa=30", ["momentum"], **TUNE).methods[0]
    beside = tune("quadratic:kappa=30", ["csawg", "momentum", "adam"], **TUNE).methods[1]
    assert (alone.setting, alone.spent, alone.cost.tolist()) == (beside.setting, beside.spent, beside.cost.tolist())


def test_structural_parameters_are_tuned_too():
    found = Tried("rosenbrock", ["csawg"], trials=10, cases=2, budget=100, tune_budget=100, over=["K=1,4"])
    [tuned] = found.tuning.methods
    assert tuned.ranges["K"].choices == (1, 4)
    assert {parameters["K"] for _, parameters, *_ in found.rows} == {1, 4}
    assert type(tuned.setting["K"]) is int
    spread = tune("rosenbrock", ["csawg"], trials=9, cases=1, budget=20, over=["K=1:9"])
    assert spread.methods[0].setting["K"] in range(1, 10)


def test_a_range_that_is_given_replaces_the_declared_one():
    found = Tried("quadratic:kappa=30", ["gd", "momentum"], over=["lr=0.01:0.05", "p=0.5,0.9"])
    for method in ("gd", "momentum"):
        assert all(0.01 <= parameters["lr"] <= 0.05 for _, parameters, *_ in found.trials(method))
    assert {parameters["p"] for _, parameters, *_ in found.trials("momentum")} == {0.5, 0.9}
    assert [set(tuned.ranges) for tuned in found.tuning.methods] == [{"lr"}, {"p", "lr"}]


def test_methods_are_ranked_by_their_median_cost(tried):
    ranked = tried.tuning.ranked
    assert [tuned.median for tuned in ranked] == sorted(tuned.median for tuned in tried.tuning.methods)
    assert {tuned.label for tuned in ranked} == {"gd", "momentum", "csawg", "scipy:nelder-mead", "polyak"}


def test_without_a_known_minimum_methods_are_tuned_to_the_least_f():
    found = Tried("mccormick", ["gd", "adam"], target=None)
    assert found.tuning.target is None
    for tuned in found.tuning.methods:
        medians = {}
        for _, parameters, *_, end in found.trials(tuned.label):
            medians.setdefault(json.dumps(parameters), []).append(INF if end.status == "diverged" else end.f)
        best = min(medians, key=lambda key: np.median(medians[key]))
        assert json.loads(best)["lr"] == tuned.setting["lr"]
        assert sorted(tuned.left.tolist()) == sorted(end.f for *_, end in found.scores(tuned.label))
        low, high = tuned.interval
        assert low <= np.median(tuned.left) <= high


def test_an_interval_holds_its_median_and_lies_within_the_cases(tried):
    for tuned in tried.tuning.methods:
        low, high = tuned.interval
        costs = np.minimum(tuned.cost, 300)
        assert costs.min() <= low <= np.median(costs) <= high <= costs.max()
    [one] = tune("quadratic:kappa=30", ["gd"], trials=2, cases=1, budget=10).methods
    assert all(math.isnan(end) for end in one.interval)


def warned(problem, methods, **options):
    return " | ".join(tuning_notes(tune(problem, methods, **TUNE | {"tune_budget": None} | options)))


def test_what_is_less_than_fair_is_said_in_words():
    plain = warned("quadratic:kappa=30", ["gd", "gd:lr=0.5"])
    assert plain.startswith("medians over 4 fresh starts, not those tuned on")
    for word in ("edge", "horizon", "unequal", "was told"):
        assert word not in plain
    edge = warned("quadratic:kappa=30", ["gd"], over=["lr=1e-9:1e-4:log"], trials=40)
    assert "gd: its best is at the edge of the range, lr=" in edge
    assert "of 1e-09:0.0001:log: widen it with --over" in edge
    assert "tuned on 200 evaluations and scored on 300: another horizon" in warned(
        "quadratic:kappa=30", ["gd"], tune_budget=200
    )
    assert "different numbers of hyper-parameters: gd 1, momentum 2" in warned("quadratic:kappa=30", ["gd", "momentum"])
    ranges = warned("quadratic:kappa=30", ["rdbd", "hypergradient-mul"])
    assert "unequal ranges of eta: rdbd 1e-08:1:log, hypergradient-mul 0.0001:1:log" in ranges
    assert "polyak was told the minimum f*; the others were not" in warned("quadratic:kappa=30", ["gd", "polyak"])


def test_a_best_value_that_is_the_outermost_of_a_few_trials_is_at_the_edge():
    # the larger, the better, all the way up
    found = tune("quadratic:kappa=30", ["gd"], **TUNE | {"over": ["lr=1e-9:1e-4:log"]})
    assert found.methods[0].places["lr"] > 1 - 1 / TUNE["trials"]
    assert any("its best is at the edge of the range" in note for note in tuning_notes(found))


def test_a_method_with_fewer_trials_is_not_said_to_have_had_as_many():
    notes = warned("quadratic:kappa=30", ["gd", "polyak"])
    assert "as many trials each" not in notes
    assert "polyak" in notes


def test_repetitions_with_other_seeds_share_no_seed():
    seeds = []
    for seed in (5, 6):
        found = Tried("quadratic:kappa=30", ["gd"], noise=0.1, seed=seed)
        seeds.append({row[2] for row in found.rows if row[2] != seed})
    assert len(seeds[0]) == len(seeds[1]) == 7
    assert not seeds[0] & seeds[1]


def test_what_a_spec_states_is_not_tuned_unless_it_is_named():
    found = tune("quadratic:kappa=30", ["adam:lr=0.01", "adam", "adam:beta1=0.5"], **TUNE)
    assert [[*tuned.ranges] for tuned in found.methods] == [["beta1"], ["beta1", "lr"], ["lr"]]
    assert [tuned.method.rule.lr for tuned in found.methods[:1]] == [0.01]
    named = tune("quadratic:kappa=30", ["adam:lr=0.01"], **TUNE | {"over": ["lr=1e-4:1:log"]})
    assert "lr" in named.methods[0].ranges


def test_methods_that_the_cases_do_not_tell_apart_are_named():
    same = warned("quadratic:kappa=30", ["gd", "gradient+constant"])
    assert "gd cannot be told apart, by the sign test over these cases, from gradient+constant (p = 1)" in same
    apart = warned("quadratic:kappa=1000", ["scipy:bfgs", "gd"], budget=3_000, trials=24, cases=8)
    assert "cannot be told apart" not in apart


def test_evaluations_of_f_among_those_of_gradients_are_named():
    notes = warned("quadratic:kappa=30", ["gd", "scipy:nelder-mead"])
    assert "scipy:nelder-mead" in notes
    assert "evaluations of f" in notes


@pytest.mark.parametrize(
    ("methods", "options", "says"),
    [
        (["gd"], {"trials": 0}, "trials must be at least 1"),
        (["gd"], {"cases": 0}, "cases must be at least 1"),
        (["gd"], {"budget": 0, "tune_budget": None}, "budget must be"),
        (["gd"], {"budget": 0}, "budget must be"),
        (["gd"], {"budget": -3}, "budget must be"),
        (["gd"], {"tune_budget": 0}, "budget must be"),
        (["gd"], {"tune_budget": -3}, "budget must be"),
        (["gd"], {"seed": -1}, "seed must be"),
        (["gd"], {"target": -1.0}, "target must be"),
        (["gd"], {"noise": -1.0}, "noise must be"),
        (["gd", "scipy:bfgs"], {"noise": 1.0}, "exact values"),
        (["gd"], {"over": ["lrr=1:2"]}, "did you mean lr"),
        (["gd"], {"over": ["problem.kappa=1:2"]}, "none of the methods"),
        (["gd"], {"over": ["lr=2:1"]}, "must go up"),
        (["gd"], {"over": ["lr=0:1"]}, "must be a number in"),
        (["gd"], {"over": ["lr=1:2", "lr=3:4"]}, "twice"),
        (["csawg"], {"over": ["K=1.5:3"]}, "must be an integer"),
        (["gd"], {"over": {"lr": 0.1}}, "lr"),
    ],
)
def test_a_tuning_that_cannot_run_is_refused_before_anything_does(methods, options, says):
    with Study() as study:
        with pytest.raises(InputError, match=says):
            tune("quadratic", methods, study=study, **TUNE | options)
        assert study.store.statuses() == []


def test_a_range_with_a_number_of_values_is_refused_with_what_to_write():
    with pytest.raises(InputError) as refused:
        tune("quadratic", ["gd"], over=["lr=1e-4:1:60:log"])
    assert "1e-4:1:log" in str(refused.value)
    assert "a:b:n" not in str(refused.value)  # that is what was written


def test_values_by_name_are_tried_as_choices():
    found = tune("quadratic:kappa=30", ["gd"], **TUNE | {"over": {"lr": [0.01, 0.03]}})
    assert found.methods[0].ranges["lr"].choices == (0.01, 0.03)


# What the methods declare to be tuned.

DECLARED = [
    pytest.param(kind, name, field, id=f"{name}-{field.name}")
    for kind in ("directions", "stepsizes", "methods")
    for name in catalog.names(kind)
    for field in fields_of(catalog.load(kind, name)).values()
    if field.search
]


@pytest.mark.parametrize(("kind", "name", "field"), DECLARED)
def test_a_declared_range_lies_within_the_bounds_and_holds_the_default(kind, name, field):
    span = interval(field.name, field.search, field)  # refuses ends that are out of bounds
    assert str(span) != ""
    if span.choices:
        assert field.default in span.choices
    elif field.default is None:
        assert "none for" in field.meaning  # what stands in for it
    else:
        assert span.low <= field.default <= span.high
    for value in span.values(np.linspace(0, 1, 9)):
        field.check(value)


@pytest.mark.parametrize("spec", EVERY_METHOD)
def test_the_values_that_a_name_sets_lie_within_what_is_tried(spec):
    for key, (part, field) in hyperparameters(catalog.method(spec)).items():
        value = getattr(part, field.name)
        if field.search and value is not None:
            span = interval(key, field.search, field)
            assert value in span.choices if span.choices else span.low <= value <= span.high, key


@pytest.mark.parametrize(
    "name", [name for kind in ("directions", "stepsizes", "methods") for name in catalog.names(kind)]
)
def test_whatever_has_a_learning_rate_has_it_tuned(name):
    kind = next(kind for kind in ("directions", "stepsizes", "methods") if name in catalog.names(kind))
    fields = fields_of(catalog.load(kind, name))
    assert "lr" not in fields or fields["lr"].search
