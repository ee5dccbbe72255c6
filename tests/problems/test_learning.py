"""The finite sums and the stream: their data, minima and published figures."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest

import stepbench
from stepbench import InputError, problem, run
from tests.problems.one_point import lone

# Logistic regression


@pytest.mark.parametrize("lam", [0.1, 0.01, 0.001])
def test_the_minimum_of_logistic_regression_is_that_of_scikit_learn(lam):
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    p = problem("breast-cancer", lam=lam)
    X, t = load_breast_cancer(return_X_y=True)
    X = np.column_stack([StandardScaler().fit_transform(X), np.ones(len(X))])
    # scikit-learn minimises ½ ‖w‖² + C Σ log(1 + exp(−t xᵀw)): ours, times 1/λ, with C = 1/(λ n).
    solver = LogisticRegression(C=1 / (lam * len(X)), fit_intercept=False, tol=1e-12, max_iter=1000)
    w = solver.fit(X, t).coef_[0]
    np.testing.assert_allclose(p.x_star, w, rtol=1e-5, atol=1e-6)
    assert p.f_star == pytest.approx(float(lone(p.f, w)), rel=1e-9)
    assert ((X @ p.x_star > 0) == t).mean() > 0.97  # it tells the tumours apart


def test_logistic_regression_does_not_overflow():
    p = problem("breast-cancer")
    x = 1e4 * np.random.default_rng(0).standard_normal((31, 4))
    assert np.isfinite(p.f(x)).all()
    assert np.isfinite(p.grad(x)).all()
    assert np.isfinite(p.hessian(x)).all()


# Linear regression


def test_the_diabetes_fit_is_the_published_regression():
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    p = problem("diabetes")
    X, y = load_diabetes(return_X_y=True)
    fit = LinearRegression().fit(X, y)
    np.testing.assert_allclose(p.x_star[:-1], fit.coef_ * X.std(0) / y.std(), rtol=1e-9)
    # R² = 1 − Σ r² / Σ (y − ȳ)², and y has variance 1: f* = (1 − R²) / 2. Efron et al. have R² = 0.518.
    assert 1 - 2 * p.f_star == pytest.approx(fit.score(X, y), rel=1e-12)
    assert 1 - 2 * p.f_star == pytest.approx(0.518, abs=5e-4)


@pytest.mark.parametrize("name", ["diabetes", "breast-cancer"])
def test_without_scikit_learn_one_line_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(InputError, match=rf'{name} needs scikit-learn: pip install "stepbench\[data\]"'):
        run(name, "gd")


def test_a_step_of_a_batch_sees_the_mean_of_its_terms():
    p = problem("breast-cancer:batch=5")
    w = np.random.default_rng(0).standard_normal((31, 3))
    terms = [p.subset(np.array([i])) for i in (3, 99, 500)]
    together = p.subset(np.array([3, 99, 500]))
    np.testing.assert_allclose(together.f(w), np.mean([t.f(w) for t in terms], axis=0), rtol=1e-12)


# Sutton's tracking task


def test_one_sign_changes_every_twenty_examples():
    p = problem("tracking")
    tasks = np.array([p.task(step) for step in range(4000)])
    assert (np.abs(tasks[:, :5]) == 1).all()
    assert (tasks[:, 5:] == 0).all()
    changed = (np.diff(tasks, axis=0) != 0).sum(1)
    np.testing.assert_array_equal(np.flatnonzero(changed), np.arange(19, 3999, 20))
    assert set(changed) == {0, 1}
    which = np.diff(tasks, axis=0).nonzero()[1]
    assert np.bincount(which, minlength=5).min() > 20  # each of the five in its turn; the mean is 40


def test_what_is_seen_is_an_example_of_the_task_and_f_is_what_it_costs():
    # At any w the mean of the samples' ½ (y − wᵀx)² is f there, and their gradients' mean is ∇f.
    p = problem("tracking:dim=4,relevant=2")
    w = np.random.default_rng(0).standard_normal((4, 3))
    step = 100
    samples = [p.sample(np.random.default_rng((0, k)), step) for k in range(20000)]
    f = np.mean([s.f(w) for s in samples], axis=0)
    g = np.mean([s.grad(w) for s in samples], axis=0)
    np.testing.assert_allclose(f, p.at(step - 1).f(w), rtol=0.05)
    np.testing.assert_allclose(g, p.at(step - 1).grad(w), atol=0.15)


def test_records_show_f_as_it_stood_then():
    r = run("tracking", "gd:lr=0.03", steps=60)
    for k in (0, 19, 20, 21, 45, 60):
        assert r.f[k] == pytest.approx(0.5 * ((r.x[k] - r.problem.task(k)) ** 2).sum(), rel=1e-12)
    assert r.distance is None
    assert (r.error == r.f).all()


def test_a_task_is_nobodys_to_change_and_quick_to_find():
    p = problem("tracking:period=1")
    p.task(0)[:] = 9
    assert set(p.task(0)[:5]) == {1.0}
    assert set(np.abs(p.task(300_000)[:5])) == {1.0}
    order = [p.task(step) for step in (5000, 10, 5000)]
    np.testing.assert_array_equal(order[0], order[2])


@pytest.mark.parametrize("from_step", [0, 10])
def test_a_function_that_drifts_without_noise_is_followed(from_step):
    class Drifting(stepbench.Problem):
        x0 = (0.0, 0.0)

        def f(self, x):
            return self.at(0).f(x)

        def at(self, step):
            return self if step < from_step else Moved(float(step))

    class Moved:
        def __init__(self, to):
            self.to = to

        def f(self, x):
            return ((x - self.to) ** 2).sum(0)

        def grad(self, x):
            return 2 * (x - self.to)

    if from_step:
        Drifting.f = lambda self, x: ((x - 100) ** 2).sum(0)
    else:
        Drifting.grad = lambda self, x: 2 * x
    r = run(Drifting(), "gd:lr=0.5", steps=30)  # each step goes to the minimum of what it sees, at(k − 1)
    for k in range(1, 31):
        seen = float(k - 1) if k - 1 >= from_step else 100.0
        np.testing.assert_allclose(r.x[k], seen, rtol=1e-6)
        stands = float(k) if k >= from_step else 100.0
        assert r.f[k] == pytest.approx(2 * (seen - stands) ** 2, abs=1e-6)


@pytest.mark.parametrize("rows", [[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], [[1.0, 2.0], [1.0, 2.0]]])
def test_a_fit_that_does_not_determine_w_claims_no_minimiser(rows):
    X, y = np.array(rows), np.arange(len(rows))[:, None] + 1.0

    @dataclass(frozen=True)
    class Fit(stepbench.LinearFit):
        batch = None
        x0 = (0.0, 0.0)
        data = stepbench.LinearLeastSquares(X, y, 1.0)

    p = Fit()
    assert p.x_star is None
    assert p.mu is None
    least = np.linalg.lstsq(X, y)[0]
    assert p.f_star == pytest.approx(0.5 * ((X @ least - y) ** 2).sum(), abs=1e-12)
    run(p, "nesterov:lr=0.01", budget=20)


def asymptotic_error(method):
    """The mean squared error over 10,000 examples after 20,000, as Sutton measures it, on two streams."""
    errors = []
    for seed in (1, 2):
        r = run(f"tracking:data_seed={seed}", method, budget=30_000, seed=seed)
        errors.append(2 * r.f[20_000:-1].mean(axis=0))
    return np.mean(errors, axis=0)


@pytest.mark.slow
def test_lms_and_idbd_reach_the_published_errors():
    # Sutton 1992, §4: LMS is best at a step size of about 0.04, with a mean squared error of about 3.5; IDBD with
    # θ near 0.01 comes to about 1.5.
    lms = asymptotic_error(stepbench.method("gd", lr=np.array([0.02, 0.03, 0.04, 0.05, 0.06])))
    assert lms.min() == pytest.approx(3.5, abs=0.25)
    assert lms.argmin() in (1, 2)
    idbd = asymptotic_error(stepbench.method("idbd", lr=0.05, theta=np.array([0.001, 0.01])))
    assert idbd[1] == pytest.approx(1.5, abs=0.15)
    assert idbd[0] > idbd[1]


@pytest.mark.slow
def test_gain_adaptation_beats_idbd_on_the_same_streams():
    # Sutton's second paper of 1992: K1 divides the gains as least squares does, and tracks better than IDBD's 1.5.
    assert asymptotic_error(stepbench.method("k1", lr=0.05, mu=np.array([0.005, 0.02]))).max() < 1.4


# The two-layer network


def test_the_gram_matrix_is_its_definition():
    # H∞_ij = E[x_iᵀ x_j 1{wᵀx_i ≥ 0, wᵀx_j ≥ 0}], by drawing w.
    p = problem("relu-network:n=6,inputs=4")
    X = p.whole.X
    active = (X @ np.random.default_rng(0).standard_normal((4, 400_000))) >= 0
    estimate = (X @ X.T) * (active.astype(float) @ active.T / active.shape[1])
    np.testing.assert_allclose(p.gram, estimate, atol=3e-3)
    assert p.gram_norm == pytest.approx(np.linalg.norm(p.gram, 2), rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1)


def test_the_network_is_its_formula():
    p = problem("relu-network:n=3,inputs=2,width=4")
    X, y, a, _ = p.whole
    W = np.arange(8.0).reshape(4, 2) - 3.5
    u = [sum(a[r] * max(W[r] @ X[i], 0.0) for r in range(4)) for i in range(3)]
    assert float(lone(p.f, W.ravel())) == pytest.approx(0.5 * sum((u[i] - y[i, 0]) ** 2 for i in range(3)))
    assert set(np.abs(a)) == {0.5}  # 1/√m


@pytest.mark.slow
def test_a_wide_network_fits_its_samples_at_the_step_size_of_the_gram_matrix():
    # Theorem 2: with a step size of order 1/‖H∞‖ the loss falls linearly to 0; above 2/‖H∞‖ it cannot.
    p = problem("relu-network:width=400")
    rates = np.array([1.0, 4.0]) / p.gram_norm
    with pytest.warns(stepbench.DivergenceWarning):
        r = run(p, stepbench.method("gd", lr=rates), budget=600)
    halves = r.error[[0, 200, 400, 600], 0]
    assert halves[-1] < 1e-6 * halves[0]
    assert (halves[1:] < 0.2 * halves[:-1]).all()
    assert list(r.status) == ["budget", "diverged"]


@pytest.mark.parametrize(("width", "known"), [(100, True), (10, False)])
def test_the_networks_minimum_is_claimed_only_where_it_is_wide(width, known):
    p = problem("relu-network", width=width)
    assert (p.f_star == 0.0) == known
    assert (p.f_star is None) != known


@pytest.mark.parametrize("spec", ["relu-network:n=5,batch=6", "breast-cancer:batch=570", "diabetes:batch=0"])
def test_a_batch_of_more_samples_than_there_are_is_refused(spec):
    with pytest.raises(InputError, match="batch="):
        problem(spec)
