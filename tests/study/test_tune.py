"""Tuning: that it is fair, and what it says where it is not."""

import dataclasses
import json
import math

import numpy as np
import pytest
from rich.console import Console

import stepbench
from stepbench import InputError, Problem, catalog
from stepbench.report.study_tables import tuning_notes, tuning_table
from stepbench.study import Study
from stepbench.study.tune import _case, tune

INF = math.inf

TUNE = {"trials": 12, "cases": 4, "budget": 300, "tune_budget": 200, "target": 1e-3}


class Tried:
    """A tuning and the rows of its study, in which trials and scores are told apart by their budgets."""

    def __init__(self, problem, methods, **options):
        options = TUNE | options
        self.x0 = catalog.problem(problem).x0
        with Study() as study:
            self.tuning = tune(problem, methods, study=study, **options)
            self.rows = []
            for key, text in study.store.settings().items():
                setting = json.loads(text)
                for run in study.store.runs(key):
                    start = tuple(self.x0.tolist() if run.start is None else run.start)
                    self.rows.append((setting, json.loads(run.parameters), run.seed, start, run))
        self.budgets = options["tune_budget"], options["budget"]
        self.names = dict.fromkeys(setting["method"] for setting, *_ in self.rows)

    def of(self, stage, method):
        return [row for row in self.rows if row[0]["budget"] == self.budgets[stage] and row[0]["method"] == method]

    def trials(self, method):
        return self.of(0, method)

    def scores(self, method):
        return self.of(1, method)


@pytest.fixture(scope="module")
def tried():
    return Tried("quadratic:kappa=30", ["gd", "momentum", "csawg", "scipy:nelder-mead", "polyak"])


def test_every_method_gets_as_many_trials(tried):
    assert {tuned.label: tuned.trials for tuned in tried.tuning.methods} == {
        "gd": 12,
        "momentum": 12,
        "csawg": 12,
        "scipy:nelder-mead": 1,  # it has nothing to tune
        "polyak": 1,
    }
    for method in ("gd", "momentum", "csawg"):
        settings = {json.dumps(parameters) for _, parameters, *_ in tried.trials(method)}
        assert len(settings) == 12
        assert len(tried.trials(method)) == 12 * 4
    for method in ("scipy:nelder-mead", "polyak"):
        assert len(tried.trials(method)) == 4


def test_every_method_has_the_same_starts_and_seeds(tried):
    tuned_on = [{(seed, start) for _, _, seed, start, _ in tried.trials(m)} for m in tried.names]
    scored_on = [{(seed, start) for _, _, seed, start, _ in tried.scores(m)} for m in tried.names]
    assert len(tried.names) == 5
    assert all(cases == tuned_on[0] for cases in tuned_on)
    assert all(cases == scored_on[0] for cases in scored_on)
    assert len(tuned_on[0]) == len(scored_on[0]) == 4
    for method in ("gd", "momentum", "csawg"):
        by_setting = {}
        for _, parameters, seed, start, _ in tried.trials(method):
            by_setting.setdefault(json.dumps(parameters), set()).add((seed, start))
        assert all(cases == tuned_on[0] for cases in by_setting.values())


def test_no_case_is_scored_that_was_tuned_on_and_the_problems_own_start_is_scored(tried):
    tuned_on = {(seed, start) for _, _, seed, start, _ in tried.trials("gd")}
    scored_on = {(seed, start) for _, _, seed, start, _ in tried.scores("gd")}
    assert not tuned_on & scored_on
    assert (0, tuple(tried.x0)) in scored_on
    apart = [np.abs((start - tried.x0) / tried.x0).max() for _, start in tuned_on | scored_on]
    assert sorted(apart)[0] == 0 < sorted(apart)[1] < sorted(apart)[-1] < 0.5


def test_where_steps_are_random_a_case_is_a_seed():
    found = Tried("quadratic:kappa=30", ["gd", "adam"], noise=0.1, seed=5)
    for method in ("gd", "adam"):
        trials, scores = ({row[2:4] for row in rows(method)} for rows in (found.trials, found.scores))
        assert {start for _, start in trials | scores} == {tuple(found.x0)}
        assert len(trials) == len(scores) == 4
        assert not trials & scores
        assert (5, tuple(found.x0)) in scores
    assert tuning_notes(found.tuning)[0].startswith("medians over 4 fresh seeds")


