"""Only what is missing is made: what makes a run the same, and what makes it another."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import catalog
from stepbench.engine import identity
from tests.study.kept import SMALL, bits, outcomes_of
from tests.study.own_files import DEADLY, RULE


def names_of(subset):
    return st.lists(st.sampled_from(subset), min_size=1, max_size=len(subset), unique=True)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(*[st.tuples(names_of([1e-4, 1e-3, 0.01]), names_of([0, 1, 7]), names_of([10.0, 100.0]))] * 2)
def test_a_grid_that_grows_makes_only_what_is_new(one, other):
    def grid(values):
        return dict(zip(("lr", "seed", "problem.kappa"), values, strict=True))

    def cells(values):
        lrs, seeds, kappas = values
        return {(lr, seed, kappa) for lr in lrs for seed in seeds for kappa in kappas}

    with stepbench.Study() as study:
        stepbench.sweep("quadratic", "gd", grid(one), noise=0.1, budget=3, study=study)
        assert (study.made, study.reused) == (len(cells(one)), 0)
        there = outcomes_of(study)
        found = stepbench.sweep("quadratic", "gd", grid(other), noise=0.1, budget=3, study=study)
        new = len(cells(other) - cells(one))
        assert (study.made, study.reused) == (len(cells(one)) + new, len(cells(other)) - new)
        now = outcomes_of(study)
    assert len(now) == len(cells(one) | cells(other))
    assert {key: now[key] for key in there} == there
    alone = stepbench.sweep("quadratic", "gd", grid(other), noise=0.1, budget=3)
    assert bits(found.ends.f) == bits(alone.ends.f)


CHOICES = {
    "problem": ["quadratic", "quadratic:kappa=900", "quadratic:dim=3", "rosenbrock"],
    "method": ["adam", "adam:beta1=0.5", "momentum"],
    "budget": [4, 5],
    "steps": [None, 3],
    "seed": [0, 1, 2**40],
    "target": [1e-6, 0.5],
    "noise": [0.0, 0.1],
    "start": [None, 0.25],
}
CONFIGURATIONS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()})


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(CONFIGURATIONS, st.sets(st.sampled_from([*CHOICES]), max_size=2), st.data())
def test_whatever_differs_makes_another_run(one, changing, data):
    other = one | {name: data.draw(st.sampled_from(CHOICES[name])) for name in changing}

    def ask(study, problem, start, method, **options):
        start = None if start is None else [start] * catalog.problem(problem).x0.size
        stepbench.sweep(problem, method, {"lr": [0.01]}, start=start, study=study, **options)
        return study.made

    with stepbench.Study() as study:
        assert ask(study, **one) == 1
        assert ask(study, **other) == (1 if one == other else 2)
        assert len(outcomes_of(study)) == study.made


def test_hyper_parameters_in_another_order_give_the_same_runs():
    values = {"lr": [1e-3, 1e-2], "beta1": [0.5, 0.75]}
    with stepbench.Study() as study:
        for names in (("lr", "beta1"), ("beta1", "lr")):
            stepbench.sweep("quadratic", "adam", {name: values[name] for name in names}, budget=5, study=study)
        assert (study.made, study.reused) == (4, 4)
        told = [json.loads(run.parameters) for run in outcomes_of(study).values()]
    assert sorted((of["lr"], of["beta1"]) for of in told) == [*itertools.product(*values.values())]


def test_another_version_makes_everything_again(monkeypatch):
    with stepbench.Study("s.db") as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=5, study=study)
        monkeypatch.setattr(identity, "version", lambda: "9.9")
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=5, study=study)
        assert (study.made, study.reused) == (4, 0)
        assert {json.loads(text)["stepbench"] for text in study.store.settings().values()} > {"9.9"}


@pytest.mark.parametrize("kind", ["problem", "rule"])
def test_a_file_is_known_by_what_it_holds_wherever_it_lies(kind):
    first, second = (DEADLY, RULE)[kind == "rule"], (DEADLY, RULE)[kind == "rule"] + "\n# another\n"
    first, second = (text.replace("FACTOR", "0.5").replace("FOLDER", "'.'") for text in (first, second))
    Path("deep").mkdir()

    def made_by(study, file, text):
        Path(file).write_text(text)
        problem, method = (file, "gd") if kind == "problem" else ("quadratic", f"adam+{file}")
        before = study.made
        stepbench.sweep(problem, method, {"lr": [1e-4, 1e-3]}, budget=5, study=study)
        return study.made - before

    with stepbench.Study() as study:
        assert made_by(study, "./mine.py", first) == 2
        assert made_by(study, "./mine.py", second) == 2
        assert made_by(study, "./mine.py", first) == 0
        assert made_by(study, "./deep/mine.py", second) == 0
        assert made_by(study, str(Path("deep/mine.py").absolute()), first) == 0
        assert made_by(study, "./deep/other.py", "\n" + first) == 2


GRID = {"problem.kappa": [10.0, 100.0], "lr": [1e-3, 0.01], "seed": [0, 1], "w1": [0.5, 2.0]}
TOLD = {"budget": 5, "target": 1.0, "noise": 0.0}
ROUTES = {
    "reordered": ("quadratic", "gd", dict(reversed(GRID.items())), {}),
    "as texts": ("quadratic", "gd", ["w1=0.5,2", "seed=0:2", "lr=0.001:0.01:2:log", "problem.kappa=10:100:2"], {}),
    "in part": ("quadratic", "gd", {**GRID, "lr": [0.01], "seed": [1]}, {}),
    "a fixed problem": ("quadratic:kappa=1e2", "gd", {k: GRID[k] for k in ("lr", "seed", "w1")}, {}),
    "a fixed method": ("quadratic", "gd:lr=1e-2", {k: GRID[k] for k in ("problem.kappa", "seed", "w1")}, {}),
    "another name": ("quadratic", "sgd:lr=.01", {k: GRID[k] for k in ("problem.kappa", "seed", "w1")}, {}),
    "a whole spec": ("quadratic", "gradient+constant", GRID, {}),
    "stated defaults": ("quadratic:dim=2,angle=0", "gd", GRID, {"steps": None}),
    "a fixed seed": ("quadratic", "gd", {k: GRID[k] for k in ("problem.kappa", "lr", "w1")}, {"seed": 1}),
    "a fixed start": ("quadratic", "gd", {"seed": [0, 1]}, {"start": [2.0, 2.0], "method": "gd:lr=0.01"}),
    "a start and an axis": ("quadratic", "gd", {k: GRID[k] for k in ("seed", "w1")}, {"start": [9.0, 2.0]}),
    "a start and two values": ("quadratic", "gd", {"lr": [1e-3, 0.01]}, {"start": [2.0, 2.0]}),
    "whole numbers": ("quadratic", "gd", {**GRID, "w1": [2]}, {"noise": 0, "target": 1}),
    "NumPy's numbers": (
        "quadratic",
        "gd",
        {k: np.array(v) for k, v in GRID.items()},
        {"budget": np.int64(5), "target": np.float64(1), "noise": np.float32(0)},
    ),
    "NumPy's seed": ("quadratic", "gd", {k: GRID[k] for k in ("lr", "w1")}, {"seed": np.int64(1)}),
}


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_run_asked_for_in_another_way_is_there(route):
    problem, method, over, options = ROUTES[route]
    method = options.get("method", method)
    if "kappa" not in problem and "problem.kappa" not in over and not isinstance(over, list):
        problem = "quadratic:kappa=10"
    if "lr" not in over and "lr" not in method and not isinstance(over, list):
        method += ":lr=0.001"
    told = {k: v for k, v in (TOLD | options).items() if k != "method"}
    with stepbench.Study() as study:
        stepbench.sweep("quadratic", "gd", GRID, study=study, **TOLD)
        assert study.made == 16
        found = stepbench.sweep(problem, method, over, study=study, **told)
        assert (study.made, study.reused) == (16, found.ends.f.size)
    alone = stepbench.sweep(problem, method, over, **told)
    assert bits(found.ends.point) == bits(alone.ends.point)


@pytest.mark.parametrize(
    ("over", "options"),
    [
        ({"lr": [1e-3]}, {"start": [-1.0, 2.0]}),
        ({"lr": [1e-3], "w1": [-1.0]}, {}),
        ({"lr": [1e-3], "w2": [2.0], "w1": [-1.0]}, {}),
        ({"w1": [-1.0, 3.0]}, {"method": "gd:lr=1e-3"}),
        ({"lr": [1e-3, 1e-2], "w1": [-1.0, 3.0]}, {}),
    ],
)
def test_the_problems_own_start_is_the_same_run_however_it_is_given(over, options):
    with stepbench.Study() as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-3]}, budget=5, study=study)
        method = options.pop("method", "gd") if "method" in options else "gd"
        found = stepbench.sweep("quadratic", method, over, budget=5, study=study, **options)
        assert study.reused == 1
        assert study.made == found.ends.f.size


def test_a_run_that_is_asked_for_twice_at_once_is_made_once():
    with stepbench.Study() as study:
        found = stepbench.sweep("quadratic", ["gd", "sgd", "gd"], {"lr": [1e-3, 0.01]}, budget=5, study=study)
        assert bits(found.ends.f[0]) == bits(found.ends.f[1]) == bits(found.ends.f[2])
        assert len(outcomes_of(study)) == 2
        assert (study.made, study.reused) == (2, 4)


@pytest.mark.parametrize("seed", [2**31, 2**63 - 1, 2**63, 2**64, 2**128])
def test_a_seed_of_any_size_is_kept_or_refused_in_a_line(stepbench_cli, seed):
    code, _, err = stepbench_cli(*SMALL, "--seed", str(seed), "--noise", "0.1", "--study", "s.db")
    if seed < 2**63:
        assert (code, err) == (0, "")
    assert code in (0, 2)
    assert len(err.splitlines()) == (code == 2)
    if code == 0:
        again = stepbench_cli(*SMALL, "--seed", str(seed), "--noise", "0.1", "--study", "s.db")
        assert "0 runs made, 2 were there" in again[1]


def test_a_field_whose_choices_have_capitals_can_be_swept():
    Path("cased.py").write_text(
        DEADLY.replace("bad: int = 0", 'form: Literal["PR", "FR"] = "PR"')
        .replace("import os\n", "import os\nfrom typing import Literal\n")
        .replace("self.bad", "0")
    )
    found = stepbench.sweep("./cased.py", "gd", {"problem.form": ["PR", "FR"], "lr": [0.1, 0.2]}, budget=5)
    assert (found.ends.status == "budget").all()
