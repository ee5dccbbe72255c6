"""Polyak's step size, L4 and SPS."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench import Oracle, method, problem, run
from tests.methods.plain_floats import MILD, Sphere, Valley, dot, follows, minus, thirty


@pytest.mark.parametrize("L", [1.0, 50.0])
def test_polyak_halves_the_distance_on_an_isotropic_quadratic(L):
    """f = ½ L ‖x‖² has α = (½ L ‖x‖²) / (L² ‖x‖²) = 1/(2L), and x − α L x = x/2."""
    r = run(Sphere(L), "polyak", steps=10)
    np.testing.assert_allclose(r.distance[1:] / r.distance[:-1], 0.5, rtol=1e-12)
    np.testing.assert_allclose(r.step_size[1:], 1 / (2 * L), rtol=1e-12)


@pytest.mark.parametrize("rule", ["polyak", "sps", "sps:smooth=true"])
def test_a_polyak_step_is_0_where_the_gradient_is_0(rule):
    """Division by ⟨g, g⟩ = 0 at a stationary point must give no move, and no NaN, though f > f* there (f* = −1)."""
    made = method(rule, f_star=-1.0)
    x = np.zeros((2, 2))
    moved, s = made.step(x, Oracle(problem("quadratic")), made.init(x))
    np.testing.assert_array_equal(moved, 0.0)
    np.testing.assert_array_equal(s.alpha, 0.0)


@thirty
@given(
    st.floats(1, 1e3),
    st.floats(-180, 180),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)).filter(lambda w: math.hypot(*w) > 0.1),
)
def test_polyak_never_increases_the_distance(kappa, angle, start):
    """For convex f, ‖w⁺ − w*‖² ≤ ‖w − w*‖² − (f − f*)²/‖g‖² (Yao 2022, §2.1, with α put in)."""
    r = run(problem("quadratic", kappa=kappa, angle=angle), "polyak", start=start, steps=30)
    gain = np.square(r.f[:-1] / r.gradient_norm[:-1])
    assert (np.square(r.distance[1:]) <= (np.square(r.distance[:-1]) - gain) + 1e-9 * np.square(r.distance[0])).all()


def test_l4_with_the_minimum_known_is_polyak_on_the_gradient():
    """Both are (f − f*)/⟨g, g⟩ but for ε = 1e-12 (Yao 2022, §2.2: "the two step-sizes match")."""
    a, b = (run("rosenbrock:b=1", rule, start=MILD.start, steps=10) for rule in ("l4:known=true", "polyak"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-8)


def test_smooth_sps_lets_its_step_size_double_an_epoch_at_most():
    """min(γ^(b/n) α_{t−1}, f/(c‖g‖²)): with no mini-batches b/n = 1. The bound binds here, from α_max on."""
    v = Valley(0.5, -0.3)
    w, alpha, bound_hit = v.start, 0.01, 0
    points = []
    for _ in range(10):
        g = v.g(w)
        wanted = v.f(w) / (0.5 * dot(g, g))
        bound_hit += wanted > 2 * alpha
        alpha = min(wanted, 2 * alpha)
        w = minus(w, alpha, g)
        points.append(w)
    assert 2 <= bound_hit < 10
    follows(run(v.spec, "sps:smooth=true,alpha_max=0.01", start=v.start, steps=10), points)


@pytest.mark.parametrize("rule", ["sps:smooth=true,alpha_max=1e-4", "sls:alpha_max=10"])
def test_growth_is_counted_an_epoch_and_not_a_step(rule):
    """With n/b = 3 batches per epoch, α may grow by γ^(b/n) = 2^(1/3) per step, and at some steps it does."""
    r = run("linear-regression:n=30,batch=10,dim=3", rule, steps=60)
    factors = r.step_size[2:] / r.step_size[1:-1]
    assert (factors <= 2 ** (1 / 3) * (1 + 1e-12)).all()
    assert (np.abs(factors - 2 ** (1 / 3)) < 1e-9).any()
