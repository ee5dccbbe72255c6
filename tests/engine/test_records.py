"""Which records are kept: all of them, those of every few steps, or the two ends."""

import re

import numpy as np
import pytest

import stepbench
from stepbench import Problem
from stepbench.engine.running import run_quietly


def test_every_few_steps_is_a_thinned_trace():
    """The records of every 7 steps are those of a run that keeps all, and the last step is among them."""
    whole, thin = (stepbench.run("rosenbrock", "csawg", steps=50, every=every) for every in (1, 7))
    chosen = [*range(0, 50, 7), 50]
    assert thin.iteration.tolist() == chosen
    assert thin.steps == whole.steps == 50
    for name in ("x", "f", "evals", "step_size"):
        np.testing.assert_array_equal(getattr(thin, name), getattr(whole, name)[chosen])


def test_a_budget_spent_between_two_records_still_counts_its_last_step():
    whole, thin = (stepbench.run("rosenbrock", "csawg-p5", budget=100, every=every) for every in (1, 8))
    assert thin.steps == whole.steps
    assert thin.evals[-1] == whole.evals[-1] <= 100
    assert (thin.x[-1] == whole.x[-1]).all()


def test_a_thinned_batch_ends_each_run_at_its_own_record():
    lr = np.array([1e-4, 2e-3, 1e9])
    with pytest.warns(stepbench.DivergenceWarning, match="by step|at step"):
        batch = stepbench.run("quadratic", stepbench.method("gd", lr=lr), steps=40, every=6)
    for r in range(3):
        alone = run_quietly("quadratic", stepbench.method("gd", lr=lr[r]), steps=40, every=6)
        assert (batch[r].status, batch[r].detail) == (alone.status, alone.detail)
        np.testing.assert_array_equal(batch[r].f, alone.f)
        np.testing.assert_array_equal(batch[r].iteration, alone.iteration)
    assert re.search(r"not finite by step \d+", str(batch.detail[2]))


@pytest.mark.parametrize("method", ["gd", "adam", "csawg", "sls", "scipy:bfgs"])
@pytest.mark.parametrize("problem", ["rosenbrock", "easom", "mgh/wood"])
def test_a_run_without_a_trace_keeps_the_ends_of_the_same_run(problem, method):
    values = {} if method in ("sls", "scipy:bfgs") else {"lr": np.array([1e-4, 1e-2, 1e200])}
    with np.errstate(all="raise"):  # looking raises nothing, however far a run went
        runs = [
            run_quietly(problem, stepbench.method(method, **values), budget=60, target=1e-3, trace=trace)
            for trace in (True, False)
        ]
    whole, ends = runs
    assert len(ends.x) == 2
    assert ends.step_size is None
    for name in ("x", "f", "error", "distance", "gradient_norm", "evals", "fevals"):
        for k in (0, -1):
            assert np.array_equal(getattr(whole, name)[k], getattr(ends, name)[k])
    for name in ("status", "detail", "steps"):
        assert np.array_equal(getattr(whole, name), getattr(ends, name))


class Unknown(Problem):
    """A bowl whose minimum is not known to the bench."""

    x0 = (1.0, 2.0)

    def f(self, w):
        return 3 + (w * w * np.array([[1.0], [4.0]])).sum(0)


def test_a_run_with_unknown_minimum_converges_by_its_gradient():
    r = stepbench.run(Unknown(), "gd:lr=0.1", grad_target=1e-6)
    assert (r.status, r.detail) == ("converged", "gradient target met")
    assert r.gradient_norm[-1] <= 1e-6 < r.gradient_norm[-2]
    assert r.grad_target == 1e-6
    [known] = [2 * 0.8**k for k in (r.steps,)]  # the slower component: w₁ = 0.8^k
    assert r.gradient_norm[-1] == pytest.approx(known, rel=1e-6)
    assert stepbench.run(Unknown(), "gd:lr=0.1", grad_target=1e-6, start=[0.0, 0.0]).steps == 0


def test_runs_of_a_batch_end_each_at_its_own_gradient():
    lr = np.array([0.05, 0.1, 0.2])
    batch = stepbench.run(Unknown(), stepbench.method("gd", lr=lr), grad_target=1e-4)
    for r in range(3):
        alone = stepbench.run(Unknown(), stepbench.method("gd", lr=lr[r]), grad_target=1e-4)
        np.testing.assert_array_equal(batch[r].f, alone.f)
        assert (
            (batch[r].status, batch[r].detail) == (alone.status, alone.detail) == ("converged", "gradient target met")
        )


def test_the_target_on_the_error_comes_first_and_neither_hides_an_f_below_the_minimum():
    known = type("Known", (Unknown,), {"f_star": 3.0})
    assert stepbench.run(known(), "gd:lr=0.1", target=1e-3, grad_target=1e-9).detail == "target met"
    wrong = type("Wrong", (Unknown,), {"f_star": 4.0})
    assert stepbench.run(wrong(), "gd:lr=0.1", grad_target=1e3).status == "converged"
    assert stepbench.run(wrong(), "gd:lr=0.1", grad_target=1e-9).status == "failed"
