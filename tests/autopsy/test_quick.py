"""Quick trials: what is found for a run that was lost is what a run of that setting gives."""

from dataclasses import dataclass

import numpy as np
import pytest

import stepbench
from stepbench import contracts
from stepbench.autopsy import quick
from stepbench.autopsy.quick import quick_trial
from stepbench.engine.running import run_quietly

LOST = [
    *((problem, spec) for problem in ("quadratic", "rosenbrock", "linear-regression") for spec in ("rdbd", "dbd")),
    ("rosenbrock", "adaloss"),
]


def trial_of(problem, spec, **options):
    method = stepbench.method(spec)
    result = run_quietly(problem, method, **options)
    assert result.status == "diverged"
    return quick_trial(result, method, options)


def test_descent_on_a_quadratic_is_known_by_its_formula():
    """Of the powers of ten, 1/L ends the steep direction at once, and leaves (1 − lr)² of the flat one per step."""
    trial = trial_of("quadratic", "gd:lr=1")
    assert (str(trial.method), trial.settings) == ("gd", 8)  # the default of lr is 0.001, and 1/L too
    assert trial.result.error[-1] == pytest.approx(0.5 * 4 * (1 - 0.001) ** 2000, rel=1e-10)


@pytest.mark.parametrize(("problem", "spec"), LOST)
def test_what_it_tells_is_what_the_setting_gives(problem, spec):
    """To the last bit after as many evaluations; and the whole run, which was not tried, is not lost either."""
    trial = trial_of(problem, spec)
    assert trial.result.evals[-1] <= quick.EVALUATIONS
    again = stepbench.run(problem, trial.method, budget=quick.EVALUATIONS)
    assert (again.f[-1], again.evals[-1]) == (trial.result.f[-1], trial.result.evals[-1])
    whole = stepbench.run(problem, trial.method)
    assert whole.status in ("budget", "converged")
    assert whole.error[-1] <= trial.result.error[-1] < 0.1 * whole.error[0]


def test_it_has_the_terms_of_the_run():
    options = {"start": [-1.2, 1.0], "seed": 3, "noise": 0.01, "steps": 300}
    trial = trial_of("rosenbrock", "rdbd:lr=0.1", **options)
    assert trial.result.f[-1] == stepbench.run("rosenbrock", trial.method, **options).f[-1]
    assert trial.result.steps == 300


def test_two_are_changed_only_where_that_is_worth_telling():
    """On linear regression a smaller η alone ends at 0 too, but takes over a tenth more evaluations than both do."""
    assert changed(trial_of("linear-regression", "rdbd").method) == ["lr", "eta"]
    assert changed(trial_of("rosenbrock", "dbd").method) == ["eta"]


def changed(method):
    default = contracts.values_of(stepbench.method(method.rule.name))
    return [key for key, value in contracts.values_of(method).items() if value != default[key]]


def test_nothing_is_told_where_no_setting_does_better():
    """LossGrad grows its step size until it is lost, whichever it begins with."""
    assert trial_of("rosenbrock", "lossgrad") is None


def test_a_trial_that_is_not_quick_is_given_up(monkeypatch):
    monkeypatch.setattr(quick, "PATIENCE", -1.0)
    assert trial_of("quadratic", "gd:lr=1") is None


def test_what_has_no_scales_or_owns_its_loop_is_not_tried():
    for spec in ("polyak", "scipy:bfgs"):
        method = stepbench.method(spec)
        assert quick_trial(stepbench.run("quadratic", method, steps=3), method, {}) is None


@dataclass(frozen=True)
class Near(stepbench.Problem):
    """w⁴, which cannot be computed of many points at once, as a file of a user's that the check would refuse."""

    x0 = (2.0, 2.0)

    def f(self, w):
        if w.shape[1] > 8 and not np.isclose(w[:, :1], w).all():
            raise ValueError("one run at a time")
        return (w**4).sum(0)

    def grad(self, w):
        if w.shape[1] > 8:
            raise ValueError("one run at a time")
        return 4 * w**3


def test_a_problem_that_fails_in_a_batch_ends_no_run():
    assert trial_of(Near(), "rdbd:lr=1") is None
