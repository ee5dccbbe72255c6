"""The runs of claims: how they are made, kept and measured."""

import math

import numpy as np
import pytest

import stepbench
from stepbench.reproduce.bands import exactly
from stepbench.reproduce.claims import Number, Run
from stepbench.reproduce.measures import after, cost_to, iterations_to, last, rate
from stepbench.reproduce.verdicts import REPRODUCED, judge, results_of
from stepbench.study import Stopped, Study
from tests.reproduce.claims import claim


def test_runs_in_lockstep_have_the_bits_that_they_have_alone():
    runs = {
        "a": Run("rosenbrock", "adam:lr=0.01", 50),
        "b": Run("rosenbrock", "adam:lr=0.02,beta1=0.5", 50),
        "c": Run("rosenbrock", "gd:lr=0.001", 50),
        "d": Run("rosenbrock", "csawg:K=2", 50),
        "e": Run("rosenbrock", "csawg:K=3", 50),
        "f": Run("rosenbrock", "adam:lr=0.01", 40),
        "g": Run("rosenbrock", "adam:lr=0.01", 50, start=(0.5, 0.5)),
        "h": Run("rosenbrock", "scipy:nelder-mead", 50),
        "c again": Run("rosenbrock", "gd:lr=0.001", 50),
        "c in other words": Run("rosenbrock", "gradient+constant:lr=1e-3", 50),
        "h again": Run("rosenbrock", "scipy:nelder-mead", 50),
    }
    with Study() as study:
        [found] = results_of(runs, study, [0])
    assert [*found] == [*runs]
    for key, run in runs.items():
        alone = stepbench.run(run.problem, run.method, budget=run.budget, start=run.start)
        np.testing.assert_array_equal(found[key].x, alone.x)
        np.testing.assert_array_equal(found[key].f, alone.f)
        if alone.step_size is not None:
            np.testing.assert_array_equal(found[key].step_size, alone.step_size)


def test_runs_are_kept_and_the_same_claim_goes_on(tmp_path):
    runs = {lr: Run("quadratic", f"gd:lr={lr}", 10) for lr in (1e-4, 2e-4, 3e-4)}
    asked = claim(runs, n=Number(exactly(3), len))
    made = []
    for _ in range(2):
        with Study(tmp_path / "r.db") as study:
            assert judge(asked, study, [0]).word == REPRODUCED
            made.append((study.made, study.reused))
    assert made == [(3, 0), (0, 3)]


def test_ctrl_c_keeps_what_was_made(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    runs = {lr: Run("quadratic", f"gd:lr={lr}", steps) for lr, steps in ((1e-4, 10), (2e-4, 20))}
    asked = claim(runs, n=Number(exactly(2), len))
    with Study(tmp_path / "r.db", progress=stop) as study, pytest.raises(Stopped, match="1 of 2 runs were made"):
        judge(asked, study, [0])
    with Study(tmp_path / "r.db") as study:
        assert judge(asked, study, [0]).word == REPRODUCED
        assert (study.made, study.reused) == (1, 1)


def test_measures():
    r = stepbench.run("quadratic:kappa=1", "gd:lr=0.5", budget=20)
    assert rate(r, "distance") == pytest.approx(0.5)
    assert cost_to(r, r.error[3]) == iterations_to(r, r.error[3]) == 3
    assert cost_to(r, -1) == math.inf
    assert after(r, 4.5) == r.error[4]
    assert after(r, 1e9) == last(r) == r.error[-1]
    with pytest.warns(stepbench.DivergenceWarning):
        assert last(stepbench.run("quadratic", "gd:lr=1")) == math.inf
