"""Runs in lock-step: each has the bits that it has alone."""

import warnings

import numpy as np
import pytest

import stepbench
from stepbench import InputError
from stepbench.engine.running import run_quietly


def test_a_batch_with_diverging_runs_leaves_the_others_bits_and_warns_once_in_words():
    rates = np.geomspace(1e-6, 1.0, 1000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batch = stepbench.run("rosenbrock", stepbench.method("gd", lr=rates), budget=300)
    assert [w.category for w in caught] == [stepbench.DivergenceWarning]
    gone = batch.status == "diverged"
    assert 100 < gone.sum() < 900
    assert f"{gone.sum()} of 1000 runs diverged" in str(caught[0].message)
    tame = stepbench.run("rosenbrock", stepbench.method("gd", lr=rates[~gone]), budget=300)
    assert np.array_equal(batch.x[..., ~gone], tame.x)
    assert np.isfinite(batch.f).all()
    last = batch.steps[gone]
    assert np.array_equal(batch.x[-1][:, gone], batch.x[last, :, np.flatnonzero(gone)].T)


def test_a_run_that_ended_stands_still_while_the_batch_goes_on():
    batch = stepbench.run("quadratic", stepbench.method("gd", lr=[1e-3, 5e-4]), budget=20_000, target=1e-3)
    assert batch.status.tolist() == ["converged"] * 2
    early, late = batch.steps
    assert early < late
    assert (batch.x[early:, :, 0] == batch.x[early, :, 0]).all()
    assert (batch.evals[early:, 0] == early).all()
    alone = stepbench.run("quadratic", "gd", budget=20_000, target=1e-3)
    assert np.array_equal(batch.x[: early + 1, :, 0], alone.x)


def test_one_run_of_a_batch_is_the_run_it_is_alone():
    batch = stepbench.run("rosenbrock", stepbench.method("csawg-p5:K=10", lr=[1e-3, 9e-4]), budget=600)
    one, alone = batch[0], stepbench.run("rosenbrock", "csawg-p5:K=10", budget=600)
    for name in ("x", "f", "error", "distance", "gradient_norm", "step_size", "evals", "fevals"):
        assert np.array_equal(getattr(one, name), getattr(alone, name), equal_nan=True), name
    assert (one.steps, one.status, one.detail) == (alone.steps, alone.status, alone.detail)
    assert one.first_at(1e-6) == alone.first_at(1e-6)
    for ask in (batch.table, batch.figure, lambda: batch.first_at(1.0)):
        with pytest.raises(InputError, match=r"choose one, as result\[0\]"):
            ask()
    with pytest.raises(InputError, match="not of a batch"):
        alone[0]


def test_an_array_of_one_is_a_number():
    with pytest.warns(stepbench.DivergenceWarning, match="step size 1"):
        r = stepbench.run("quadratic", stepbench.method("gd", lr=[1.0]))
    assert r.x.ndim == 2


def test_a_quiet_run_leaves_the_warnings_of_other_threads_alone():
    before, within = [*warnings.filters], []
    r = run_quietly("quadratic", "gd:lr=9", budget=200, progress=lambda done, total: within.append([*warnings.filters]))
    assert r.status == "diverged"
    assert within
    assert all(filters == before for filters in within)
