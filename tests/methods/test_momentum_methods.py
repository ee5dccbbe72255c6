"""Gradient descent, the heavy ball and Nesterov's method."""

import math

import numpy as np
import pytest

from stepbench import run
from tests.methods.plain_floats import MILD, follows, minus


@pytest.mark.parametrize("alias", ["gd", "sgd", "constant", "gradient"])
def test_gradient_descent(alias):
    """On a quadratic each component is (1 − αλ)^k of its start."""
    r = run("quadratic:kappa=10", f"{alias}:lr=0.03", steps=20)
    k = np.arange(21)[:, None]
    np.testing.assert_allclose(r.x, np.array([-1.0, 2.0]) * (1 - 0.03 * np.array([10.0, 1.0])) ** k, rtol=1e-12)


def test_heavy_ball():
    """w_{k+1} = w_k − α g_k + p (w_k − w_{k−1}), the first step without a last one."""
    points = [MILD.start, MILD.start]
    for _ in range(10):
        w, before = points[-1], points[-2]
        g = MILD.g(w)
        points.append([w[i] - 0.03 * g[i] + 0.8 * (w[i] - before[i]) for i in range(2)])
    follows(run(MILD.spec, "heavy-ball:lr=0.03,p=0.8", start=MILD.start, steps=10), points[2:])


def test_the_heavy_ball_is_momentum_with_a_constant_step():
    """−α v_k = w_{k+1} − w_k, so −α p v_{k−1} = p (w_k − w_{k−1}) (Yao 2022, eq. 6 and 10)."""
    a, b = (run("rosenbrock", m, steps=200) for m in ("heavy-ball:lr=2e-4,p=0.9", "momentum:p=0.9+constant:lr=2e-4"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-9)


def look_ahead(g, w, lr, betas):
    before = w
    for beta in betas:
        y = [a + beta * (a - b) for a, b in zip(w, before, strict=True)]
        before, w = w, minus(y, lr, g(y))
        yield w


def test_nesterov_with_given_momentum():
    r = run(MILD.spec, "nesterov:lr=0.03,momentum=0.7", start=MILD.start, steps=10)
    follows(r, look_ahead(MILD.g, MILD.start, 0.03, [0.7] * 10))
    np.testing.assert_array_equal(r.evals, range(11))


def test_nesterov_takes_its_momentum_from_the_condition_number():
    """κ = 9 declared: (3 − 1)/(3 + 1) = ½. Given momentum goes before it."""
    r = run("quadratic:kappa=9", "nesterov:lr=0.05", steps=10)
    follows(r, look_ahead(lambda w: [9 * w[0], w[1]], [-1.0, 2.0], 0.05, [0.5] * 10))
    given_ = run("quadratic:kappa=9", "nesterov:lr=0.05,momentum=0.2", steps=10)
    follows(given_, look_ahead(lambda w: [9 * w[0], w[1]], [-1.0, 2.0], 0.05, [0.2] * 10))


def test_nesterov_runs_the_sequence_of_1983_where_no_condition_number_is_known():
    """a: 0, 1, 1.618, 2.194, … each solving a² − a = its predecessor squared; β_k = (a_k − 1)/a_{k+1}.

    At the first step the point before is the point itself, and at the second β is 0: as FISTA has it (Beck & Teboulle
    2009), whose t_1 = 1 belongs to the first step.
    """
    a = [0.0]
    for _ in range(10):
        a.append(float(max(np.roots([1, -1, -(a[-1] ** 2)]))))
    betas = [(a[k] - 1) / a[k + 1] for k in range(10)]
    assert betas[1] == 0
    assert betas[2] == pytest.approx(0.28175, abs=1e-5)
    r = run(MILD.spec, "nesterov:lr=0.03", start=MILD.start, steps=10)
    follows(r, look_ahead(MILD.g, MILD.start, 0.03, betas))


def test_nesterov_converges_at_the_rate_of_its_theory():
    """With α = 1/L and the momentum of κ, f falls by 1 − √(μ/L) or more per step: f_k ≤ (1 − 1/√κ)^k (f₀ + ½μ‖w₀‖²)."""
    r = run("quadratic:angle=30", "nesterov:lr=0.001", steps=500)
    bound = (1 - 1 / math.sqrt(1000)) ** np.arange(501) * (r.error[0] + 0.5 * r.distance[0] ** 2)
    assert (r.error <= bound).all()
