"""SPS: never negative, and on its own once the loss is low."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepbench import InputError, Oracle, Problem, method, problem, run
from tests.methods.plain_floats import MILD, Sphere, dot, follows, minus, thirty

FORMS = ("sps", "sps:smooth=true", "sps:variant=reference", "momentum+sps", "sps:per=component")


@dataclass(frozen=True)
class Unknown(Problem):
    """½‖w‖², whose minimum nobody told."""

    x0 = (3.0, 4.0)

    def f(self, w):
        return 0.5 * (w * w).sum(0)

    def grad(self, w):
        return w


@thirty
@given(
    st.sampled_from(FORMS),
    st.integers(0, 1000),
    st.sampled_from([1, 3, 20]),
    st.floats(0, 5),
    st.lists(st.floats(-5, 5), min_size=3, max_size=3),
)
def test_sps_never_steps_back_on_random_samples(form, seed, batch, noise, start):
    """With noise no point fits all samples, so that some of them have an f below the whole function's minimum."""
    r = run(f"linear-regression:n=20,dim=3,batch={batch},noise={noise}", form, seed=seed, start=start, steps=60)
    assert (r.step_size[1:] >= 0).all()


def test_sps_rests_where_the_samples_f_is_below_the_minimum():
    """f(w) = ½‖w‖² from (3, 4) has 12.5: with f* = 20 the step is 0, and with f* = 2.5 it is 10/(½·25) = 0.8."""
    for f_star, alpha in ((20.0, 0.0), (2.5, 0.8)):
        r = run(Sphere(1.0), f"sps:f_star={f_star}", steps=1)
        assert r.step_size[1] == alpha


@pytest.mark.parametrize("f_star", [-3.0, 2.0])
def test_smooth_sps_takes_f_itself(f_star):
    """min(f/(c‖g‖²), 2 α_{t−1}), wherever the minimum is: f_star changes nothing."""
    w, alpha, points = MILD.start, 0.05, []
    for _ in range(10):
        g = MILD.g(w)
        alpha = min(MILD.f(w) / (0.5 * dot(g, g)), 2 * alpha)
        w = minus(w, alpha, g)
        points.append(w)
    follows(run(MILD.spec, f"sps:smooth=true,alpha_max=0.05,f_star={f_star}", start=MILD.start, steps=10), points)


def test_smooth_sps_needs_no_minimum_and_the_plain_form_does():
    assert method("sps").needs == ("f_star",)
    assert method("sps:smooth=true").needs == method("sps:variant=reference").needs == ()
    with pytest.raises(InputError, match="needs the minimum"):
        run(Unknown(), "sps")
    assert run(Unknown(), "sps:smooth=true", steps=3).steps == 3


def test_a_lucky_sample_does_not_hold_the_step_at_0_for_good():
    """A step of 0, where a sample's gradient is 0, is no bound for the next: then α is again what it was, doubled."""
    made, oracle = method("sps:smooth=true,alpha_max=0.01"), Oracle(problem("quadratic"))
    w, none = np.ones((2, 2)), np.zeros((2, 2))
    _, s = made.step(none, oracle, made.init(w))
    np.testing.assert_array_equal(s.alpha, 0.0)
    _, s = made.step(1e-9 * w, oracle, s)
    assert (s.alpha > 0).all()
    as_published = method("sps:variant=reference,alpha_max=0.01")
    _, s = as_published.step(none, oracle, as_published.init(w))
    _, s = as_published.step(w, oracle, s)
    np.testing.assert_array_equal(s.alpha, 0.0)
