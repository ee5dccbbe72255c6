"""The backtracking line search."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench import DivergenceWarning, Oracle, Problem, method, problem, run
from tests.methods.plain_floats import STEEP, Sphere, dot, follows, minus, thirty


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_sls(p):
    """Backtracking written out: it asks for f at every trial, and for f(w) only at the start, as it is known later."""
    c, beta, alpha0, alpha_max, gamma = 0.3, 0.6, 0.8, 0.9, 1.5
    w, u, alpha, points, sizes, fevals = STEEP.start, [0.0, 0.0], alpha0, [], [], [1]
    backtracks = 0
    for k in range(8):
        g, f = STEEP.g(w), STEEP.f(w)
        u = [p * a + b for a, b in zip(u, g, strict=True)]
        alpha = alpha0 if k == 0 else min(alpha * gamma, alpha_max)
        trials = 1
        while not STEEP.f(minus(w, alpha, u)) <= f - c * alpha * dot(g, u):
            alpha *= beta
            trials += 1
        w = minus(w, alpha, u)
        backtracks += trials - 1
        points.append(w)
        sizes.append(alpha)
        fevals.append(fevals[-1] + trials)
    assert backtracks > 3
    r = run(
        STEEP.spec,
        f"momentum:p={p}+sls:c={c},beta={beta},alpha0={alpha0},alpha_max={alpha_max},gamma={gamma}",
        start=STEEP.start,
        steps=8,
    )
    follows(r, points)
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10)
    np.testing.assert_array_equal(r.fevals[1:], fevals[1:])
    np.testing.assert_array_equal(r.evals, range(9))


@thirty
@given(
    st.floats(0.01, 0.9),
    st.floats(0.2, 0.95),
    st.sampled_from(["rosenbrock", "quadratic", "quadratic:angle=30", "linear-regression:noise=1"]),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_every_step_of_the_line_search_falls_as_armijo_asks(c, beta, spec, start):
    """f(w⁺) ≤ f(w) − c α ‖g‖², with α the largest of its start times β^j that does: α/β does not, or is no trial."""
    p = problem(spec)
    made = method("sls", c=c, beta=beta, alpha0=2.0)
    r = run(p, made, start=start, steps=25)
    f, slope, alpha = r.f, np.square(r.gradient_norm), r.step_size
    slack = 1e-12 * (1 + np.abs(f[:-1]))
    assert (f[1:] <= f[:-1] - c * alpha[1:] * slope[:-1] + slack).all()
    for k in range(1, r.steps + 1):
        first = 2.0 if k == 1 else 2 * alpha[k - 1]
        if alpha[k] < first * 0.999:
            w = r.x[k - 1][:, None] - alpha[k] / beta * p.grad(np.repeat(r.x[k - 1][:, None], 2, axis=1))
            assert p.f(w)[0] > f[k - 1] - c * alpha[k] / beta * slope[k - 1] - slack[k - 1]


def test_line_searches_of_a_batch_are_charged_each_for_its_own():
    """Runs in lock-step: one that has found its step is not charged for the trials of another."""
    starts = np.array([[0.1, -1.0, 1.2], [0.2, 0.5, 1.0]])
    batch = run("rosenbrock", "sls", start=starts, steps=10)
    for r in range(3):
        alone = run("rosenbrock", "sls", start=starts[:, r], steps=10)
        np.testing.assert_array_equal(batch.fevals[:, r], alone.fevals)
        np.testing.assert_array_equal(batch.x[:, :, r], alone.x)
    assert len(set(batch.fevals[-1])) > 1


def test_a_line_search_looks_at_the_sample_of_its_step():
    """On mini-batches the trials see the sample of their step: data that can be fitted exactly are then fitted."""
    r = run("linear-regression:n=10,batch=1,dim=3", "sls", steps=400)
    assert r.error[-1] < 1e-6 * r.error[0]


def test_the_line_search_does_not_take_a_value_that_is_not_a_number():
    """f = x − log x is not a number left of 0, where the first trial from x = 3 with α = 10 lands."""

    @dataclass(frozen=True)
    class Barrier(Problem):
        x0 = np.array([3.0])

        def f(self, x):
            return (x - np.log(x))[0]

        def grad(self, x):
            return 1 - 1 / x

    r = run(Barrier(), method("sls:alpha0=10"), steps=20)
    assert r.status == "budget"
    np.testing.assert_allclose(r.x[-1], 1.0, atol=1e-3)


def test_the_line_search_has_no_bound_unless_one_is_given():
    """On f = ‖w‖²/200 every step up to 1/L = 100 is long enough: α doubles from 1 to 64, and then 90, 0.9 of 100 …"""
    free, bound = (run(Sphere(0.01), f"sls:c=0.5{option}", steps=9) for option in ("", ",alpha_max=10"))
    np.testing.assert_array_equal(free.step_size[1:8], 2.0 ** np.arange(7))
    assert 90 < free.step_size[8] <= 100
    assert bound.step_size[1:].max() == 10.0


def test_a_search_without_a_slope_keeps_its_step_size():
    """At the minimum there is nothing to search, and α must not double until it overflows."""
    r = run("quadratic:kappa=1", method("sls:c=0.5"), steps=1200)
    assert r.status == "converged"
    made = method("sls")
    w = np.zeros((2, 2))
    s = made.init(w)
    for _ in range(1200):
        w, s = made.step(w, Oracle(problem("quadratic")), s)
    np.testing.assert_array_equal(s.alpha, 1.0)


def test_a_search_along_a_slope_without_an_end_ends():
    """On f = −w each step is long enough and α doubles: w is lost, and no search goes on for ever."""

    @dataclass(frozen=True)
    class Slope(Problem):
        x0 = np.array([0.0, 0.0])

        def f(self, w):
            return -w[0]

        def grad(self, w):
            return np.stack([0 * w[0] - 1, 0 * w[1]])

    with pytest.warns(DivergenceWarning):
        r = run(Slope(), "sls", steps=2000)
    assert r.status == "diverged"
