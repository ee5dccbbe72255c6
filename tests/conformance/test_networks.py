"""Every built-in network passes what ``stepbench check`` asks, and a wrong one does not."""

from operator import attrgetter

import pytest

import stepbench
from stepbench import catalog
from stepbench.conformance import judge
from stepbench.conformance.networks import CHECKS
from tests.torch.small_networks import SMALL

pytest.importorskip("torch")


@pytest.mark.one_in(29)
@pytest.mark.parametrize("check", CHECKS, ids=attrgetter("__name__"))
@pytest.mark.parametrize("problem", SMALL)
def test_every_network_conforms(problem, check):
    check(stepbench.problem(problem))


def test_a_wrong_gradient_is_found():
    class Wrong(catalog.load("problems", "networks/digits-mlp")):
        def grad(self, x):
            return 1.001 * super().grad(x)

    found = {finding.check: finding.passed for finding in judge(Wrong(hidden=0))}
    assert found["∇f is the derivative of f along random directions, in float64"] is False
