"""The exact constant step size."""

import math

import numpy as np
import pytest

from stepbench import Oracle, method, problem, run


def test_exact_knows_the_smoothness_of_the_quadratic():
    """Its Hessian is the same everywhere, and the power iteration finds 1000 with 10 × 20 products."""
    made = method("exact")
    x = np.repeat(np.array([[-1.0], [2.0]]), 2, axis=1)
    oracle = Oracle(problem("quadratic:angle=20"))
    np.testing.assert_allclose(made.rule.smoothness(x, oracle), 1000, rtol=1e-9)
    assert oracle.evals == 10 * 20


@pytest.mark.parametrize(
    ("p", "start"),
    [("rosenbrock", (-1.0, 0.0)), ("rosenbrock", (0.0, 5.0)), ("quadratic:kappa=50,dim=4", (1, 1, 1, 1))],
)
def test_exact_takes_the_spectral_norm_of_the_hessian(p, start):
    """The largest |eigenvalue|, even where it is negative: (0, 5) has 2 − 400·5 = −1998 and 200."""
    made = method("exact:spread=0,N=1,iterations=60")
    x = np.repeat(np.array(start, dtype=float)[:, None], 2, axis=1)
    H = problem(p).hessian(x)[:, :, 0]
    norm = max(abs(np.linalg.eigvalsh(H)))
    np.testing.assert_allclose(made.rule.smoothness(x, Oracle(problem(p))), norm, rtol=1e-9)


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
