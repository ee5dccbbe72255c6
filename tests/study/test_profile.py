"""Profiles from the runs on: Moré and Wild's convergence test, against whole traces."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, catalog
from stepbench.engine.running import run_quietly
from stepbench.report.study_tables import profile_notes
from stepbench.study.profile import profile

INF = math.inf

PROBLEMS = ("quadratic:kappa=10", "rosenbrock", "himmelblau", "mccormick", "mgh/powell-singular")
METHODS = ("gd:lr=0.01", "adam:lr=0.1", "gd:lr=0.045", "gd:lr=9", "csawg:K=2", "scipy:bfgs", "scipy:nelder-mead")
TOLERANCES = (1e-1, 1e-3, 1e-6)
BUDGET = 250


def own_cost(run, least, tolerance):
    """The evaluations at the first record with f ≤ f_L + τ (f(w₀) − f_L); a run that diverged has none."""
    if run.status == "diverged":
        return INF
    threshold = least + tolerance * (run.f[0] - least)
    for k in range(run.steps + 1):
        if run.f[k] <= threshold:
            if run.evals[-1] == 0 and run.fevals[-1] > 0:
                return run.fevals[k] / (run.x.shape[1] + 1)
            return max(run.evals[k], 1)
    return INF


@pytest.fixture(scope="module")
def traces():
    return {(p, m): run_quietly(p, m, budget=BUDGET) for p in PROBLEMS for m in METHODS}


@pytest.fixture(scope="module")
def found():
    return profile(METHODS, PROBLEMS, tolerances=TOLERANCES, budget=BUDGET)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_costs_are_those_of_whole_traces(found, traces, problem):
    runs = [traces[problem, method] for method in METHODS]
    least = catalog.problem(problem).f_star
    if least is None:
        least = min(min(run.f[: run.steps + 1]) for run in runs if run.status != "diverged")
    own = [[own_cost(run, least, tolerance) for run in runs] for tolerance in TOLERANCES]
    costs = found.costs[:, PROBLEMS.index(problem)]
    assert costs.tolist() == own
    assert any(cost < INF for row in own for cost in row)


def test_the_end_to_end_example_has_what_it_is_to_show(found):
    assert found.problems == (
        "quadratic:kappa=10",
        "rosenbrock",
        "gallery/himmelblau",
        "gallery/mccormick",
        PROBLEMS[4],
    )
    assert found.labels == METHODS
    assert found.guessed == ("gallery/mccormick",)
    assert found.gradient_free == ("scipy:nelder-mead",)
    assert np.isinf(found.costs[:, :, METHODS.index("gd:lr=9")]).any()
    assert np.isinf(found.costs[2]).sum() > np.isinf(found.costs[0]).sum() > 0
    assert (found.costs[1:] >= found.costs[:-1]).all()  # no tolerance is cheaper than a looser one
    assert (found.costs > 0).all()


def test_a_run_that_diverged_solves_nothing_however_near_it_was_before(found, traces):
    run = traces["himmelblau", "gd:lr=0.045"]
    assert run.status == "diverged"
    assert min(run.f) <= 0.1 * run.f[0]  # the minimum is 0
    costs = found.costs[:, PROBLEMS.index("himmelblau"), METHODS.index("gd:lr=0.045")]
    assert (costs == INF).all()
    assert found.runs[PROBLEMS.index("himmelblau")][METHODS.index("gd:lr=0.045")].left.size == 0


def test_without_a_known_minimum_the_least_f_that_any_method_found_stands_in_for_it(traces):
    # With the best of them left out, the least f is another, and so are the costs of those that stay.
    few = ("gd:lr=0.01", "adam:lr=0.1")
    least = min(min(traces["mccormick", method].f) for method in few)
    found = profile(few, ["mccormick"], tolerances=[1e-6], budget=BUDGET)
    assert found.costs[0, 0].tolist() == [own_cost(traces["mccormick", m], least, 1e-6) for m in few]
    assert np.isfinite(found.costs).any()
    assert least > min(traces["mccormick", "scipy:bfgs"].f)


def test_where_steps_are_random_each_seed_is_a_problem():
    methods = ("gd:lr=0.02", "momentum:lr=0.005")
    found = profile(methods, ["quadratic:kappa=10"], tolerances=[0.1, 1e-2], budget=BUDGET, seeds=3, noise=0.3)
    assert found.problems == tuple(f"quadratic:kappa=10 seed {seed}" for seed in range(3))
    for seed in range(3):
        runs = [run_quietly("quadratic:kappa=10", method, budget=BUDGET, seed=seed, noise=0.3) for method in methods]
        assert found.costs[:, seed].tolist() == [[own_cost(run, 0.0, t) for run in runs] for t in (0.1, 1e-2)]
    assert len({tuple(costs) for costs in found.costs[1].tolist()}) > 1


def test_where_steps_are_not_random_one_seed_is_enough():
    found = profile(("gd", "adam"), ["quadratic:kappa=10"], tolerances=[0.1], budget=50, seeds=3)
    assert found.problems == ("quadratic:kappa=10",)


def test_a_suite_is_all_of_its_problems():
    found = profile(("gd:lr=1e-3", "adam:lr=0.1"), "gallery", tolerances=[0.5], budget=20)
    assert found.problems == tuple(catalog.suite("gallery"))
    assert set(found.guessed) == {name for name in found.problems if catalog.problem(name).f_star is None}


def test_tolerances_are_taken_from_the_loosest_to_the_smallest():
    found = profile(("gd", "adam"), ["quadratic:kappa=10"], tolerances=[1e-4, 0.1, 1e-2], budget=50)
    assert found.tolerances == (0.1, 1e-2, 1e-4)


def test_a_method_compared_with_itself_is_not_told_apart():
    found = profile(("adam:lr=0.1", "adam:lr=0.1"), PROBLEMS[:3], budget=BUDGET)
    np.testing.assert_array_equal(found.costs[:, :, 0], found.costs[:, :, 1])
    assert [(pair.wins, pair.losses, pair.p) for pair in found.pairs()] == [(0, 0, 1.0)]


@settings(max_examples=20)
@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=3).filter(lambda ts: not all(0 < t < 1 for t in ts)))
def test_tolerances_that_are_no_parts_are_refused(tolerances):
    with pytest.raises(InputError, match="between 0 and 1"):
        profile(("gd", "adam"), ["quadratic"], tolerances=tolerances)


@pytest.mark.parametrize(
    ("methods", "problems", "options", "says"),
    [
        (["gd"], ["quadratic"], {}, "at least two"),
        (["gd", "adam"], ["quadratic"], {"tolerances": []}, "between 0 and 1"),
        (["gd", "adam"], ["quadratic"], {"seeds": 0}, "seeds must be an integer of at least 1"),
        (["gd", "adam"], "mhg", {}, "no suite mhg"),
        (["gd", "adam"], [], {}, "problem"),
        (["gd", "polyak"], ["mccormick"], {}, r"minimum f\*"),
        (["gd", "scipy:bfgs"], ["quadratic"], {"noise": 1.0}, "exact values"),
        (["gd", "adam"], ["quadratic"], {"budget": 0}, "budget must be"),
        (["gd", "adam"], ["quadratic"], {"budget": -3}, "budget must be"),
        (["gd", "adam"], ["quadratic"], {"noise": -1.0}, "noise must be"),
        ([stepbench.method("gd", lr=np.array([0.1, 0.2])), "adam"], ["quadratic"], {}, "array|one value|several|batch"),
    ],
)
def test_what_makes_no_profile_is_refused(methods, problems, options, says):
    with pytest.raises(InputError, match=says):
        profile(methods, problems, **options)


def test_a_problem_counts_once_however_often_it_is_named_and_with_however_many_seeds():
    once = profile(["gd:lr=0.01", "adam:lr=0.1"], ["quadratic:kappa=10", "quadratic:kappa=10"], budget=50)
    assert once.problems == ("quadratic:kappa=10",)
    noisy = profile(["gd:lr=0.01", "adam:lr=0.1"], ["quadratic:kappa=10", "rosenbrock"], budget=50, noise=0.1, seeds=5)
    assert len(noisy.problems) == 10
    [pair] = noisy.pairs()
    assert pair.wins + pair.losses + pair.ties == 2


def test_evaluations_of_f_beside_gradients_are_named():
    found = profile(["gd:lr=0.01", "sls"], ["quadratic:kappa=10"], budget=50)
    assert found.asked[0] == 0
    assert found.asked[1] > 0.5
    assert any(f"evaluations of f beside each: sls {found.asked[1]:.1f}" in note for note in profile_notes(found))


def unknown_problem(tmp_path):
    """Rosenbrock's function, in a file that does not know its minimum."""
    path = tmp_path / "unknown.py"
    path.write_text(
        "from stepbench import Problem\n\n\nclass Unknown(Problem):\n    x0 = (-1.0, 2.0)\n\n"
        "    def f(self, w):\n        return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2\n"
    )
    return str(path)


def test_nobody_solves_a_problem_on_which_nobody_came_below_the_start(tmp_path):
    lost = profile(["gd:lr=1e3", "momentum:lr=1e3"], [unknown_problem(tmp_path)], budget=50)
    assert (lost.costs == INF).all()
    assert (lost.areas == 0).all()
    one = profile(["gd:lr=1e3", "gd:lr=1e-4"], [unknown_problem(tmp_path)], budget=50)
    assert (one.costs[:, 0, 0] == INF).all()
    assert (one.costs[:, 0, 1] < INF).all()


def test_a_start_that_is_the_known_minimum_is_solved_at_once(tmp_path):
    path = tmp_path / "there.py"
    path.write_text(
        "from stepbench import Problem\n\n\nclass There(Problem):\n    x0 = (0.0, 0.0)\n    f_star = 0.0\n\n"
        "    def f(self, w):\n        return (w * w).sum(0)\n"
    )
    assert (profile(["gd", "adam"], [str(path)], budget=50).costs == 1).all()
