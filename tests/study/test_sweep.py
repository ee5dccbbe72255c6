"""Sweeps: what is read off them, and what is refused."""

import math

import numpy as np
import pytest

import stepbench
from stepbench import InputError
from stepbench.report.study_tables import sweep_notes
from stepbench.study import Study
from stepbench.study.sweep import Sensitivity, sweep
from stepbench.study.tune import tune

INF = math.inf

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
    # the range is read off in order of size, not in the order in which values are given
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


def test_a_run_below_the_declared_minimum_has_failed_and_not_reached_the_target(low_problem):
    found = sweep("./low.py", "gd", ["lr=0.1,0.4"])
    assert found.ends.status.tolist() == [["failed", "failed"]]
    assert not found.reached.any()
    assert any(note.startswith("2 runs failed") for note in sweep_notes(found))


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


def test_where_every_run_was_lost_no_value_is_best():
    [line] = stepbench.sweep("quadratic", "gd", ["lr=10:1000:4:log"], budget=200).sensitivities()
    assert line.best is None
    assert line.usable is None
    assert not line.at_edge
    found = stepbench.sweep("quadratic", ["gd", "adam"], ["lr=10:1000:4:log"], budget=200)
    assert "gd: the runs were lost at every lr, so that none is best" in sweep_notes(found)


@pytest.mark.parametrize(
    ("cost", "at_edge"),
    [([5, 7, 9], True), ([9, 7, 5], True), ([9, 5, 9], False), ([5, 5, 9], False), ([INF, INF, INF], False)],
)
def test_the_best_is_at_an_edge_only_where_no_value_between_is_as_good(cost, at_edge):
    axis = stepbench.sweep("quadratic", "gd", ["lr=1e-5:1e-3:3:log"], budget=5).axes[0]
    cost = np.array(cost, dtype=float)
    line = Sensitivity("gd", axis, cost, cost, cost, cost, cost, cost, cost)
    assert line.at_edge == at_edge
