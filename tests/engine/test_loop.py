"""The loop: records, budgets, targets, divergence and noise."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import InputError
from stepbench.engine import loop
from stepbench.engine.prepare import prepare
from stepbench.options import RunOptions


def test_record_0_is_the_start_and_costs_nothing():
    r = stepbench.run("rosenbrock", "gd", steps=3)
    assert r.x.shape == (4, 2)
    assert np.array_equal(r.x[0], [-1, 0])
    assert r.f[0] == 4 + 100  # (−1 − 1)² + 100 (0 − 1)²
    assert r.evals.tolist() == [0, 1, 2, 3]
    assert np.isnan(r.step_size[0])
    assert r.step_size[1:].tolist() == [0.001] * 3
    assert (r.status, r.detail, r.steps) == ("budget", "steps spent", 3)


def test_the_records_are_the_functions_own_values():
    r = stepbench.run("quadratic", "adam:lr=0.1", steps=50)
    assert np.allclose(r.f, 0.5 * (1000 * r.x[:, 0] ** 2 + r.x[:, 1] ** 2), rtol=1e-14)
    assert np.array_equal(r.error, r.f)
    assert np.allclose(r.distance, np.hypot(r.x[:, 0], r.x[:, 1]), rtol=1e-14)
    assert np.allclose(r.gradient_norm, np.hypot(1000 * r.x[:, 0], r.x[:, 1]), rtol=1e-14)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.sampled_from(["gd", "csawg:K=2", "csawg-p5:K=10", "csawg:K=30"]))
def test_a_budget_is_never_passed_and_no_step_within_it_is_left_out(budget, method):
    r = stepbench.run("rosenbrock", method, budget=budget)
    free = stepbench.run("rosenbrock", method, budget=2000, steps=budget + 1)
    assert r.status == "budget"
    assert r.evals[-1] <= budget < free.evals[r.steps + 1]
    assert np.array_equal(r.x, free.x[: r.steps + 1])


@pytest.mark.parametrize(
    "method", ["csawg:M=100000000", "csawg:P=100000000", "exact:N=100000000", "exact:iterations=100000000"]
)
def test_no_step_runs_far_beyond_the_budget(method):
    r = stepbench.run("rosenbrock", method, budget=50)
    assert (r.status, r.detail) == ("budget", "the next step would pass the budget")
    assert r.evals[-1] <= 50


def test_a_method_that_asks_for_no_gradients_spends_function_evaluations():
    class State(NamedTuple):
        alpha: float

    @dataclass(frozen=True)
    class Shrink(stepbench.Method):
        """Halve the point as long as that lowers f."""

        def init(self, x):
            return State(0.5)

        def step(self, x, oracle, s):
            half = 0.5 * x
            lower = oracle.value(half) < oracle.value(x)
            return np.where(lower, half, x), s

    r = stepbench.run("quadratic", Shrink(), budget=100)
    assert (r.label, r.status) == ("Shrink", "budget")
    assert (r.evals == 0).all()
    assert r.fevals[-1] == 100


def test_epochs_are_gradient_evaluations():
    r = stepbench.run("linear-regression:n=40,batch=8", "gd", epochs=2.5)
    assert r.budget == r.evals[-1] == round(2.5 * 5)
    for wrong in ({"epochs": 1, "budget": 3}, {"epochs": 0}, {"epochs": -1.0}):
        with pytest.raises(InputError, match="epochs"):
            stepbench.run("linear-regression:n=40,batch=8", "gd", **wrong)


def test_a_target_ends_a_run_at_the_first_record_that_meets_it():
    through = stepbench.run("quadratic", "gd", budget=3000)
    r = stepbench.run("quadratic", "gd", budget=3000, target=0.5)
    k = int(np.argmax(through.error <= 0.5))
    assert (r.status, r.steps) == ("converged", k)
    assert np.array_equal(r.x, through.x[: k + 1])
    assert stepbench.run("quadratic", "gd", target=1e9).steps == 0


def test_a_slow_problem_is_not_asked_far_beyond_its_target(monkeypatch):
    """By the clock of the test a gradient takes 0.02 seconds, and all else no time."""
    calls = []
    monkeypatch.setattr(loop.time, "perf_counter", lambda: 0.02 * len(calls))

    @dataclass(frozen=True)
    class Slow(type(stepbench.problem("quadratic"))):
        def grad(self, x):
            calls.append(1)
            return super().grad(x)

    prepare(Slow(kappa=1.0), stepbench.method("gd:lr=0.5"), RunOptions(target=0.5))
    before = len(calls)  # what is looked at before any run
    r = stepbench.run(Slow(kappa=1.0), "gd:lr=0.5", target=0.5)
    assert r.status == "converged"
    assert len(calls) - 2 * before < 4 * r.steps + 8


def test_divergence_says_when_and_what_and_stands_at_the_last_finite_point():
    with pytest.warns(stepbench.DivergenceWarning, match="diverged"):
        r = stepbench.run("quadratic", "gd:lr=1", budget=1000)
    # The first component grows by |1 − 1000| per step from 1; f overflows when 500 · 999^(2k) does.
    k = int(np.floor((np.log(np.finfo(float).max) - np.log(500)) / (2 * np.log(999))))
    assert r.status == "diverged"
    assert r.steps == k
    assert r.detail == f"f not finite at step {k + 1}, step size 1"
    assert np.isfinite(r.f).all()
    assert r.evals[-1] == k


def test_a_problem_that_cannot_bear_what_is_not_finite_still_diverges_in_words():
    @dataclass(frozen=True)
    class Strict(stepbench.Problem):
        x0 = np.array([1.0])
        f_star = 0.0

        def f(self, x):
            if not np.isfinite(x).all():
                raise ArithmeticError("not here")
            return (x * x)[0]

        def grad(self, x):
            if not np.isfinite(x).all():
                raise ArithmeticError("not here")
            return 2 * x

    with pytest.warns(stepbench.DivergenceWarning):
        r = stepbench.run(Strict(), "gd:lr=1e100")
    assert r.status == "diverged"

    @dataclass(frozen=True)
    class Broken(Strict):
        def grad(self, x):
            if (abs(x) < 0.1).any():
                raise ArithmeticError("a fault of its own")
            return 2 * x

    with pytest.raises(ArithmeticError, match="a fault of its own"):
        stepbench.run(Broken(), "gd:lr=0.1")


def test_noise_has_the_stated_size_and_depends_on_seed_and_step_alone():
    quiet = {"start": [0.1, 0.0], "steps": 4000, "budget": 10_000, "noise": 0.5}
    r = stepbench.run("quadratic:kappa=1", "gd:lr=1", **quiet)
    # With Q = I and α = 1 each step lands on minus the noise of that step, so the path is the noise.
    assert np.allclose(r.x[1:].std(axis=0), 0.5, rtol=0.05)
    assert np.allclose(np.corrcoef(r.x[1:-1, 0], r.x[2:, 0])[0, 1], 0, atol=0.06)
    assert np.array_equal(r.x, stepbench.run("quadratic:kappa=1", "gd:lr=1", **quiet).x)
    assert not np.array_equal(r.x, stepbench.run("quadratic:kappa=1", "gd:lr=1", seed=1, **quiet).x)
    other = stepbench.run("quadratic:kappa=1", "momentum:p=0+constant:lr=1", **quiet)
    assert np.array_equal(r.x, other.x), "another method sees the same noise"
