"""The numbers of a profile: against an example worked by hand, and against their papers' definitions."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench.study.kinds import area, ratios, solved_within
from stepbench.study.profile import Profile, compared

INF = math.inf

# The example: five problems, the solvers A, B and C. Nobody solves the fourth; A and B tie on the fifth.
#           A     B     C       r_A   r_B   r_C
TABLE = [
    [10.0, 20.0, 40.0],  #       1     2     4
    [30.0, 15.0, INF],  #        2     1     ∞
    [INF, 100.0, 50.0],  #       ∞     2     1
    [INF, INF, INF],  #          ∞     ∞     ∞
    [8.0, 8.0, 32.0],  #         1     1     4
]
RATIOS = [[1, 2, 4], [2, 1, INF], [INF, 2, 1], [INF, INF, INF], [1, 1, 4]]


def made(table, labels="ABC", tolerances=(0.1,)):
    """The profile of these costs, the same at every tolerance."""
    names = tuple(f"suite/p{k}" for k in range(1, len(table) + 1))
    costs = np.array([table] * len(tolerances))
    return Profile(names, tuple(labels), tolerances, costs, 200, (), (), ((),) * len(labels))


def test_the_ratios_of_the_example():
    np.testing.assert_array_equal(ratios(np.array(TABLE)), RATIOS)


@pytest.mark.parametrize(
    ("tau", "parts"),
    [
        (1.0, [2 / 5, 2 / 5, 1 / 5]),  # ρ(1): on how many each is the fastest, the tie counted for both
        (1.999, [2 / 5, 2 / 5, 1 / 5]),
        (2.0, [3 / 5, 4 / 5, 1 / 5]),  # ρ is continuous from the right
        (3.999, [3 / 5, 4 / 5, 1 / 5]),
        (4.0, [3 / 5, 4 / 5, 3 / 5]),
        (1e300, [3 / 5, 4 / 5, 3 / 5]),  # the limit: what each solves at all
    ],
)
def test_the_performance_profiles_of_the_example(tau, parts):
    np.testing.assert_allclose(solved_within(np.array(RATIOS, dtype=float), np.array([tau]))[0], parts, rtol=1e-15)


@pytest.mark.parametrize(
    ("kappa", "parts"),
    [
        (7.9, [0, 0, 0]),
        (8, [1 / 5, 1 / 5, 0]),
        (15, [2 / 5, 2 / 5, 0]),
        (20, [2 / 5, 3 / 5, 0]),
        (30, [3 / 5, 3 / 5, 0]),
        (32, [3 / 5, 3 / 5, 1 / 5]),
        (50, [3 / 5, 3 / 5, 3 / 5]),
        (100, [3 / 5, 4 / 5, 3 / 5]),
    ],
)
def test_the_data_profiles_of_the_example(kappa, parts):
    np.testing.assert_allclose(solved_within(np.array(TABLE), np.array([kappa]))[0], parts, rtol=1e-15)


@pytest.mark.parametrize(
    ("high", "areas"),
    [
        # up to 4: a ratio of 1 fills the whole width, 2 = √4 half of it, 4 and ∞ nothing
        (4.0, [(1 + 1 / 2 + 1) / 5, (1 / 2 + 1 + 1 / 2 + 1) / 5, 1 / 5]),
        # up to 16 = 2⁴: 1 fills all of it, 2 three quarters, 4 a half
        (16.0, [(1 + 3 / 4 + 1) / 5, (3 / 4 + 1 + 3 / 4 + 1) / 5, (1 / 2 + 1 + 1 / 2) / 5]),
        # up to 2: 4 is beyond
        (2.0, [2 / 5, 2 / 5, 1 / 5]),
        # no width at all: ρ(1)
        (1.0, [2 / 5, 2 / 5, 1 / 5]),
    ],
)
def test_the_areas_of_the_example(high, areas):
    np.testing.assert_allclose(area(np.array(RATIOS, dtype=float), 1.0, high), areas, rtol=1e-14)


def test_the_profile_of_the_example():
    found = made(TABLE)
    assert found.performance.high == 4
    np.testing.assert_allclose(found.performance.areas, [[0.5, 0.6, 0.2]], rtol=1e-14)
    # up to the budget of 200: a cost of 10 leaves log 20 of log 200, and so on
    left = [[200 / cost for cost in costs] for costs in ([10, 30, 8], [20, 15, 100, 8], [40, 50, 32])]
    own = [sum(math.log(ratio, 200) for ratio in ratios_left) / 5 for ratios_left in left]
    np.testing.assert_allclose(found.areas, [own], rtol=1e-14)
    assert [found.labels[m] for m in found.ranking] == ["B", "A", "C"]
    assert [found.labels[m] for m in found.drawn_as("performance").ranking] == ["B", "A", "C"]
    assert found.unsolved(0) == ["suite/p3", "suite/p4"]
    assert found.unsolved(1) == ["suite/p4"]
    assert found.unsolved(2) == ["suite/p2", "suite/p4"]
    wins = {(pair.first, pair.second): (pair.wins, pair.losses, pair.ties) for pair in found.pairs()}
    assert wins == {("A", "B"): (1, 2, 2), ("A", "C"): (3, 1, 1), ("B", "C"): (3, 1, 1)}


def test_a_profile_of_which_nothing_is_solved_has_no_area_and_no_ties_to_tell():
    found = made([[INF, INF, INF]] * 4)
    assert found.performance.high == 2
    np.testing.assert_array_equal(found.areas, [[0, 0, 0]])
    np.testing.assert_array_equal(found.performance.areas, [[0, 0, 0]])
    assert all((pair.wins, pair.losses, pair.ties, pair.p) == (0, 0, 4, 1.0) for pair in found.pairs())


def test_pairs_are_taken_at_the_smallest_tolerance_and_the_ranking_over_all():
    loose, tight = [[1.0, 2.0]] * 6, [[9.0, 3.0]] * 6
    found = Profile(tuple("pqrstu"), ("A", "B"), (0.1, 1e-5), np.array([loose, tight]), 99, (), (), ((), ()))
    assert [(pair.wins, pair.losses) for pair in found.pairs()] == [(0, 6)]
    # up to the ratio 3: A has 1 and 0, B has 1 − log 2/log 3 and 1
    assert found.performance.high == 3
    np.testing.assert_allclose(found.performance.areas, [[1, 1 - math.log(2, 3)], [0, 1]], atol=1e-15)
    assert found.drawn_as("performance").ranking == [1, 0]
    # up to the budget of 99, of whose logarithm a cost of 2 leaves 1 − log 2 / log 99
    np.testing.assert_allclose(
        found.areas, [[1 - math.log(c, 99) for c in row] for row in ([1, 2], [9, 3])], rtol=1e-14
    )
    assert found.ranking == [1, 0]


# The definitions, in plain loops


def own_ratios(table):
    """r_{p,s} = t_{p,s} / min over s of t_{p,s}; infinite where s did not solve p."""
    return [[t / min(row) if t < INF else INF for t in row] for row in table]


def own_part(table, s, limit):
    """|{p : t_{p,s} ≤ limit}| / |P|."""
    return sum(1 for row in table if row[s] <= limit) / len(table)


def own_area(table, s, low, high):
    """The integral of the step function over log τ from low to high, step by step, as a part of the whole width."""
    jumps = sorted({low, high, *(row[s] for row in table if low < row[s] < high)})
    total = sum(
        own_part(table, s, left) * (math.log(right) - math.log(left)) for left, right in itertools.pairwise(jumps)
    )
    return total / (math.log(high) - math.log(low))


amounts = st.one_of(st.integers(1, 12).map(float), st.floats(1, 1e6), st.just(INF))
tables = st.integers(2, 5).flatmap(
    lambda methods: st.lists(st.lists(amounts, min_size=methods, max_size=methods), min_size=1, max_size=9)
)
finite_tables = st.integers(2, 4).flatmap(
    lambda methods: st.lists(
        st.lists(st.integers(1, 12).map(float), min_size=methods, max_size=methods), min_size=1, max_size=9
    )
)


@given(tables, st.lists(st.one_of(st.integers(1, 12).map(float), st.floats(1, 1e6)), min_size=1, max_size=5))
def test_profiles_are_the_papers_definitions(table, limits):
    r = ratios(np.array(table))
    assert r.tolist() == own_ratios(table)
    for amount in (table, r.tolist()):
        parts = solved_within(np.array(amount), np.array(limits))
        for row, limit in zip(parts.tolist(), limits, strict=True):
            assert row == pytest.approx([own_part(amount, s, limit) for s in range(len(table[0]))], abs=1e-15)


@given(tables, st.floats(1.01, 1e5))
def test_the_area_is_the_integral_of_the_steps(table, high):
    r = own_ratios(table)
    found = area(ratios(np.array(table)), 1.0, high)
    assert found.tolist() == pytest.approx([own_area(r, s, 1.0, high) for s in range(len(table[0]))], abs=1e-12)


@given(tables)
def test_the_areas_of_a_profile_end_at_its_largest_finite_ratio(table):
    r = own_ratios(table)
    span = max([2.0, *(x for row in r for x in row if x < INF)])
    found = made(table, [f"m{s}" for s in range(len(table[0]))])
    assert found.performance.high == span
    assert found.performance.areas[0].tolist() == pytest.approx(
        [own_area(r, s, 1.0, span) for s in range(len(r[0]))], abs=1e-12
    )


@given(tables)
def test_a_profile_only_rises_from_the_part_that_is_fastest_to_the_part_that_is_solved(table):
    r = ratios(np.array(table))
    limits = np.unique([1.0, *r[np.isfinite(r)], 1e307])
    heights = solved_within(r, limits)
    assert (np.diff(heights, axis=0) >= 0).all()
    assert ((heights >= 0) & (heights <= 1)).all()
    np.testing.assert_array_equal(heights[-1], np.isfinite(table).mean(axis=0))
    solved = np.isfinite(table).any(axis=1)
    assert heights[0].sum() >= solved.mean() - 1e-12  # somebody is the fastest wherever anybody solves
    areas = area(r, 1.0, 100.0)
    assert (heights[0] - 1e-12 <= areas).all()
    assert (areas <= heights[-1] + 1e-12).all()


@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_methods_and_problems_changes_no_answer(table, random):
    costs = np.array(table)
    rows, columns = [*range(costs.shape[0])], [*range(costs.shape[1])]
    random.shuffle(rows)
    random.shuffle(columns)
    mixed = costs[rows][:, columns]
    np.testing.assert_array_equal(ratios(mixed), ratios(costs)[rows][:, columns])
    limits = np.array([1.0, 1.5, 2.0, 7.0])
    np.testing.assert_allclose(
        solved_within(ratios(mixed), limits), solved_within(ratios(costs), limits)[:, columns], rtol=1e-15
    )
    np.testing.assert_allclose(area(ratios(mixed), 1, 50), area(ratios(costs), 1, 50)[columns], rtol=1e-12, atol=1e-15)
    labels = [f"m{s}" for s in range(costs.shape[1])]
    there = {frozenset([(p.first, p.wins), (p.second, p.losses)]): p.p for p in compared(labels, costs)}
    here = {
        frozenset([(p.first, p.wins), (p.second, p.losses)]): p.p for p in compared([labels[c] for c in columns], mixed)
    }
    assert here == there


@given(tables, st.integers(-20, 20))
def test_the_scale_of_a_problems_costs_leaves_its_ratios_alone(table, power):
    scaled = np.array(table)
    scaled[0] *= 2.0**power
    np.testing.assert_array_equal(ratios(scaled), ratios(np.array(table)))


# The sign test and Holm's correction


def own_sign_test(wins, losses):
    """P(a fair coin falls at least so unevenly in wins + losses tosses)."""
    n, few = wins + losses, min(wins, losses)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(few + 1)) / 2**n) if n else 1.0


def own_holm(p):
    """Holm 1979: the k-th least of m is multiplied by m − k + 1, and is no less than those before it."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    return [min(1.0, max((len(p) - k) * p[order[k]] for k in range(order.index(i) + 1))) for i in range(len(p))]


