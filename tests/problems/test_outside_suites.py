"""The problems: their gradients, Hessians, minima and constants against independent formulas."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import stepbench
from stepbench import InputError, problem, run

thirty = settings(deadline=None, max_examples=30, derandomize=True)

angles = st.floats(-360, 360, allow_nan=False)

quadratics = st.builds(
    lambda kappa, dim, angle: problem("quadratic", kappa=kappa, dim=dim, angle=angle),
    st.floats(1, 1e4),
    st.integers(2, 6),
    angles,
)
valleys = st.builds(
    lambda a, b, dim: problem("rosenbrock", a=a, b=b, dim=dim),
    st.floats(-3, 3),
    st.floats(0.01, 200),
    st.integers(2, 6),
)
regressions = st.builds(
    lambda n, dim, noise, seed: problem("linear-regression", n=n, dim=dim, noise=noise, data_seed=seed),
    st.integers(1, 12),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.5]),
    st.integers(0, 1000),
)
problems = st.one_of(quadratics, valleys, regressions)


def points(p, seed, runs=3):
    """Some random points, (d, runs)."""
    return np.random.default_rng(seed).uniform(-2, 2, (p.x0.size, runs))


def directions(p):
    """Every axis in turn, as a column (d, 1)."""
    return [e[:, None] for e in np.eye(p.x0.size)]


def hessian_at(p, x):
    """The Hessian at one point, (d, d)."""
    return p.hessian(np.repeat(np.asarray(x, dtype=float)[:, None], 2, axis=1))[:, :, 0]


# Derivatives


@thirty
@given(problems, st.integers(0, 1000))
def test_the_gradient_is_the_derivative_of_f(p, seed):
    # The complex step: f(x + ih e) = f(x) + ih f'(x) e + O(h²), so the imaginary part is the derivative to the last
    # digits, with no difference taken.
    x, h = points(p, seed), 1e-150
    by_step = np.stack([p.f(x + 1j * h * e).imag / h for e in directions(p)])
    np.testing.assert_allclose(p.grad(x), by_step, rtol=1e-10, atol=1e-10 * (1 + np.abs(by_step).max()))


@thirty
@given(problems, st.integers(0, 1000))
def test_the_hessian_is_the_derivative_of_the_gradient(p, seed):
    # Every gradient here is at most cubic, so a central difference of step h is off by h² times a third derivative.
    x, h = points(p, seed), 1e-4
    differences = np.stack([(p.grad(x + h * e) - p.grad(x - h * e)) / (2 * h) for e in directions(p)], axis=1)
    H = p.hessian(x)
    assert H.shape == (p.x0.size, *x.shape)
    np.testing.assert_allclose(H, differences, rtol=1e-6, atol=1e-6 * np.abs(H).max())
    np.testing.assert_allclose(H, H.transpose(1, 0, 2), rtol=1e-12, atol=1e-15 * np.abs(H).max())


@thirty
@given(problems, st.integers(0, 1000))
def test_a_batch_of_points_is_its_points_one_by_one(p, seed):
    # Shapes: (d, R) -> (R,) and (d, R); a point's answer does not depend on the points beside it.
    x = points(p, seed, runs=5)
    assert p.f(x).shape == (5,)
    assert p.grad(x).shape == x.shape
    for r in range(5):
        beside_itself = np.repeat(x[:, r : r + 1], 2, axis=1)
        assert p.f(beside_itself)[0] == p.f(x)[r]
        np.testing.assert_array_equal(p.grad(beside_itself)[:, 0], p.grad(x)[:, r])


# Minima


@thirty
@given(problems, st.integers(0, 1000))
def test_the_minimum_is_where_and_what_the_problem_says(p, seed):
    x = points(p, seed)
    scale = float(p.f(x).max()) + 1
    if p.f_star is None:
        assert p.x_star is None
        return
    assert (p.f(x) >= p.f_star - 1e-12 * scale).all()
    if p.x_star is None:
        return
    at = np.repeat(p.x_star[:, None], 2, axis=1)
    assert p.f(at)[0] == pytest.approx(p.f_star, abs=1e-12 * scale)
    np.testing.assert_allclose(p.grad(at), 0, atol=1e-9 * scale)
    assert np.linalg.eigvalsh(hessian_at(p, p.x_star))[0] >= -1e-9 * scale  # a minimum and not a saddle


@pytest.mark.parametrize(("a", "dim", "known"), [(2.0, 2, True), (1.0, 5, True), (2.0, 3, False)])
def test_the_minimiser_of_the_valley_is_given_only_where_it_is_known(a, dim, known):
    # With three parameters or more, w = (a, a², a⁴ …) makes every second term 0 but not every first one, unless a = 1.
    p = problem("rosenbrock", a=a, dim=dim)
    assert (p.x_star is not None) == known


def test_the_valley_is_rosenbrocks():
    x = np.array([[-1.0, 0.5], [0.0, 2.0]])
    np.testing.assert_allclose(problem("rosenbrock").f(x), [(-2) ** 2 + 100 * 1, 0.5**2 + 100 * 1.75**2])
    p = problem("rosenbrock:dim=3,a=1,b=10")
    np.testing.assert_allclose(p.f(np.array([[2.0], [3.0], [5.0]])), 1 + 10 * 1 + 4 + 10 * 16)


# Constants


@thirty
@given(st.one_of(quadratics, regressions))
def test_mu_and_L_are_the_extreme_eigenvalues(p):
    eigenvalues = np.linalg.eigvalsh(hessian_at(p, p.x0))
    assert pytest.approx(eigenvalues[-1], rel=1e-9) == p.L
    if p.mu is None:
        assert eigenvalues[0] < 1e-9 * p.L  # fewer samples than parameters: flat somewhere
    else:
        assert p.mu == pytest.approx(eigenvalues[0], rel=1e-6, abs=1e-9 * p.L)


@thirty
@given(st.floats(1, 1e4), st.integers(2, 6), angles, st.integers(0, 1000))
def test_a_rotated_quadratic_is_the_conjugate(kappa, dim, angle, seed):
    # Q' = R Q Rᵀ, where R turns the first axis towards the last by the angle: the steep axis e₁ goes to R e₁.
    turned = problem("quadratic", kappa=kappa, dim=dim, angle=angle)
    theta = np.deg2rad(angle)
    R = np.eye(dim)
    R[0, 0] = R[-1, -1] = np.cos(theta)
    R[-1, 0], R[0, -1] = np.sin(theta), -np.sin(theta)
    Q = R @ np.diag(kappa ** np.linspace(1, 0, dim)) @ R.T
    np.testing.assert_allclose(hessian_at(turned, turned.x0), Q, rtol=1e-9, atol=1e-9 * kappa)
    x = points(turned, seed)
    np.testing.assert_allclose(turned.f(x), 0.5 * ((Q @ x) * x).sum(0), rtol=1e-8, atol=1e-8 * kappa)
    straight = problem("quadratic", kappa=kappa, dim=dim)
    np.testing.assert_allclose(turned.f(R @ x), straight.f(x), rtol=1e-8, atol=1e-8 * kappa)


def test_the_papers_quadratic_is_diagonal_and_starts_at_its_point():
    p = problem("quadratic")
    np.testing.assert_array_equal(hessian_at(p, p.x0), np.diag([1000.0, 1.0]))
    np.testing.assert_array_equal(p.x0, [-1, 2])


# Least squares


@pytest.mark.parametrize(("n", "dim"), [(20, 3), (3, 3)])
def test_with_noise_the_minimiser_is_the_least_squares_solution(n, dim):
    # The normal equations Xᵀ X w = Xᵀ y, read off f itself: -∇f(0) = Xᵀ y and ∇²f = Xᵀ X.
    p = problem("linear-regression", n=n, dim=dim, noise=0.7)
    w = np.linalg.solve(hessian_at(p, np.zeros(dim)), -p.grad(np.zeros((dim, 2)))[:, 0])
    np.testing.assert_allclose(p.x_star, w, rtol=1e-8)
    assert (p.f_star > 1e-3) == (n > dim)  # as many parameters as samples fit any noise


def test_without_noise_the_data_are_fitted_exactly():
    p = problem("linear-regression:n=50,dim=4")
    assert p.f_star == pytest.approx(0, abs=1e-25)
    assert np.linalg.norm(p.x_star) > 0.1


def test_the_data_are_those_of_the_seed_alone():
    # The batch and the noise must not change which X is drawn: problems that differ in them are comparable.
    X = [hessian_at(problem("linear-regression", **f), [0, 0]) for f in ({}, {"batch": 5}, {"noise": 1.0})]
    np.testing.assert_array_equal(X[0], X[1])
    np.testing.assert_array_equal(X[0], X[2])
    assert not np.array_equal(X[0], hessian_at(problem("linear-regression:data_seed=1"), [0, 0]))


def test_with_fewer_samples_than_parameters_no_minimiser_is_claimed():
    p = problem("linear-regression:n=3,dim=5,noise=1")
    assert p.x_star is None
    assert p.mu is None
    assert p.f_star == 0.0
    X = hessian_at(p, np.zeros(5))
    w = np.linalg.lstsq(X, -p.grad(np.zeros((5, 2)))[:, 0])[0]
    assert p.f(np.repeat(w[:, None], 2, axis=1))[0] == pytest.approx(0, abs=1e-20)  # and 0 is indeed reached
    r = run(p, "nesterov:lr=0.05", budget=50)  # κ is unknown, and a run does not mind
    assert r.distance is None
    assert r.error[-1] < r.error[0]


@pytest.mark.parametrize("spec", ["linear-regression:n=5,batch=6", "linear-regression:batch=101"])
def test_a_batch_of_more_samples_than_there_are_is_refused(spec):
    with pytest.raises(InputError, match="batch="):
        problem(spec)


# Mini-batches


@pytest.mark.parametrize("b", [1, 2, 3, 5])
def test_the_mean_over_all_batches_is_the_whole(b):
    # Unbiased: over every batch of b out of n, f, its gradient and its Hessian average to the whole function's.
    p = problem("linear-regression", n=5, dim=2, noise=0.3, batch=b)
    x = points(p, 0)
    batches = [p.subset(np.array(index)) for index in itertools.combinations(range(5), b)]
    for of in ("f", "grad", "hessian"):
        mean = np.mean([getattr(batch, of)(x) for batch in batches], axis=0)
        np.testing.assert_allclose(mean, getattr(p, of)(x), rtol=1e-12, atol=1e-12)


def test_every_batch_is_equally_likely():
    # 4 samples give 6 batches of 2. With 6,000 draws each comes 1,000 times, give or take a standard deviation of
    # √(6000 · 5/36) = 29; and none holds a sample twice.
    p = problem("linear-regression", n=4, dim=1, batch=2)
    x = np.ones((1, 2))
    pairs = {tuple(i): float(p.subset(np.array(i)).f(x)[0]) for i in itertools.combinations(range(4), 2)}
    counts = dict.fromkeys(pairs, 0)
    rng = np.random.default_rng(0)
    for _ in range(6000):
        seen = float(p.sample(rng, 1).f(x)[0])
        [pair] = [k for k, f in pairs.items() if abs(f - seen) < 1e-9]
        counts[pair] += 1
    assert max(abs(count - 1000) for count in counts.values()) < 4 * 29


@pytest.mark.parametrize(("n", "batch", "epoch"), [(10, 5, 2), (10, 3, 4), (10, 10, 1), (10, None, 1)])
def test_an_epoch_is_the_batches_that_cover_the_data(n, batch, epoch):
    assert problem("linear-regression", n=n, batch=batch).fraction == (batch or n) / n


def test_a_batch_of_all_samples_is_the_whole_problem():
    whole, batched = (run(f"linear-regression:n=7{b}", "gd:lr=0.01", budget=20) for b in ("", ",batch=7"))
    np.testing.assert_array_equal(whole.x, batched.x)
    few = run("linear-regression:n=7,batch=3", "gd:lr=0.01", budget=20)
    assert not np.allclose(few.x, whole.x)


def test_mini_batches_pull_to_the_same_minimum():
    # Without noise every sample is fitted at w*, so stochastic gradients vanish there and a constant step converges.
    r = run("linear-regression:n=20,batch=2", "gd:lr=0.005", budget=4000)
    assert r.distance[-1] < 1e-6


@pytest.mark.parametrize("spec", ["quadratic:kappa=0.5", "rosenbrock:b=0", "rosenbrock:dim=1", "linear-regression:n=0"])
def test_fields_out_of_bounds_are_refused(spec):
    with pytest.raises(stepbench.InputError):
        problem(spec)


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec", ["rosenbrock:a=2,dim=3", "rosenbrock:a=0.5,dim=4", "rosenbrock:a=0,dim=3", "rosenbrock:dim=4"]
)
def test_rosenbrocks_minimum_is_known_only_where_it_is_0(spec):
    """The best of many descents: where it is above 0 the problem must not claim that it is 0."""

    p, rng = problem(spec), np.random.default_rng(0)

    def f(w):
        return float(p.f(np.repeat(w[:, None], 2, axis=1))[0])

    least = min(minimize(f, rng.normal(size=p.dim), tol=1e-12).fun for _ in range(20))
    assert (least < 1e-6) == (p.f_star == 0.0)
