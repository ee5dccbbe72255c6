"""AdaLoss, AdaGrad-Norm and AdamLoss."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stepbench import run
from tests.methods.plain_floats import MILD, Sphere, adam, follows, minus, thirty


@thirty
@given(
    st.sampled_from(["adaloss", "adaloss:form=adam", "adaloss:c=1.5,a=0.3", "adagrad-norm", "adam+adaloss"]),
    st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    st.integers(0, 100),
)
def test_a_step_size_over_a_growing_sum_never_grows(rule, start, seed):
    """b only adds what is not negative, whatever the function, the point or the noise."""
    r = run("rosenbrock:b=1", rule, start=start, steps=40, seed=seed, noise=0.1, target=None)
    assume(r.steps > 1)
    assert (np.diff(r.step_size[1:]) <= 0).all()


@pytest.mark.parametrize("form", ["paper", "adam"])
def test_adaloss_counts_a_negative_loss_by_its_size(form):
    """b grows by |f|: with f = 12.5 − 20 at the start, b² (or b) = 1 + 7.5, and α = 1/√8.5 in either form."""
    r = run(Sphere(1.0, -20.0), f"adaloss:form={form}", steps=1)
    np.testing.assert_allclose(r.step_size[1], 1 / math.sqrt(8.5), rtol=1e-12)


def test_adaloss_with_the_loss_in_place_of_the_gradient_norm():
    """On f = ½ L‖x‖², ‖g‖² = 2 L f: AdaLoss with a = 2L is AdaGrad-Norm."""
    a, b = (run(Sphere(3.0), rule, steps=20) for rule in ("adaloss:a=6,b0=2", "adagrad-norm:b0=2"))
    np.testing.assert_allclose(a.x, b.x, rtol=1e-10)


def test_adamloss_is_algorithm_2():
    """Wu et al. 2022, Algorithm 2: b_t = b_{t−1} + a|f|, η_t = 1/√b_t, on Adam with β₂ = 0.99."""
    at, w, b, points = adam(0.9, 0.99, 1e-8), MILD.start, 4.0, []
    for k in range(1, 9):
        b += 0.5 * abs(MILD.f(w))
        w = minus(w, 1 / math.sqrt(b), at(MILD.g(w), k))
        points.append(w)
    follows(run(MILD.spec, "adamloss:b0=4,a=0.5", start=MILD.start, steps=8), points)
