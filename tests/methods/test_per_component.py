"""One step size per component: each component goes as a run by itself."""

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog, run
from tests.every_method import RULES


@pytest.mark.parametrize(
    "rule",
    [
        "dbd",
        "rdbd",
        "hypergradient-mul",
        "tlr:K=2",
        "bb",
        "adagrad-norm",
        "adgd",
        "dog",
        "dowg",
        "metaoptimize:eta=0.1",
    ],
)
def test_a_step_size_a_component_is_a_run_a_component(rule):
    """Where f is a sum over components and the rule reads only gradients, per=component decouples them."""
    both = run("quadratic:kappa=4", f"{rule}{',' if ':' in rule else ':'}per=component", start=[1.0, 2.0], steps=8)
    for i in range(2):
        start = [0.0, 0.0]
        start[i] = both.x[0, i]
        alone = run("quadratic:kappa=4", rule, start=start, steps=8)
        np.testing.assert_allclose(both.x[:, i], alone.x[:, i], rtol=1e-12)
        np.testing.assert_allclose(both.step_size[1:, i], alone.step_size[1:], rtol=1e-12)


def test_component_granularity_is_a_run_a_component_where_the_function_separates():
    """On a quadratic along the axes, DBD with one step size per component is DBD on each axis by itself."""
    both = stepbench.run("quadratic:kappa=10", "dbd:lr=0.03,eta=0.001,per=component", steps=20)
    assert both.step_size.shape == (21, 2)
    for axis, start in enumerate(([-1.0, 0.0], [0.0, 2.0])):
        alone = stepbench.run("quadratic:kappa=10", "dbd:lr=0.03,eta=0.001", steps=20, start=start)
        n = len(alone.x)  # f underflows to exactly 0 sooner with one component than with two
        assert n > 10
        assert np.array_equal(both.x[:n, axis], alone.x[:, axis])
        assert np.array_equal(both.step_size[1:n, axis], alone.step_size[1:])


NO_LR = ("polyak", "l4", "sps", "adagrad-norm", "ali-g", "dec-sps", "dog", "dowg", "ngn", "sps-plus")
ALIKE = {"metaoptimize": ",eta=0.3"}
"""With its default all its step sizes rise by one factor in so few steps; with this, one oversteps and falls."""
OF_F = ("polyak", "sps", "l4", "ali-g", "dec-sps", "ngn", "sps-plus")
"""These have the whole f in every component's step size."""


@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_one_step_size_a_component_or_refuses(rule):
    """The components of a function that separates get step sizes of their own, or the rule refuses."""
    if not catalog.load("stepsizes", rule).per_component:
        with pytest.raises(InputError, match="cannot have one step size per component"):
            stepbench.method(f"{rule}:per=component")
        return
    r = stepbench.run(
        "quadratic",
        f"{rule}:per=component" if rule in NO_LR else f"{rule}:lr=0.0009,per=component{ALIKE.get(rule, '')}",
        steps=12,
    )
    assert r.step_size.shape == (r.steps + 1, 2)
    if rule not in OF_F:
        assert not np.array_equal(r.step_size[2:, 0], r.step_size[2:, 1])


def test_adagrad_norm_a_component_is_adagrad():
    """Per component b² is b₀² + Σ g², AdaGrad's sum but for its start; b₀ = 1e-9 and ε = 0 leave no difference."""
    a = run("quadratic:kappa=5", "adagrad-norm:b0=1e-9,eta=0.3,per=component", steps=20)
    b = run("quadratic:kappa=5", "adagrad:eps=0+constant:lr=0.3", steps=20)
    np.testing.assert_allclose(a.x, b.x, rtol=1e-10)