def test_the_sign_test_and_holms_correction_worked_by_hand():
    # A costs 2 and B 4 on all eight problems; C costs 1 once, 3 three times and 5 four times.
    costs = np.array([[2.0, 4.0, c] for c in (1, 3, 3, 3, 5, 5, 5, 5)])
    found = {(pair.first, pair.second): pair for pair in compared("ABC", costs)}
    a_b, a_c, b_c = found["A", "B"], found["A", "C"], found["B", "C"]
    assert (a_b.wins, a_b.losses, a_b.ties) == (8, 0, 0)  # 2 · 1/256 = 1/128, three times as the least of three
    assert a_b.p == pytest.approx(3 / 128, rel=1e-12)
    assert (a_c.wins, a_c.losses, a_c.ties) == (7, 1, 0)  # 2 · (1 + 8)/256 = 9/128, twice as the next
    assert a_c.p == pytest.approx(18 / 128, rel=1e-12)
    assert (b_c.wins, b_c.losses, b_c.ties) == (4, 4, 0)  # nothing is more even
    assert b_c.p == 1


def test_no_corrected_p_is_less_than_one_of_a_more_uneven_pair():
    # A and B differ on seven problems of eight, A and C on all eight but one, which are as uneven: 2/128 and 2/128,
    # times 3 and times 2; the second may not fall below the first.
    costs = np.array([[1.0, 2.0, 2.0]] * 7 + [[1.0, 1.0, 1.0]])
    found = {(pair.first, pair.second): pair.p for pair in compared("ABC", costs)}
    assert found["A", "B"] == found["A", "C"] == pytest.approx(6 / 128, rel=1e-12)
    assert found["B", "C"] == 1


