"""Every kind of profile: against examples worked by hand, its paper's definition in plain loops, and what must hold."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stepbench import InputError
from stepbench.study import kinds
from stepbench.study.profile import Profile, Run, profile

INF = math.inf


def run(*steps, total):
    """A run that had spent so much when so little was left."""
    spent, left = zip(*steps, strict=True) if steps else ((), ())
    return Run(np.array(spent, dtype=float), np.array(left, dtype=float), total)


def made(runs, labels, whose, tolerances=(0.1, 0.01), budget=100, kind=None):
    """The profile of these runs, by problem and seed and by method."""
    costs = np.moveaxis(np.array([[r.cost_to(tolerances) for r in row] for row in runs]), 2, 0)
    names = tuple(f"p{k}" for k in range(len(runs)))
    told = ((),) * len(labels)
    rows = tuple(map(tuple, runs))
    return Profile(names, labels, tolerances, costs, budget, (), (), told, 0, whose, (), rows, kind=kind)


# Two methods, A and B. The first problem is not random; the second has two seeds.
RUNS = [
    [run((1, 1.0), (4, 0.1), (10, 0.01), total=10), run((1, 1.0), (20, 0.05), total=100)],
    [run((1, 1.0), (2, 0.02), total=100), run(total=7)],  # B diverged after 7
    [run((1, 1.0), (5, 0.001), total=5), run((1, 1.0), (40, 0.1), (50, 0.005), total=50)],
]
EXAMPLE = made(RUNS, ("A", "B"), (0, 1, 1))


def test_the_costs_of_the_example():
    assert EXAMPLE.costs.tolist() == [[[4, 20], [2, INF], [5, 40]], [[10, INF], [INF, INF], [5, 50]]]
    assert EXAMPLE.instances.tolist() == [[0, 1], [0, 2]]  # the first problem is in the set of each seed


def test_the_data_profiles_of_the_example_count_a_problem_once_however_many_seeds_it_has():
    # To 0.1, A takes 4 and 2 with the one seed, 4 and 5 with the other; B takes 20 and ∞, 20 and 40.
    heights = EXAMPLE.data.heights(np.array([1, 2, 4, 5, 20, 40, 100]))[0]
    assert heights.T.tolist() == [[0, 1 / 4, 3 / 4, 1, 1, 1, 1], [0, 0, 0, 0, 1 / 2, 3 / 4, 3 / 4]]
    log = math.log(100)
    area_of_a = 1 - (2 * math.log(4) + math.log(2) + math.log(5)) / 4 / log
    area_of_b = 3 / 4 - (2 * math.log(20) + math.log(40)) / 4 / log
    np.testing.assert_allclose(EXAMPLE.data.areas[0], [area_of_a, area_of_b], rtol=1e-14)
    assert EXAMPLE.ranking == [0, 1]


def test_the_performance_profiles_of_the_example_compare_within_a_seed():
    # A is the cheapest everywhere; B takes 5 times as much, ∞, 5 and 8 times.
    assert EXAMPLE.performance.high == 10  # to 0.01, 50 / 5
    heights = EXAMPLE.performance.heights(np.array([1, 5, 8]))[0]
    assert heights.T.tolist() == [[1, 1, 1], [0, 1 / 2, 3 / 4]]


def test_the_quality_profile_of_the_example():
    # A ends with 0.01 and 0.02, or 0.01 and 0.001; B with 0.05 and nothing, as it diverged, or 0.05 and 0.005.
    steps = EXAMPLE.quality
    assert (steps.low, steps.high) == (0.01, 1)
    heights = steps.heights(np.array([0.01, 0.02, 0.05, 1]))[0]
    assert heights.T.tolist() == [[3 / 4, 1, 1, 1], [1 / 4, 1 / 4, 3 / 4, 3 / 4]]
    # Digits, of two at most: A has 2, 2, 2 and −log₁₀ 0.02; B has twice −log₁₀ 0.05, 0 and 2.
    digits = [6 - math.log10(0.02), 2 - 2 * math.log10(0.05)]
    np.testing.assert_allclose(steps.areas[0], np.array(digits) / 8, rtol=1e-14)


def test_the_runtime_profile_of_the_example():
    steps = EXAMPLE.runtime
    targets = np.geomspace(1, 0.01, 52)[1:]
    assert steps.high == 200  # both budgets of the problem that has two runs
    assert steps.amounts.shape == (1, 1, 2 * 51 * 100, 2)
    amounts = steps.amounts.reshape(2, 51, 100, 2)
    # One run of the first problem is all that is known: nothing is drawn, and what it missed is not reached.
    for method, costs in ((0, [(0.1, 4), (0.01, 10)]), (1, [(0.05, 20)])):
        for target, drawn in zip(targets, amounts[0, :, :, method], strict=True):
            assert set(drawn) == {next((cost for left, cost in costs if left <= target), INF)}
    # Of the second: A's one run gets below 0.02 for 2, and fails with 100 beneath; its other run takes 5 to all.
    easy, hard = amounts[1, targets >= 0.02, :, 0], amounts[1, targets < 0.02, :, 0]
    assert set(easy.ravel()) == {2, 5}
    assert {value % 100 for value in hard.ravel()} == {5}
    # B's one run diverged after 7, and so its runtimes are 40 or 50, with a 7 for each that was drawn before.
    for target, drawn in zip(targets, amounts[1, :, :, 1], strict=True):
        waited = (drawn - (40 if target >= 0.1 else 50)) / 7
        assert (waited == waited.round()).all()
        assert waited.min() == 0
        assert waited.max() > 0


def test_the_log_ratios_of_a_table_by_hand():
    costs = np.array([[8.0, 2.0], [3.0, 3.0], [1.0, 16.0], [INF, 5.0], [5.0, INF], [INF, INF]])
    np.testing.assert_allclose(kinds.log_ratio(costs), [2, 0, -4, 4.4, -4.4, math.nan], rtol=1e-15)
    np.testing.assert_allclose(kinds.log_ratio(costs[3:]), [1.1, -1.1, math.nan], rtol=1e-15)  # nobody to compare


def test_the_log_ratios_of_the_example_are_of_medians_over_seeds():
    # B's median over a cost of 40 and none is none.
    np.testing.assert_allclose(EXAMPLE.log_ratio[0], [math.log2(4 / 20), 1.1 * math.log2(4 / 20)], rtol=1e-15)


# What must hold

amounts = st.one_of(st.integers(1, 12).map(float), st.floats(1, 1e6), st.just(INF))


@st.composite
def seeded(draw, most_seeds=24):
    """Costs of (panels, seeds, problems, methods)."""
    shape = 1, draw(st.integers(1, most_seeds)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    size = math.prod(shape)
    return np.reshape(draw(st.lists(amounts, min_size=size, max_size=size)), shape)


PLACES = np.array([1.0, 1.5, 2.0, 7.0, 1e3, 1e9])


@given(seeded())
def test_profiles_rise_lie_between_0_and_1_and_within_their_bands(costs):
    for steps in (kinds.data(costs, 1000), kinds.performance(costs), kinds.quality(1 / costs[0], 1e-6)):
        places = np.union1d(PLACES, steps.limits)
        heights, (low, high) = steps.heights(places), steps.band(places)
        assert (np.diff(heights, axis=1) >= 0).all()
        for values in (heights, low, high, steps.areas):
            assert ((values >= 0) & (values <= 1)).all()
        assert (low <= high).all()
        if costs.shape[1] < 10:  # all seeds are in the band, and so is their mean
            assert ((low <= heights + 1e-12) & (heights <= high + 1e-12)).all()


@pytest.mark.slow
@given(seeded())
def test_a_tenth_of_the_seeds_is_outside_a_band_at_either_end_at_most(costs):
    steps = kinds.data(costs, 1000)
    (low, high), seeds = steps.band(PLACES), steps.by_seed(PLACES)
    below, above = (seeds < low[:, None]).sum(axis=1), (seeds > high[:, None]).sum(axis=1)
    assert max(below.max(), above.max()) <= costs.shape[1] / 10


def own_cost_of(costs, part):
    """The least cost within which so many of the problems are solved."""
    return next(cost for cost in [*sorted(costs), INF] if cost == INF or sum(c <= cost for c in costs) >= part)


@pytest.mark.slow
@given(seeded())
def test_a_band_over_the_heights_is_the_band_over_the_costs(costs):
    """Between which costs the seeds solve j problems, by the order of the seeds' costs: the edges of the same band."""
    seeds, problems, methods = costs.shape[1:]
    steps = kinds.data(costs, 1000)
    places = np.unique(costs[np.isfinite(costs)])
    assume(places.size)
    (low, high), out = steps.band(places)[:, 0], seeds // 10
    for j, m in itertools.product(range(1, problems + 1), range(methods)):
        ordered = sorted(own_cost_of(costs[0, seed, :, m], j) for seed in range(seeds))
        for edge, cost in ((high, ordered[out]), (low, ordered[-1 - out])):
            reached = places[edge[:, m] >= j / problems - 1e-12]
            assert (reached[0] if reached.size else INF) == cost


