"""Worst cases against closed forms that were proved, against PEPit's own examples, and against runs."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, Problem
from stepbench.guarantees import beside, rate

pytest.importorskip("PEPit")

CLOSE = 1e-4


def worst(method, **options):
    return [row.worst for row in rate(method, **options).rows]


@pytest.mark.parametrize("L", [1.0, 10.0, 1e5])
def test_gradient_descent_with_1_over_L_on_convex_functions(L):
    """L / (4 N + 2): Drori & Teboulle, Performance of first-order methods, 2014, Theorem 3.1."""
    assert worst(f"gd:lr={1 / L}", L=L, steps=4) == pytest.approx([L / (4 * n + 2) for n in (1, 2, 3, 4)], rel=CLOSE)


@pytest.mark.parametrize("lr", [0.03, 0.1, 0.17, 0.19, 0.25])
@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_the_distance_of_gradient_descent_shrinks_by_its_worst_factor(mu, lr):
    """max(|1 − αμ|, |1 − αL|)^2N: of the quadratics with one eigenvalue, the worst is as bad as any function."""
    factor = max(abs(1 - lr * mu), abs(1 - lr * 10))
    found = worst(f"gd:lr={lr}", mu=mu, L=10, steps=3, criterion="distance")
    assert found == pytest.approx([factor ** (2 * n) for n in (1, 2, 3)], rel=CLOSE)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("lr", [0.02, 0.1, 0.15, 0.19])
@pytest.mark.parametrize("mu", [0.0, 1e-6, 1.0, 6.0, 9.9])
def test_gradient_descent_on_strongly_convex_functions_is_as_kim_proved(mu, lr):
    """L/2 max(κ / (κ − 1 + (1 − αμ)^{−2N}), (1 − αL)^{2N}), κ = μ/L, by the powers as they stand."""
    for row in rate(f"gd:lr={lr}", mu=mu, L=10, steps=2).rows:
        k = mu / 10
        flat = k / (k - 1 + (1 - lr * mu) ** (-2 * row.steps)) if mu > 1e-3 else 1 / (1 + 2 * row.steps * lr * 10)
        assert row.worst == pytest.approx(5 * max(flat, (1 - lr * 10) ** (2 * row.steps)), rel=CLOSE)
        assert row.known.exact
        assert row.known.value == pytest.approx(row.worst, rel=CLOSE)


def test_a_step_size_that_is_1_over_mu_leaves_the_steep_part_only():
    [row] = rate("gd:lr=0.15", mu=1 / 0.15, L=10, steps=1).rows
    assert row.worst == pytest.approx(row.known.value, rel=CLOSE)


def test_the_gradient_of_gradient_descent_with_1_over_L():
    """L² / (N + 1)²: Taylor, Hendrickx & Glineur 2017, Conjecture 3, of which no numbers were ever seen to differ."""
    found = worst("gd:lr=0.1", L=10, steps=3, criterion="gradient")
    assert found == pytest.approx([100 / (n + 1) ** 2 for n in (1, 2, 3)], rel=CLOSE)


def test_silver_steps_keep_the_bound_of_their_paper():
    """Theorem 1.1 of Altschuler & Parrilo, for N = 2^k − 1; the bound itself is reached by no function."""
    rows = rate("silver", L=10, steps=7).rows
    for k in (1, 2, 3):
        bound = 10 / (1 + math.sqrt(4 * (1 + math.sqrt(2)) ** (2 * k) - 3))
        row = rows[2**k - 2]
        assert row.known.value == pytest.approx(bound)
        assert not row.known.exact
        assert bound / 2 < row.worst < bound
    assert [row.steps for row in rows if row.known] == [1, 3, 7]


def test_silver_steps_are_as_pepits_own_example_has_them():
    from PEPit.examples.unconstrained_convex_minimization import wc_gradient_descent_silver_stepsize_convex

    theirs, _ = wc_gradient_descent_silver_stepsize_convex(L=10, n=3, verbose=-1)
    assert worst("silver", L=10, steps=3)[-1] == pytest.approx(theirs, rel=CLOSE)


def test_nesterovs_sequence_of_1983_by_hand():
    """Its steps written in PEPit, on f itself, with a_k = 1, 1.618, 2.194."""
    from PEPit import PEP
    from PEPit.functions import SmoothConvexFunction

    pep = PEP()
    f = pep.declare_function(SmoothConvexFunction, L=10)
    least, w0 = f.stationary_point(), pep.set_initial_point()
    pep.set_initial_condition((w0 - least) ** 2 <= 1)
    a = [1.0]
    for _ in range(2):
        a.append(float(max(np.roots([1, -1, -(a[-1] ** 2)]))))
    w1 = w0 - 0.1 * f.gradient(w0)
    w2 = w1 - 0.1 * f.gradient(w1)
    y = w2 + (a[1] - 1) / a[2] * (w2 - w1)
    w3 = y - 0.1 * f.gradient(y)
    pep.set_performance_metric(f(w3) - f(least))
    by_hand = pep.solve(verbose=0)  # before another PEP begins, which forgets this one
    assert worst("nesterov:lr=0.1", L=10, steps=3)[-1] == pytest.approx(by_hand, rel=CLOSE)


def test_the_rows_end_where_the_solver_loses_its_digits():
    """So close to μ = L that every second step wins five powers of ten."""
    found = rate("gd:lr=0.1", mu=9.9, L=10, steps=6)
    assert 1 <= len(found.rows) < 6
    assert f"after {len(found.rows) + 1} steps cannot be told" in found.ended
    assert all(row.worst == pytest.approx(row.known.value, rel=1e-3) for row in found.rows)


@pytest.mark.parametrize("mu", [0.0, 1.0])
def test_nesterovs_method_keeps_its_theorems(mu):
    rows = rate("nesterov:lr=0.1", mu=mu, L=10, steps=4).rows
    assert all(row.known.value >= row.worst > 0 and not row.known.exact for row in rows)


def test_nesterovs_first_step_is_one_of_gradient_descent():
    assert worst("nesterov:lr=0.1", mu=1, L=10, steps=1) == pytest.approx(worst("gd:lr=0.1", mu=1, L=10, steps=1))


def test_long_steps_are_gradient_descent_with_their_lengths():
    """After the first step, 1.5/L, it is gradient descent; later ones have no closed form."""
    rows = rate("long-steps", L=10, steps=3).rows
    assert rows[0].worst == pytest.approx(worst("gd:lr=0.15", L=10, steps=1)[0], rel=1e-6)
    assert not any(row.known for row in rows)
    assert rows[2].worst < rows[0].worst < rows[1].worst  # 2.2/L alone overshoots, and the next step mends it


def test_two_texts_of_one_method_have_one_worst_case():
    momentum, ball = (worst(f"{name}:lr=0.1,p=0.4", mu=1, L=10, steps=3) for name in ("momentum", "heavy-ball"))
    assert momentum == pytest.approx(ball, rel=1e-6)


def test_the_worst_case_scales_with_L():
    """f/L with the step size L α is the same run."""
    small, large = (worst(f"heavy-ball:lr={0.5 / L},p=0.3", mu=0.1 * L, L=L, steps=3) for L in (1.0, 1e4))
    assert large == pytest.approx([1e4 * value for value in small], rel=1e-6)


def test_a_schedule_is_told_of_the_whole_run():
    assert worst("cosine:lr=0.1", L=10, steps=2) != pytest.approx(
        [row.worst for row in rate("cosine:lr=0.1", L=10, steps=2, horizon=50).rows], rel=1e-3
    )


@dataclass(frozen=True)
class Bowl(Problem):
    """½ Σ λ_i w_i², with the eigenvalues between 1 and 10."""

    eigenvalues: tuple = ()
    first: tuple = ()
    f_star, mu, L = 0.0, 1.0, 10.0

    @property
    def x0(self):
        return np.array(self.first)

    @property
    def x_star(self):
        return np.zeros(len(self.first))

    def f(self, w):
        return 0.5 * (np.reshape(self.eigenvalues, (-1, 1)) * w * w).sum(0)

    def grad(self, w):
        return np.reshape(self.eigenvalues, (-1, 1)) * w


METHODS = ("gd:lr=0.19", "heavy-ball:lr=0.1,p=0.5", "momentum:lr=0.05,p=0.8", "nesterov:lr=0.1", "silver", "long-steps")


@pytest.fixture(scope="module")
def guarantees():
    return {method: worst(method, mu=1, L=10, steps=4) for method in METHODS}


axes = st.tuples(st.floats(1, 10), st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3))


@pytest.mark.slow
@settings(max_examples=40)
@given(st.sampled_from(METHODS), st.lists(axes, min_size=2, max_size=5))
def test_no_quadratic_is_worse_than_the_guarantee(guarantees, method, drawn):
    eigenvalues, first = zip(*drawn, strict=True)
    with np.errstate(all="ignore"):
        run = stepbench.run(Bowl(eigenvalues, first), method, steps=4, target=0)
    bound = run.distance[0] ** 2 * np.array([5.0, *guarantees[method]])
    assert (run.error <= bound[: len(run.error)] * (1 + 1e-6)).all()


def test_the_guarantee_beside_a_run_is_scaled_by_its_start():
    method = stepbench.method("gd:lr=0.1")
    run = stepbench.run("quadratic:kappa=10", method, steps=3)
    told = beside(run, method, 9, 3)
    assert told.steps.tolist() == told.evals.tolist() == [1, 2, 3]
    assert told.worst == pytest.approx(5 * np.array(worst("gd:lr=0.1", mu=1, L=10, steps=3)))  # (−1, 2) is √5 away
    assert told.measured.tolist() == run.error[1:].tolist()
    sparse = beside(stepbench.run("quadratic:kappa=10", method, steps=4, every=2), method, 3, 4)
    assert np.isnan(sparse.measured).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("adam", "multiply(a vector, a vector)"),
        ("lion", "absolute(a vector)"),
        ("polyak", "subtract(a value of f, the minimum of f)"),
        ("adagrad-norm", "add(a number, an inner product)"),
        ("bb", "an inner product"),
        ("sls", "an inner product"),
        ("exact", "f"),
        ("tlr", "an inner product"),
        ("gd:lr=0.1,wd=0.1", "depends on where 0 is"),
        ("scipy:bfgs", "owns its loop"),
    ],
)
def test_a_method_that_pepit_cannot_hold_says_by_what(method, says):
    with pytest.raises(InputError) as refused:
        rate(method, L=10, steps=3)
    assert "has no guarantee of this kind" in str(refused.value)
    assert says in str(refused.value)


@dataclass(frozen=True)
class Halving(stepbench.StepSize):
    """Halves its step where f has risen: a branch on values."""

    lr: float = field(default=0.1)

    def init(self, w):
        return None

    def move(self, w, u, oracle, s):
        ahead = w - self.lr * u
        return (ahead if oracle.value(ahead) < oracle.value(w) else w - self.lr / 2 * u), s


def test_a_branch_on_a_value_of_f_is_refused_and_not_misread():
    from stepbench.contracts import Joined

    method = Joined(stepbench.method("gd").direction, Halving())
    with pytest.raises(InputError, match=r"less\(a value of f, a value of f\)"):
        rate(method, L=10, steps=1)