@given(st.one_of(tables, finite_tables))
def test_pairs_are_counted_tested_and_corrected_as_defined(table):
    labels = [f"m{s}" for s in range(len(table[0]))]
    found = compared(labels, np.array(table))
    counted = []
    for i, j in itertools.combinations(range(len(labels)), 2):
        wins = sum(1 for row in table if row[i] < row[j])
        losses = sum(1 for row in table if row[i] > row[j])
        counted.append((labels[i], labels[j], wins, losses, len(table) - wins - losses))
    assert [tuple(pair[:5]) for pair in found] == counted
    own = own_holm([own_sign_test(wins, losses) for _, _, wins, losses, _ in counted])
    assert [pair.p for pair in found] == pytest.approx(own, rel=1e-9)


def test_where_nothing_differs_every_p_is_one():
    same = np.repeat(np.array(TABLE)[:, :1], 4, axis=1)
    assert [(pair.wins, pair.losses, pair.p) for pair in compared("ABCD", same)] == [(0, 0, 1.0)] * 6


def test_chance_alone_is_seldom_called_a_difference():
    """Five methods whose costs are drawn alike: in at most 5 % of studies may any of their ten pairs have p ≤ 0.05."""
    rng = np.random.default_rng(7)
    studies = [compared("ABCDE", rng.standard_normal((20, 5))) for _ in range(150)]
    assert np.mean([min(pair.p for pair in pairs) <= 0.05 for pairs in studies]) <= 0.05
    assert np.mean([min(own_sign_test(p.wins, p.losses) for p in pairs) <= 0.05 for pairs in studies]) > 0.1