@pytest.mark.slow
@given(seeded(), st.randoms(use_true_random=False))
def test_the_order_of_methods_of_problems_and_of_seeds_changes_no_profile(costs, random):
    _, seeds, problems, methods = costs.shape
    s, p, m = [*range(seeds)], [*range(problems)], [*range(methods)]
    for order in (s, p, m):
        random.shuffle(order)
    mixed = costs[:, s][:, :, p][..., m]
    for kind in (lambda c: kinds.data(c, 1000), kinds.performance, lambda c: kinds.quality(1 / c[0], 1e-6)):
        there, here = kind(costs), kind(mixed)
        np.testing.assert_allclose(here.heights(PLACES), there.heights(PLACES)[..., m], atol=1e-12)
        np.testing.assert_array_equal(here.band(PLACES), there.band(PLACES)[..., m])
        np.testing.assert_allclose(here.areas, there.areas[..., m], atol=1e-12)


@pytest.mark.slow
@given(seeded(), st.integers(1, 1000))
def test_a_method_has_the_same_data_profile_alone_as_beside_others(costs, budget):
    beside = kinds.data(costs, budget)
    for m in range(costs.shape[-1]):
        alone = kinds.data(costs[..., [m]], budget)
        np.testing.assert_array_equal(alone.heights(PLACES)[..., 0], beside.heights(PLACES)[..., m])
        np.testing.assert_allclose(alone.areas[..., 0], beside.areas[..., m], rtol=1e-12, atol=1e-15)