def test_what_a_tuning_spent_is_what_its_trials_did(tried):
    for tuned, method in zip(
        tried.tuning.methods, ("gd", "momentum", "csawg", "scipy:nelder-mead", "polyak"), strict=True
    ):
        ends = [end for *_, end in tried.trials(method)]
        assert tuned.spent == sum(end.evals or end.fevals for end in ends)
        assert tuned.charged == tuned.spent + tuned.median
        costs = [((end.evals or end.fevals) if end.error <= 1e-3 else INF) for *_, end in tried.scores(method)]
        assert sorted(tuned.cost.tolist()) == sorted(costs)
        assert tuned.median == np.median(costs)


@pytest.mark.parametrize("method", ["gd", "momentum", "csawg"])
def test_the_setting_that_is_scored_is_the_best_of_the_trials(tried, method):
    costs, errors = {}, {}
    for _, parameters, *_, end in tried.trials(method):
        key = json.dumps(parameters)
        lost = end.status in ("diverged", "failed")
        costs.setdefault(key, []).append(end.evals if end.error <= 1e-3 and not lost else INF)
        errors.setdefault(key, []).append(INF if lost else end.error)
    best = min(costs, key=lambda key: (np.median(costs[key]), np.median(errors[key])))
    assert [json.dumps(parameters) for _, parameters, *_ in tried.scores(method)] == [best] * 4
    tuned = next(tuned for tuned in tried.tuning.methods if tuned.label == method)
    assert {**json.loads(best), **tuned.setting} == json.loads(best)
    assert catalog.method(method, **json.loads(best)).spec() == tuned.method.spec()


