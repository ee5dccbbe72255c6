"""DBD and RDBD."""

import math

import numpy as np
import pytest

from stepbench import catalog, run
from tests.methods.plain_floats import STEEP, dot, follows, minus


def rdbd(v, steps, lr, eta, alpha_max=math.inf, regrets=None):
    """Algorithm 1, line by line; ``regrets`` collects the steps at which the last change is taken back."""
    x, alpha, u_last, h_last = v.start, lr, [0.0, 0.0], 0.0
    for t in range(1, steps + 1):
        u = v.g(x)
        h = dot(u, u_last)
        if h * h_last < 0:
            x = [a + eta * h_last * b for a, b in zip(x, u_last, strict=True)]
            alpha = alpha - eta * h_last
            if regrets is not None:
                regrets.append(t)
        alpha = min(alpha + eta * h, alpha_max)
        x = minus(x, alpha, u)
        u_last, h_last = u, h
        yield x, alpha


@pytest.mark.parametrize(
    ("lr", "eta", "alpha_max", "regretful"),
    [(0.05, 0.01, math.inf, True), (0.1, 0.001, math.inf, True), (0.01, 0.01, 0.05, False)],
)
def test_rdbd(lr, eta, alpha_max, regretful):
    """Its traces; in two of them ⟨u_t, u_{t−1}⟩ changes its sign, so that the last change of α is taken back."""
    regrets = []
    expected = list(rdbd(STEEP, 12, lr, eta, alpha_max, regrets))
    assert bool(regrets) == regretful
    r = run(STEEP.spec, f"rdbd:lr={lr},eta={eta},alpha_max={alpha_max}", start=STEEP.start, steps=12)
    follows(r, [x for x, _ in expected], rtol=1e-8)
    np.testing.assert_allclose(r.step_size[1:], [alpha for _, alpha in expected], rtol=1e-8)
    assert (r.step_size[1:] <= alpha_max).all()
    if alpha_max < math.inf:
        assert (r.step_size[1:] == alpha_max).any()


def test_rdbd_without_a_change_of_sign_is_dbd_on_the_gradient():
    """While the gradients keep pointing the same way, RDBD has nothing to take back."""
    a, b = (run("quadratic:kappa=2", f"{rule}:lr=0.01,eta=0.001", steps=10) for rule in ("rdbd", "dbd"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-12)


def test_the_theory_of_rdbd_is_theorem_4_4():
    """α₀ = √(f(x₀) − f*) / (σ √(LT)),  η = γ √(f(x₀) − f*) / (T σ³ √(LT))."""
    L, sigma, T, gamma, gap = 7.0, 3.0, 50, 0.4, 2.5
    made = catalog.load("stepsizes", "rdbd").theory(L, sigma, T, gamma, gap)
    assert made.lr == pytest.approx(gap**0.5 / (sigma * (L * T) ** 0.5), rel=1e-14)
    assert made.eta == pytest.approx(gamma * gap**0.5 / (T * sigma**3 * (L * T) ** 0.5), rel=1e-14)