def test_a_performance_profile_does_depend_on_the_others():
    costs = np.array([[[[1.0, 2.0, 1.0], [8.0, 4.0, 1.0]]]])
    assert kinds.performance(costs[..., :2]).heights(np.array([2.0]))[0, 0].tolist() == [1, 1]
    assert kinds.performance(costs).heights(np.array([2.0]))[0, 0].tolist() == [1 / 2, 1 / 2, 1]


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=8))
def test_log_ratios_change_their_signs_with_the_order_of_the_methods(table):
    costs = np.array(table)
    there, here = kinds.log_ratio(costs), kinds.log_ratio(costs[:, ::-1])
    np.testing.assert_allclose(here, -there, atol=1e-12)
    for ratio, (first, second) in zip(there, table, strict=True):
        assert (ratio > 0) == (first > second) or math.isclose(first, second)
    np.testing.assert_array_equal(np.isnan(there), np.isinf(costs).all(axis=1))
    alone = np.isinf(costs).sum(axis=1) == 1
    both = np.isfinite(costs).all(axis=1)
    if alone.any() and both.any():
        assert np.abs(there[alone]).min() >= np.abs(there[both]).max()


# Simulated restarts


def test_a_runtime_with_restarts_has_a_geometric_number_of_failures():
    """Of two runs one fails after 10 and one succeeds after 3: 3 + 10 k, with the probability 2^−(k+1)."""
    [drawn] = kinds.restarted(np.array([[INF, 3.0]]), np.array([10.0, 4.0]), 20_000, np.random.default_rng(0))
    failures = (drawn - 3) / 10
    assert (failures == failures.round()).all()
    for k in range(6):
        p = 0.5 ** (k + 1)
        assert abs(np.mean(failures == k) - p) < 4 * math.sqrt(p * (1 - p) / 20_000)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=6))
