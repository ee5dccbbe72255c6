"""Comparisons from Python."""

import numpy as np
import pytest

import stepbench
from stepbench import InputError, Problem


def test_a_comparison_looks_everything_up_before_it_runs(monkeypatch):
    monkeypatch.setattr("stepbench.engine.comparison.attempt", None)
    with pytest.raises(InputError, match="no-such"):
        stepbench.compare("rosenbrock", ["gd", "no-such"])


class Fenced(Problem):
    """x² + y², which raises an error below 0.5."""

    x0 = (1.0, 2.0)

    def f(self, w):
        if (w[0] < 0.5).any():
            raise ValueError("x must stay above 0.5")
        return (w * w).sum(0)


class FencedLooking(Fenced):
    """Whose gradient is asked anywhere, so that the error comes when points are looked at."""

    def grad(self, w):
        return 2 * w


@pytest.mark.parametrize("kind", [Fenced, FencedLooking])
@pytest.mark.parametrize("method", ["gd:lr=0.05", "scipy:bfgs"])
def test_a_run_in_which_f_raises_an_error_is_lost_alone(kind, method):
    lost, kept = stepbench.compare(kind(), [method, "gd:lr=0.001"], budget=60).results
    assert (lost.status, lost.detail) == ("failed", "ValueError: x must stay above 0.5")
    assert kept.status == "budget"
    assert kept.steps == 60
    with pytest.raises(ValueError, match=r"above 0\.5"):
        stepbench.run(kind(), method, budget=60)
    if method.startswith("gd"):  # 0.9^k: the seventh step is the first below 0.5
        assert lost.steps == 6
        np.testing.assert_allclose(lost.x[:, 0], 0.9 ** np.arange(7), rtol=1e-14)


def test_what_a_run_would_have_met_after_its_end_is_no_error():
    met = stepbench.run(type("Known", (FencedLooking,), {"f_star": 0.0})(), "gd:lr=0.05", target=3.0, budget=60)
    assert met.status == "converged"


def test_a_run_in_which_f_raises_an_error_can_be_explained():
    found = stepbench.explain(Fenced(), "gd:lr=0.05", budget=60)
    assert "Failed: ValueError: x must stay above 0.5." in found.text


def test_a_comparison_is_of_single_runs():
    with pytest.raises(InputError, match="2 runs"):
        stepbench.compare("rosenbrock", [stepbench.method("gd", lr=np.array([1e-3, 2e-3]))], budget=5)