@pytest.mark.parametrize(("method", "n"), [("momentum", 12), ("rdbd", 12), ("csawg", 10), ("sps", 12)])
def test_trials_are_a_latin_hypercube(method, n):
    """Each of n equal strata of each range holds one of n trials."""
    found = Tried("quadratic:kappa=30", [method], trials=n, cases=1, budget=20, tune_budget=10)
    [tuned] = found.tuning.methods
    settings = [parameters for _, parameters, *_ in found.trials(method)]
    assert len(settings) == n
    assert tuned.ranges
    for key, span in tuned.ranges.items():
        own = [setting[key] for setting in settings]
        if span.choices:
            assert sorted(own) == sorted(span.choices * (n // len(span.choices)))
            continue
        ends = (math.log(span.low), math.log(span.high)) if span.log else (span.low, span.high)
        places = [((math.log(v) if span.log else v) - ends[0]) / (ends[1] - ends[0]) for v in own]
        assert sorted(int(place * n) for place in places) == [*range(n)]
        [place] = [place for place, value in zip(places, own, strict=True) if value == tuned.setting[key]]
        assert tuned.places[key] == pytest.approx(place, abs=1e-9)


def test_a_tuning_is_the_same_again_for_a_seed_and_another_for_another():
    def ask(seed):
        found = tune("quadratic:kappa=30", ["momentum", "csawg"], **TUNE | {"seed": seed})
        return [(t.setting, t.spent, t.cost.tolist(), t.interval) for t in found.methods]

    first = ask(3)
    assert ask(3) == first
    assert ask(4) != first


def test_a_methods_trials_do_not_depend_on_the_methods_beside_it():
    alone = tune("quadratic:kappa=30", ["momentum"], **TUNE).methods[0]
    beside = tune("quadratic:kappa=30", ["csawg", "momentum", "adam"], **TUNE).methods[1]
    assert (alone.setting, alone.spent, alone.cost.tolist()) == (beside.setting, beside.spent, beside.cost.tolist())


def test_structural_parameters_are_tuned_too():
    found = Tried("rosenbrock", ["csawg"], trials=10, cases=2, budget=100, tune_budget=100, over=["K=1,4"])
    [tuned] = found.tuning.methods
    assert tuned.ranges["K"].choices == (1, 4)
    assert {parameters["K"] for _, parameters, *_ in found.rows} == {1, 4}
    assert type(tuned.setting["K"]) is int
    spread = tune("rosenbrock", ["csawg"], trials=9, cases=1, budget=20, over=["K=1:9"])
    assert spread.methods[0].setting["K"] in range(1, 10)


def test_a_range_that_is_given_replaces_the_declared_one():
    found = Tried("quadratic:kappa=30", ["gd", "momentum"], over=["lr=0.01:0.05", "p=0.5,0.9"])
    for method in ("gd", "momentum"):
        assert all(0.01 <= parameters["lr"] <= 0.05 for _, parameters, *_ in found.trials(method))
    assert {parameters["p"] for _, parameters, *_ in found.trials("momentum")} == {0.5, 0.9}
    assert [set(tuned.ranges) for tuned in found.tuning.methods] == [{"lr"}, {"p", "lr"}]


def test_methods_are_ranked_by_their_median_cost(tried):
    ranked = tried.tuning.ranked
    assert [tuned.median for tuned in ranked] == sorted(tuned.median for tuned in tried.tuning.methods)
    assert {tuned.label for tuned in ranked} == {"gd", "momentum", "csawg", "scipy:nelder-mead", "polyak"}


def test_without_a_known_minimum_methods_are_tuned_to_the_least_f():
    found = Tried("mccormick", ["gd", "adam"], target=None)
    assert found.tuning.target is None
    for tuned in found.tuning.methods:
        medians = {}
        for _, parameters, *_, end in found.trials(tuned.label):
            medians.setdefault(json.dumps(parameters), []).append(INF if end.status == "diverged" else end.f)
        best = min(medians, key=lambda key: np.median(medians[key]))
        assert json.loads(best)["lr"] == tuned.setting["lr"]
        assert sorted(tuned.left.tolist()) == sorted(end.f for *_, end in found.scores(tuned.label))
        low, high = tuned.interval
        assert low <= np.median(tuned.left) <= high


def test_an_interval_holds_its_median_and_lies_within_the_cases(tried):
    for tuned in tried.tuning.methods:
        low, high = tuned.interval
        costs = np.minimum(tuned.cost, 300)
        assert costs.min() <= low <= np.median(costs) <= high <= costs.max()
    [one] = tune("quadratic:kappa=30", ["gd"], trials=2, cases=1, budget=10).methods
    assert all(math.isnan(end) for end in one.interval)


def warned(problem, methods, **options):
    return " | ".join(tuning_notes(tune(problem, methods, **TUNE | {"tune_budget": None} | options)))


def test_what_is_less_than_fair_is_said_in_words():
    plain = warned("quadratic:kappa=30", ["gd", "gd:lr=0.5"])
    assert plain.startswith("medians over 4 fresh starts, not those tuned on")
    for word in ("edge", "horizon", "unequal", "was told"):
        assert word not in plain
    edge = warned("quadratic:kappa=30", ["gd"], over=["lr=1e-9:1e-4:log"], trials=40)
    assert "gd: its best is at the edge of the range, lr=" in edge
    assert "of 1e-09:0.0001:log: widen it with --over" in edge
    assert "tuned on 200 evaluations and scored on 300: another horizon" in warned(
        "quadratic:kappa=30", ["gd"], tune_budget=200
    )
    assert "different numbers of hyper-parameters: gd 1, momentum 2" in warned("quadratic:kappa=30", ["gd", "momentum"])
    ranges = warned("quadratic:kappa=30", ["rdbd", "hypergradient-mul"])
    assert "unequal ranges of eta: rdbd 1e-08:1:log, hypergradient-mul 1e-05:1:log" in ranges
    assert "polyak was told the minimum f*; the others were not" in warned("quadratic:kappa=30", ["gd", "polyak"])


def test_a_best_value_that_is_the_outermost_of_a_few_trials_is_at_the_edge_or_said_to_be_the_outermost():
    # in this range a larger lr is always better
    found = tune("quadratic:kappa=30", ["gd"], **TUNE | {"over": ["lr=1e-9:1e-4:log"]})
    place = found.methods[0].places["lr"]
    assert place > 1 - 1 / TUNE["trials"]
    said = "its best is at the edge of the range" if place > 0.95 else "no trial lay beyond its best"
    assert any(said in note for note in tuning_notes(found))


def at_places(places, **changes):
    """What is said of adam, tuned with its best at these places of its ranges."""
    found = tune("quadratic:kappa=30", ["adam"], **TUNE)
    tuned = found.methods[0]
    setting = {key: tuned.ranges[key].values([place])[0] for key, place in places.items()}
    moved = dataclasses.replace(tuned, places=places, setting=setting, **changes)
    return " ".join(tuning_notes(dataclasses.replace(found, methods=(moved,))))


@pytest.mark.parametrize(
    ("beta1", "trials", "says"),
    [
        (0.885, 40, None),  # 0.876 of 0:0.99 is near no edge
        (0.885, 8, "no trial lay beyond its best, beta1=0.876 of 0:0.99"),  # the outermost of eight
        (0.98, 40, "at the edge of the range, beta1=0.97 of 0:0.99"),  # it may be larger: up to 1
        (0.01, 40, None),  # it may not be smaller than 0
        (0.5, 8, None),
    ],
)
def test_the_edge_is_named_only_where_it_is(beta1, trials, says):
    notes = at_places({"beta1": beta1, "lr": 0.5}, trials=trials)
    if says is None:
        assert "the edge" not in notes
        assert "beyond its best" not in notes
    else:
        assert says in notes


def test_a_method_that_is_lost_at_every_setting_has_no_best():
    found = tune("quadratic:kappa=30", ["gd", "adam"], **TUNE | {"over": ["lr=1e3:1e4:log", "beta1=0.5:0.6"]})
    lost, kept = found.methods
    assert not lost.found
    assert kept.found
    notes = " ".join(tuning_notes(found))
    assert "gd: none of its" in notes
    assert "gd: its best is" not in notes
    table = tuning_table(found)
    console = Console(width=120)
    with console.capture() as shown:
        console.print(table)
    [row] = [line for line in shown.get().splitlines() if line.strip().startswith("gd ")]
    assert row.split()[1] == "–"


class Logs(Problem):
    """Σ k (w − log w), defined above 0 only, with the minimum 1 + 2 at (1, 1)."""

    x0 = (0.01, 0.01)

    def f(self, w):
        return w[0] - np.log(w[0]) + 2 * (w[1] - np.log(w[1]))


class Bounded(Logs):
    domain = ((0.0, math.inf), (0.0, 0.02))


class Raises(Logs):
    def f(self, w):
        if (w <= 0).any():
            raise ValueError("w must be above 0")
        return super().f(w)


def starts_of(problem, seeds=range(40)):
    return np.array([_case(problem, seed, 1, noisy=False).start for seed in seeds])


@pytest.mark.parametrize("kind", [Logs, Bounded, Raises])
def test_starts_are_drawn_where_f_is_defined(kind):
    starts = starts_of(kind())
    assert (starts > 0).all()
    assert np.unique(starts[:, 0]).size == len(starts)
    assert (starts[:, 1] < 0.02).all() == (kind is Bounded)


def test_starts_that_lie_inside_at_once_are_as_they_were():
    p = stepbench.problem("rosenbrock")
    for seed, start in enumerate(starts_of(p, range(5))):
        noise = np.random.default_rng((seed, 1)).standard_normal(2)
        np.testing.assert_array_equal(start, p.x0 + 0.1 * np.maximum(1, np.abs(p.x0)) * noise)


def test_a_start_outside_the_domain_is_refused():
    with pytest.raises(InputError, match=r"not within the domain of .*, 0 < w1 < inf, 0 < w2 < 0.02"):
        stepbench.run(Bounded(), "gd", start=[1.0, 0.5])
    wrong = type("Wrong", (Logs,), {"domain": ((0.0, 1.0),)})
    with pytest.raises(InputError, match="a pair"):
        stepbench.run(wrong(), "gd")


def test_a_method_with_fewer_trials_is_not_said_to_have_had_as_many():
    notes = warned("quadratic:kappa=30", ["gd", "polyak"])
    assert "as many trials each" not in notes
    assert "polyak" in notes


def test_repetitions_with_other_seeds_share_no_seed():
    seeds = []
    for seed in (5, 6):
        found = Tried("quadratic:kappa=30", ["gd"], noise=0.1, seed=seed)
        seeds.append({row[2] for row in found.rows if row[2] != seed})
    assert len(seeds[0]) == len(seeds[1]) == 7
    assert not seeds[0] & seeds[1]


def test_what_a_spec_states_is_not_tuned_unless_it_is_named():
    found = tune("quadratic:kappa=30", ["adam:lr=0.01", "adam", "adam:beta1=0.5"], **TUNE)
    assert [[*tuned.ranges] for tuned in found.methods] == [["beta1"], ["beta1", "lr"], ["lr"]]
    assert [tuned.method.rule.lr for tuned in found.methods[:1]] == [0.01]
    named = tune("quadratic:kappa=30", ["adam:lr=0.01"], **TUNE | {"over": ["lr=1e-4:1:log"]})
    assert "lr" in named.methods[0].ranges


def test_methods_that_the_cases_do_not_tell_apart_are_named():
    same = warned("quadratic:kappa=30", ["gd", "gradient+constant"])
    assert "gd cannot be told apart, by the sign test over these cases, from gradient+constant (p = 1)" in same
    apart = warned("quadratic:kappa=1000", ["scipy:bfgs", "gd"], budget=3_000, trials=24, cases=8)
    assert "cannot be told apart" not in apart


def test_evaluations_of_f_among_those_of_gradients_are_named():
    notes = warned("quadratic:kappa=30", ["gd", "scipy:nelder-mead"])
    assert "scipy:nelder-mead" in notes
    assert "evaluations of f" in notes


@pytest.mark.parametrize(
    ("methods", "options", "says"),
    [
        (["gd"], {"trials": 0}, "trials must be an integer of at least 1"),
        (["gd"], {"cases": 0}, "cases must be an integer of at least 1"),
        (["gd"], {"budget": 0, "tune_budget": None}, "budget must be"),
        (["gd"], {"budget": 0}, "budget must be"),
        (["gd"], {"budget": -3}, "budget must be"),
        (["gd"], {"tune_budget": 0}, "budget must be"),
        (["gd"], {"tune_budget": -3}, "budget must be"),
        (["gd"], {"seed": -1}, "seed must be"),
        (["gd"], {"target": -1.0}, "target must be"),
        (["gd"], {"noise": -1.0}, "noise must be"),
        (["gd", "scipy:bfgs"], {"noise": 1.0}, "exact values"),
        (["gd"], {"over": ["lrr=1:2"]}, "did you mean lr"),
        (["gd"], {"over": ["problem.kappa=1:2"]}, "none of the methods"),
        (["gd"], {"over": ["lr=2:1"]}, "must go up"),
        (["gd"], {"over": ["lr=0:1"]}, "must be a number in"),
        (["gd"], {"over": ["lr=1:2", "lr=3:4"]}, "twice"),
        (["csawg"], {"over": ["K=1.5:3"]}, "must be an integer"),
        (["gd"], {"over": {"lr": 0.1}}, "lr"),
    ],
)
def test_a_tuning_that_cannot_run_is_refused_before_anything_does(methods, options, says):
    with Study() as study:
        with pytest.raises(InputError, match=says):
            tune("quadratic", methods, study=study, **TUNE | options)
        assert study.store.statuses() == []


def test_a_range_with_a_number_of_values_is_refused_with_what_to_write():
    with pytest.raises(InputError) as refused:
        tune("quadratic", ["gd"], over=["lr=1e-4:1:60:log"])
    assert "1e-4:1:log" in str(refused.value)
    assert "a:b:n" not in str(refused.value)  # that is what was written


def test_values_by_name_are_tried_as_choices():
    found = tune("quadratic:kappa=30", ["gd"], **TUNE | {"over": {"lr": [0.01, 0.03]}})
    assert found.methods[0].ranges["lr"].choices == (0.01, 0.03)
