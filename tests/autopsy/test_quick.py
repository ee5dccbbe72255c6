"""Quick trials: what is found for a run that was lost is what a run of that setting gives."""

from dataclasses import dataclass

import numpy as np
import pytest

import stepbench
from stepbench import catalog, contracts
from stepbench.autopsy import quick
from stepbench.autopsy.quick import quick_trial
from stepbench.engine.running import run_quietly
from tests.every_method import DIRECTIONS, RULES, WHOLE

PROBLEMS = ("quadratic", "rosenbrock", "linear-regression")
METHODS = (*WHOLE, *DIRECTIONS, *RULES, *catalog.ALIASES)
LOST = {
    "quadratic": ("dbd", "decay-sqrt", "exact", "rdbd", "sgd-mstep"),
    "rosenbrock": (
        *("adaloss", "dbd", "decay-sqrt", "delta-bar-delta", "hypergradient-mul", "lossgrad", "rdbd", "sgd-mstep"),
        "tlr",
    ),
    "linear-regression": ("dbd", "decay-sqrt", "rdbd", "sgd-mstep"),
}
"""The methods that are lost with their published defaults."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """What a trial finds is tested, however busy the machine."""
    monkeypatch.setattr(quick, "PATIENCE", 60.0)


def trial_of(problem, spec, **options):
    method = stepbench.method(spec)
    result = run_quietly(problem, method, **options)
    assert result.status == "diverged"
    return quick_trial(result, method, options)


def test_descent_on_a_quadratic_is_known_by_its_formula():
    """Of the powers of ten, 1/L ends the steep direction at once, and leaves (1 − lr)² of the flat one per step."""
    trial = trial_of("quadratic", "gd:lr=1")
    assert (str(trial.method), trial.settings) == ("gd", 8)  # the default of lr is 0.001, and 1/L too
    assert trial.result.error[-1] == pytest.approx(0.5 * 4 * (1 - 0.001) ** 20_000, rel=1e-9)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("problem", "spec"), [(problem, spec) for problem in PROBLEMS for spec in LOST[problem]])
def test_what_it_tells_is_what_the_setting_gives(problem, spec):
    """To the last bit, at the end of a run that is not lost and comes far below the start."""
    trial = trial_of(problem, spec)
    again = stepbench.run(problem, trial.method)
    assert (again.f[-1], again.evals[-1]) == (trial.result.f[-1], trial.result.evals[-1])
    assert again.status in ("budget", "converged")
    assert again.error[-1] < 1e-3 * again.error[0]


@pytest.mark.slow
@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_other_method_is_lost_with_its_defaults(problem):
    """Within 1,000 evaluations; the step size that is exact for a horizon has that of a whole run."""
    lost = []
    for spec in METHODS:
        try:
            result = run_quietly(problem, f"{spec}:T=10000" if spec == "exact" else spec, budget=1000, trace=False)
        except stepbench.InputError:  # it needs what the problem lacks
            continue
        lost += [spec] * (result.status not in ("budget", "converged"))
    assert sorted(lost) == sorted(LOST[problem])


@pytest.mark.parametrize("spec", ["rdbd", "dbd"])
def test_a_scale_is_tried_below_its_range_where_none_within_does_better(spec):
    """With 50 dimensions ⟨g, u⟩ is so large that every η that tuning tries, 1e-8 and more, is too large."""
    assert 0 < trial_of("quadratic:dim=50", spec).method.rule.eta < 1e-8


def test_it_has_the_terms_of_the_run():
    options = {"start": [-1.2, 1.0], "seed": 3, "noise": 0.01, "steps": 300}
    trial = trial_of("rosenbrock", "rdbd:lr=0.1", **options)
    assert trial.result.f[-1] == stepbench.run("rosenbrock", trial.method, **options).f[-1]
    assert trial.result.steps == 300


def test_two_are_changed_only_where_that_is_worth_telling():
    """On linear regression a smaller η alone ends at 0 too, but takes over a tenth more evaluations than both do."""
    assert changed(trial_of("linear-regression", "rdbd").method) == ["lr", "eta"]
    assert changed(trial_of("rosenbrock", "lossgrad").method) == ["c"]


def changed(method):
    default = contracts.values_of(stepbench.method(method.rule.name))
    return [key for key, value in contracts.values_of(method).items() if value != default[key]]


def test_structural_numbers_are_tried_where_there_are_no_others():
    """The exact step is √(2 (f − f*)/(K̂ T)) = √(1004/(1000 T)), and must be below 2/1000: T above 251,000."""
    assert changed(trial_of("quadratic", "exact").method) == ["T"]
    assert trial_of("quadratic", "exact").method.rule.T == 1_000_000


def test_nothing_is_told_but_the_number_where_no_setting_does_better():
    """From so near to the minimum, noise takes every run up."""
    trial = trial_of("quadratic", "gd:lr=1", start=[1e-9, 0.0], noise=1.0)
    assert trial == (8 + 12, None, None)  # powers of ten from 1e-6 to 10, and these with four below 1e-6


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
