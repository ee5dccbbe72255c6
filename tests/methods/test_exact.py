"""The exact constant step size."""

import math

import numpy as np
import pytest

from stepbench import InputError, Oracle, catalog, method, problem, run


def test_exact_knows_the_smoothness_of_the_quadratic():
    """Its Hessian is the same everywhere, and the power iteration finds 1000 with 10 × 20 products."""
    made = method("exact")
    x = np.repeat(np.array([[-1.0], [2.0]]), 2, axis=1)
    oracle = Oracle(problem("quadratic:angle=20"))
    np.testing.assert_allclose(made.rule.smoothness(x, oracle), 1000, rtol=1e-9)
    assert oracle.evals == 10 * 20


@pytest.mark.one_in(5)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("p", ["rosenbrock", "himmelblau", "quadratic:kappa=50,dim=4"])
def test_exact_takes_the_spectral_norm_of_the_hessian_at_standard_normal_points(p, seed):
    """The largest |eigenvalue| at normal numbers, wherever the run starts, and even where it is negative."""
    made, known = method("exact:N=3,iterations=400"), problem(p)
    oracle = Oracle(known, seed=seed)
    w = np.repeat(known.x0[:, None], 2, axis=1)
    points = [np.random.default_rng((seed, 0, 2 * j)).standard_normal((len(w), 1)) for j in range(3)]
    norms = [max(abs(np.linalg.eigvalsh(known.hessian(np.repeat(at, 2, axis=1))[:, :, 0]))) for at in points]
    for start in (w, w + 50):
        np.testing.assert_allclose(made.rule.smoothness(start, oracle), max(norms), rtol=1e-6)


def test_points_drawn_as_the_start_need_a_start_that_is_drawn():
    with pytest.raises(InputError, match="needs a start that is drawn at random, which rosenbrock does not supply"):
        run("rosenbrock", "exact:law=init")


def test_the_theory_of_exact_is_theorem_1():
    """α = √(2 (f(w₀) − f*) / (K δ² T)), δ = γ/ρ."""
    made = catalog.load("stepsizes", "exact").theory(K=7.0, delta=3.0, T=50, gap=2.5)
    assert made.lr == pytest.approx((2 * 2.5 / (7 * 9 * 50)) ** 0.5, rel=1e-14)


def test_exact_takes_the_largest_of_several_points():
    """K̂ is a maximum over N points, of which the first ones stay the same: it never falls with N, and here it rises."""
    x = np.repeat(np.array([[-1.0], [0.0]]), 2, axis=1)
    K = [method(f"exact:N={N}").rule.smoothness(x, Oracle(problem("rosenbrock")))[0] for N in range(1, 11)]
    assert (np.diff(K) >= 0).all()
    assert K[-1] > K[0]


@pytest.mark.parametrize(("option", "T", "gap"), [("", 30, 502.0), (",T=7", 7, 502.0), (",f_star=2.0", 30, 500.0)])
def test_the_exact_step_size_and_its_cost(option, T, gap):
    """α = √(2 (f(w₀) − f*)/(K̂ T)), f(w₀) = ½ (1000 + 4). K̂ costs N × iterations evaluations, and each step one."""
    r = run("quadratic", f"exact:N=3,iterations=40{option}", steps=30, budget=1000)
    np.testing.assert_allclose(r.step_size[1:], math.sqrt(2 * gap / (1000 * T)), rtol=1e-9)
    np.testing.assert_array_equal(r.evals[1:4], [121, 122, 123])
    np.testing.assert_array_equal(r.fevals[1:], 1)