def test_the_mean_runtime_is_all_that_was_spent_per_success(trials):
    """COCO's aRT: what all runs spent until the target, or to their ends, over the number of those that reached it."""
    hits = np.array([hit if success else INF for success, hit, _ in trials], dtype=float)
    spent = np.array([hit + more for _, hit, more in trials], dtype=float)
    [drawn] = kinds.restarted(hits[None], spent, 4_000, np.random.default_rng(1))
    successes = np.isfinite(hits).sum()
    if not successes:
        assert (drawn == INF).all()
        return
    own = np.where(np.isfinite(hits), hits, spent).sum() / successes
    assert abs(drawn.mean() - own) <= 5 * drawn.std() / math.sqrt(4_000) + 1e-9


def test_runtimes_are_drawn_alike_again_beside_other_methods_and_in_any_order():
    again = made(RUNS, ("A", "B"), (0, 1, 1)).runtime.amounts
    np.testing.assert_array_equal(EXAMPLE.runtime.amounts, again)
    turned = made([row[::-1] for row in RUNS], ("B", "A"), (0, 1, 1)).runtime.amounts
    np.testing.assert_array_equal(turned, again[..., ::-1])
    alone = made([row[:1] for row in RUNS], ("A",), (0, 1, 1), kind="data").runtime.amounts
    np.testing.assert_array_equal(alone, again[..., :1])


# On runs of methods

KNOWN = ["quadratic:kappa=10", "rosenbrock", "himmelblau"]
METHODS = ["gd:lr=0.01", "adam:lr=0.1", "scipy:bfgs", "scipy:nelder-mead"]


@pytest.mark.parametrize("kind", ["data", "quality", "runtime"])
def test_a_method_alone_has_the_area_that_it_has_beside_others(kind):
    beside = profile(METHODS, KNOWN, budget=120, kind=kind)
    for m, method in enumerate(METHODS):
        alone = profile([method], KNOWN, budget=120, kind=kind)
        np.testing.assert_array_equal(alone.areas[:, 0], beside.areas[:, m])
        np.testing.assert_array_equal(alone.steps(kind).amounts[..., 0], beside.steps(kind).amounts[..., m])


def test_an_unknown_minimum_depends_on_the_others_and_the_area_without_it_does_not():
    few, many = (profile(methods, [*KNOWN, "mccormick"], budget=40) for methods in (METHODS[:2], METHODS))
    assert few.unknown == many.unknown == (3,)
    assert (few.areas != many.areas[:, :2]).any()
    np.testing.assert_array_equal(few.areas_of_known, many.areas_of_known[:, :2])
    np.testing.assert_allclose(few.areas_of_known, profile(METHODS[:2], KNOWN, budget=40).areas, rtol=1e-12)
    assert np.isnan(profile(METHODS[:2], ["mccormick"], budget=40).areas_of_known).all()


def test_all_kinds_are_of_the_same_runs_and_both_kinds_of_evaluations_are_told():
    found = profile(METHODS, ["rosenbrock", "quadratic:kappa=10"], budget=60, noise=0.0)
    for kind in ("data", "performance", "quality", "runtime", None):
        assert found.drawn_as(kind).costs is found.costs
        assert found.drawn_as(kind).runs is found.runs
    assert found.evaluations[0][1] == 0 < found.evaluations[0][0]  # gd asks for gradients only
    assert found.evaluations[3][0] == 0 < found.evaluations[3][1]  # Nelder and Mead for f only
    assert min(found.evaluations[2]) > 0


def test_where_steps_are_random_each_seed_is_a_set_of_problems():
    found = profile(METHODS[:2], ["rosenbrock", "quadratic:kappa=10"], budget=60, noise=0.1, seeds=12)
    assert found.instances.tolist() == [[seed, 12 + seed] for seed in range(12)]
    low, high = found.data.band(found.data.limits)
    assert (low < high).any()
    own = [found.costs[:, [seed, 12 + seed]] for seed in range(12)]
    np.testing.assert_array_equal(found.data.amounts, np.stack(own, axis=1))


@pytest.mark.parametrize(
    ("methods", "kind", "says"),
    [
        (METHODS, "log-ratio", "two methods, and there are 4"),
        (METHODS[:1], "performance", "at least two"),
        (METHODS[:1], None, "at least two"),
        (METHODS, "log", "kind must be one of data, performance, log-ratio, quality, runtime"),
        ([], "data", "at least one"),
    ],
)
def test_a_kind_that_fits_no_such_methods_is_refused(methods, kind, says):
    with pytest.raises(InputError, match=says):
        profile(methods, KNOWN, kind=kind)
