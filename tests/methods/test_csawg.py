"""Csawg against its paper (Yao 2022) and against a second implementation in plain Python."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

import stepbench
from stepbench import Problem, catalog, run

Rosenbrock = catalog.load("problems", "rosenbrock")


class Expanded(Rosenbrock):
    """The same function, its gradient multiplied out: the last bits differ, nothing else."""

    def grad(self, x):
        p, q = x
        return np.stack([400 * p**3 - 400 * p * q + 2 * p - 2, 200 * q - 200 * p * p])


class Regrouped(Rosenbrock):
    """The same function, with 400 factored out of the first component."""

    def grad(self, x):
        p, q = x
        return np.stack([2 * (p - 1) - 400 * (p * (q - p * p)), 200 * (q - p * p)])


def lead(problem, K):
    """How many times nearer to w* Csawg is than gradient descent (lr 0.001 both), at 10,000 gradient evaluations."""
    gd = run(problem, "gd:lr=0.001", budget=10_000)
    assert gd.evals[-1] == 10_000
    csawg = run(problem, f"csawg:K={K},lr=0.001", budget=10_001)
    first = int(np.argmax(csawg.evals >= 10_000))
    assert csawg.evals[first] >= 10_000
    return gd.distance[-1] / csawg.distance[first]


# The figures of the paper


@pytest.mark.parametrize("pairs", ["after", "same"])
@pytest.mark.parametrize(("K", "iteration", "evals"), [(10, 79, 465), (2, 17, 458)])
def test_five_plans_reach_exactly_zero_error(K, iteration, evals, pairs):
    # Figure 7: zero error at this iteration, with so many evaluations. The paper counts its iterations from 0, and
    # record k here is the point after iteration k - 1.
    # Both definitions of a pair give these numbers.
    r = run("rosenbrock", f"csawg-p5:K={K},lr=0.001,pairs={pairs}", start=(-1, 0), budget=1000)
    assert r.first_at(0.0) == iteration + 1
    assert r.evals[iteration + 1] == evals
    assert r.error[iteration + 1] == 0.0
    assert r.error[iteration] > 0.0
    np.testing.assert_array_equal(r.x[-1], [1.0, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize(("pairs", "limit"), [("after", 100 / 101), ("same", 1.0)])
def test_what_makes_a_pair_decides_where_the_step_size_goes(pairs, limit):
    """Figure 4: with g_k the gradient at w_k, as §3 says, the hard component's α goes to Newton's step, 1, as λ = 1.

    There w_{s+K} = q (1 − α) w_s with q = 0.9991^K, so that the next α is 1 − q (1 − α). With the gradient before the
    step one pair in B1 spans a jump, and the limit is K/(K + 1).
    """
    r = run("quadratic", f"csawg:K=100,lr=0.0009,pairs={pairs}", steps=15_000, budget=40_000)
    assert np.nanmax(r.step_size[:, 1]) == pytest.approx(limit, abs=1e-3)


@pytest.mark.parametrize(("K", "times"), [(5, 321), (10, 133)])
def test_one_plan_is_ahead_of_gradient_descent_by_the_printed_factor(K, times):
    # Figure 5 prints 320 and 133 for K = 5 and 10. K = 5 is already touched by rounding: other ways to write the
    # gradient give 318 to 324, and the problem's own gives 321. These are the figures that settle which pairs the
    # buffers hold: with the weight before the step in place of the one after it they are 358 and 130.
    assert round(lead("rosenbrock", K)) == times


@pytest.mark.parametrize("problem", [Rosenbrock(), Expanded(), Regrouped()], ids=lambda p: type(p).__name__)
def test_two_steps_of_planning_are_four_hundred_times_ahead(problem):
    # Figure 5 prints 400 for K = 2. The path is chaotic in the last bit: algebraically equal gradients measure 409 to
    # 438, so no value in that band is the right one, and a test of three digits would test the rounding.
    assert 400 <= lead(problem, 2) <= 445


def test_equal_gradients_part_in_the_last_bits():
    # The spread above is chaos and not a difference between the problems: the gradients agree to rounding, the early
    # paths too, and the late ones do not.
    x = np.random.default_rng(0).uniform(-1.5, 1.5, (2, 100))
    np.testing.assert_allclose(Expanded().grad(x), Rosenbrock().grad(x), rtol=1e-12, atol=1e-11)
    a, b = (run(p, "csawg:K=2", budget=9000) for p in (Rosenbrock(), Expanded()))
    np.testing.assert_allclose(a.x[:20], b.x[:20], rtol=1e-9)
    assert abs(a.error[-1] / b.error[-1] - 1) > 0.01


def test_it_overtakes_nesterov_on_the_ill_conditioned_quadratic():
    # Figure 3: K = 2 reduces the error "to zero in less than 500 iterations", ahead of Nesterov's method there,
    # whether iterations or evaluations are counted.
    r = run("quadratic", "csawg:K=2,lr=0.0009", budget=1000)
    nesterov = run("quadratic", "nesterov:lr=0.001", budget=1000)
    k = r.first_at(1e-30)
    assert k < 500
    assert nesterov.error[k] > 1e20 * r.error[k]
    assert nesterov.error[r.evals[k]] > 1e10 * r.error[k]


def test_gradient_descent_contracts_at_its_theoretical_rate():
    # With lr = 0.00099 the steep component shrinks by |1 - 0.99| per step and is soon gone; then 1 - lr μ is left, the
    # 1 - μ/L of Figure 3 to three digits.
    r = run("quadratic", "gd:lr=0.00099", budget=2000)
    np.testing.assert_allclose(r.distance[11:] / r.distance[10:-1], 1 - 0.00099, rtol=1e-12)


@pytest.mark.parametrize("K", [2, 10, 100])
def test_the_first_plan_comes_when_both_buffers_are_full(K):
    # A plan is one more gradient: the evaluations jump at iteration 2K (200 for K = 100, as in §4), then every K.
    r = run("rosenbrock", f"csawg:K={K}", budget=1000)
    plans = np.flatnonzero(np.diff(r.evals) > 1) + 1
    np.testing.assert_array_equal(plans, np.arange(2 * K, r.steps + 1, K))
    np.testing.assert_array_equal(np.diff(r.evals)[plans - 1], 2)
    assert np.isnan(r.step_size[: 2 * K]).all()
    assert np.isfinite(r.step_size[2 * K :]).all()


@pytest.mark.parametrize("K", [2, 10, 100])
def test_the_learned_step_size_on_a_quadratic_has_a_closed_form(K):
    # On a component of curvature λ a plain step multiplies w by r = 1 - lr λ and a plan by 1 - α λ; g = λ w_{s-1} and
    # w_s = r w_{s-1}, and between s and s + K lie K steps and the plan before, so every term of the sum has the ratio
    # α' = (r/λ) (1 - r^K (1 - α λ)), with no plan (α = 0) before the first.
    lr, curvature = 0.0009, np.array([400.0, 1.0])
    r = run("quadratic:kappa=400", f"csawg:K={K},lr={lr}", budget=5 * K + 10)
    rate, alpha = 1 - lr * curvature, np.zeros(2)
    for plan in range(2, 5):
        alpha = rate / curvature * (1 - rate**K * (1 - alpha * curvature))
        np.testing.assert_allclose(r.step_size[plan * K], alpha, rtol=1e-9)


@pytest.mark.slow
def test_the_learned_step_size_of_the_flat_component_rises_to_its_limit():
    # Figure 4: for the flat component α(1) rises, "to about 0.97 in the figure" for K = 1000. The limit of the closed
    # form above, r (1 - r^K) / (1 - r^{K+1}), is near K / (K + 1): the paper's "exactly 1" for K = 100 as far as a
    # plot shows, but 0.67 and 0.91 for K = 2 and 10.
    r = run("quadratic", "csawg:K=1000,lr=0.0009", budget=5010)
    assert round(r.step_size[5000, 1], 2) == 0.97
    for K, near in ((2, 2 / 3), (10, 10 / 11), (100, 100 / 101)):
        r = run("quadratic", f"csawg:K={K},lr=0.0009", budget=25_000)
        alpha = r.step_size[2 * K : int(r.first_at(1e-280)), 1]  # beyond, the squares in the sums underflow
        assert (np.diff(alpha) >= -1e-12).all()
        assert 0.8 * near < alpha[-1] < near


def test_two_steps_of_planning_take_negative_steps_in_the_valley():
    # Figure 5b: "note the many moments of negative step-sizes for K2"; no sign constraint, §3.
    r = run("rosenbrock", "csawg:K=2,lr=0.001", budget=10_000)
    assert (r.step_size[4:, 1] < 0).mean() > 0.01


# A second implementation


def plain_csawg(grad, w, lr, K, P, M, steps):
    """Algorithms 1 and 2 on lists of floats: the points, the evaluations and the step sizes after each iteration."""
    buffer, alpha, evals = [], [math.nan] * len(w), 0
    for _ in range(steps):
        g = grad(w)
        evals += 1
        w = [a - lr * b for a, b in zip(w, g, strict=True)]
        buffer.append((w, g))  # one list of up to 2K pairs: the first K are B1, the others B2
        if len(buffer) == 2 * K:
            alpha = []
            for i in range(len(w)):
                below = sum(buffer[s][1][i] ** 2 for s in range(K))
                above = sum(buffer[s][1][i] * (buffer[s][0][i] - buffer[s + K][0][i]) for s in range(K))
                alpha.append(above / below if below else 0.0)
            buffer = buffer[K:]
            for _ in range(P):
                w = [a - b * c for a, b, c in zip(w, alpha, grad(w), strict=True)]
                for _ in range(M):
                    w = [a - lr * b for a, b in zip(w, grad(w), strict=True)]
                evals += 1 + M
        yield w, evals, alpha


def valley(w):
    """The gradient of (1 - p)² + (q - p²)²."""
    p, q = w
    return [-2 * (1 - p) - 4 * p * (q - p * p), 2 * (q - p * p)]


def bowl(w):
    """The gradient of ½ (4 p² + q²)."""
    return [4 * w[0], w[1]]


@dataclass(frozen=True)
class Idle(Problem):
    """½ p²: nothing depends on the second parameter, so its gradient is always 0."""

    x0 = np.array([1.0, 3.0])
    f_star = 0.0

    def f(self, x):
        return 0.5 * x[0] * x[0]

    def grad(self, x):
        return x * np.array([[1.0], [0.0]])


CASES = {"rosenbrock:b=1": (valley, [0.8, 0.5]), "quadratic:kappa=4": (bowl, [-1.0, 2.0])}


@pytest.mark.parametrize("spec", CASES)
@pytest.mark.parametrize(("K", "P", "M"), [(1, 1, 0), (1, 2, 1), (2, 1, 0), (3, 1, 2), (2, 5, 10), (4, 3, 1)])
def test_every_iteration_is_that_of_the_plain_implementation(spec, K, P, M):
    grad, start = CASES[spec]
    r = run(spec, f"csawg:K={K},P={P},M={M},lr=0.1", start=start, steps=20)
    plain = plain_csawg(grad, start, 0.1, K, P, M, r.steps)
    plans = 0
    for k, (w, evals, alpha) in enumerate(plain, 1):
        assert r.evals[k] == evals
        np.testing.assert_allclose(r.x[k], w, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(r.step_size[k], alpha, rtol=1e-5)
        plans += evals - r.evals[k - 1] > 1
        if r.error[k] < 1e-12:  # from here on the step sizes are ratios of rounding errors
            break
    assert plans


@pytest.mark.parametrize("K", [1, 3])
def test_a_component_without_gradient_does_not_move(K):
    # §3, "Zero gradient component": all gradients of the experience are 0, so there is nothing to learn from and the
    # component waits. 0/0 must not become NaN there, nor stop the other component.
    r = run(Idle(), f"csawg:K={K},lr=0.1,P=2,M=1", steps=12)
    np.testing.assert_array_equal(r.x[:, 1], 3.0)
    np.testing.assert_array_equal(r.step_size[2 * K :, 1], 0.0)
    for k, (w, _, alpha) in enumerate(plain_csawg(lambda w: [w[0], 0.0], [1.0, 3.0], 0.1, K, 2, 1, r.steps), 1):
        np.testing.assert_allclose(r.x[k], w, rtol=1e-9)
        np.testing.assert_allclose(r.step_size[k], alpha, rtol=1e-9)


def test_the_spec_with_five_plans_is_the_papers():
    # §4: five planning steps, ten updates after each: 55 evaluations per plan, besides the iteration's own.
    assert stepbench.method("csawg-p5:K=3") == stepbench.method("csawg", K=3, P=5, M=10)
    r = run("rosenbrock", "csawg-p5:K=10", budget=200)
    assert np.diff(r.evals).max() == 56
