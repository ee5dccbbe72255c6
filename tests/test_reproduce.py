"""The papers' claims: how they are judged, what the command tells, and that the verdicts of REPRODUCTION.md stand."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, catalog
from stepbench.reproduce import PAPERS, chosen, paper
from stepbench.reproduce.bands import Band, above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Across, Claim, Curves, Number, Run, for_each
from stepbench.reproduce.measures import after, cost_to, iterations_to, last, rate, ratio
from stepbench.reproduce.verdicts import NOT, NOT_HERE, PARTLY, REPRODUCED, WORDS, judge, results_of
from stepbench.study import Stopped, Study

PROJECT = Path(__file__).parent.parent
CLAIMS = [(name, claim) for name in PAPERS for claim in paper(name).claims]
NAMES = [f"{name}/{claim.name}" for name, claim in CLAIMS]
FINITE = st.floats(-1e12, 1e12)


def judged(claim, seeds=(0, 1, 2), **options):
    with Study() as study:
        return judge(claim, study, seeds, **options)


def claim(runs, **numbers):
    return Claim("any", "Fig. 0", "something", runs, numbers)


GD = {"gd": Run("quadratic", "gd", 10)}
IS_ONE = Number(exactly(1), lambda runs: 1)


# ── what agrees ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(FINITE, FINITE)
def test_a_band_holds_what_it_says(value, x):
    assert (x in exactly(value)) == (x == value)
    assert (x in at_least(value)) == (x >= value)
    assert (x in at_most(value)) == (x <= value)
    assert (x in above(value)) == (x > value)
    assert (x in below(value)) == (x < value)
    assert (x in between(min(value, x), max(value, x))) is True
    assert (x in near(value, 0.1)) == (value - 0.1 * abs(value) <= x <= value + 0.1 * abs(value))


@pytest.mark.parametrize("band", [exactly(0), at_least(-1), at_most(1), above(-1), below(1), near(0, 1), Band("any")])
def test_nan_agrees_with_nothing(band):
    assert math.nan not in band


def test_never_is_in_no_bound_from_above():
    assert math.inf in at_least(1)
    assert math.inf not in at_most(1e300)
    assert math.inf not in near(1e300, 0.5)


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("values", "word"), [((1, 1), REPRODUCED), ((1, 0), PARTLY), ((0, 0), NOT), ((math.nan, math.inf), NOT)]
)
def test_a_verdict_is_of_the_numbers_that_agree(values, word):
    a, b = values
    verdict = judged(claim(GD, a=Number(exactly(1), lambda runs: a), b=Number(exactly(1), lambda runs: b)))
    assert verdict.word == word
    assert verdict.seeds == (0,)  # nothing in it depends on the seed
    assert [verdict.agrees(name) for name in "ab"] == [value == 1 for value in values]


def test_seeds_that_disagree_are_said_to():
    runs = {"noisy": Run("quadratic", "gd", 10, noise=1.0)}
    seen = []

    def measure(runs):
        seen.append(runs["noisy"].seed)
        return runs["noisy"].seed

    verdict = judged(claim(runs, seed=Number(at_most(6), measure)), seeds=(5, 6, 7))
    assert seen == [5, 6, 7]
    assert verdict.word == PARTLY
    assert verdict.detail == "seeds disagree: 2 reproduced, 1 not reproduced"
    assert verdict.measured == {"seed": [5, 6, 7]}
    assert judged(claim(runs, seed=Number(at_most(7), measure)), seeds=(5, 6, 7)).word == REPRODUCED


def test_a_problem_may_be_drawn_by_the_seed():
    runs = {"data": Run("linear-regression:data_seed={seed}", "gd", 5)}
    verdict = judged(claim(runs, f=Number(at_least(0), lambda runs: runs["data"].f[0])), seeds=(3, 4))
    assert verdict.measured["f"] == [
        stepbench.run(f"linear-regression:data_seed={seed}", "gd", budget=1).f[0] for seed in (3, 4)
    ]


def test_what_cannot_run_is_said_and_not_judged(monkeypatch):
    missing = Claim("any", "", "", missing="ImageNet is not in the bench")
    assert judged(missing).word == NOT_HERE
    assert judged(missing).detail == "ImageNet is not in the bench"
    slow = Claim("any", "", "", GD, {"a": IS_ONE}, quick=False)
    assert judged(slow, quick=True).word == NOT_HERE
    assert judged(slow).word == REPRODUCED


@pytest.mark.parametrize("run", [Run("quadratik", "gd"), Run("quadratic", "adam:beta1=2"), Run("quadratic", "gdd")])
def test_a_claim_that_is_declared_wrongly_is_refused(run):
    with pytest.raises(InputError, match=r"quadratik|beta1|gdd"):
        judged(claim({"run": run}, a=IS_ONE))


def test_a_study_that_cannot_be_used_is_no_verdict(tmp_path):
    with Study(tmp_path / "r.db") as study:
        assert judge(claim(GD, a=IS_ONE), study, [0]).word == REPRODUCED
    whole = (tmp_path / "r.db").read_bytes()
    (tmp_path / "r.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"), Study(tmp_path / "r.db") as study:
        judge(claim(GD, a=IS_ONE), study, [0])


def test_runs_that_diverged_are_told_and_nothing_counted_is_nothing_found():
    runs = {"lost": Run("rosenbrock", "gd:lr=1e200", 10), "kept": Run("rosenbrock", "gd", 10)}
    verdict = judged(claim(runs, n=Number(at_least(0), lambda runs: after(runs["lost"], 10))))
    assert verdict.lost == "1 of 2 runs diverged"
    assert verdict.measured["n"] == [math.inf]
    assert math.isnan(ratio(0.0, 0.0))
    assert ratio(1.0, 0.0) == math.inf


def test_data_that_are_not_there_are_the_reason():
    pytest.importorskip("torch")
    verdict = judged(claim({"m": Run("mnist-mlp", "gd", epochs=1)}, a=IS_ONE))
    assert verdict.word == NOT_HERE
    assert "MNIST" in verdict.detail or "torchvision" in verdict.detail


def test_a_run_that_crashes_is_no_verdict(tmp_path):
    (tmp_path / "bad.py").write_text(
        "from stepbench import Problem\n\n\nclass Bad(Problem):\n    x0 = (1.0, 1.0)\n\n    def f(self, x):\n"
        "        if (abs(x) > 1.5).any():\n            raise RuntimeError('gone')\n        return -(x * x).sum(0)\n"
    )
    with pytest.raises(InputError, match="gone"):
        judged(claim({"b": Run("./bad.py", "gd:lr=0.1", 99)}, a=IS_ONE))


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_a_number_for_each_case_is_measured_for_its_own():
    numbers = for_each([(1, "one"), (2, "two")], "{} is {}", above(0), lambda runs, n, word: runs[word] * n)
    assert {name: number.measure({"one": 10, "two": 20}) for name, number in numbers.items()} == {
        "1 is one": 10,
        "2 is two": 40,
    }
    assert [*for_each(("a", "b"), "{}: peak", above(0), lambda runs, key: runs[key])] == ["a: peak", "b: peak"]


# ── the papers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_claims_have_names_of_their_own():
    assert len({*NAMES}) == len(NAMES)
    assert all(re.fullmatch(r"[a-z-]+/[a-z0-9.]+(-[a-z0-9.]+)*", name) for name in NAMES)


@pytest.mark.parametrize(("name", "one"), CLAIMS, ids=NAMES)
def test_a_claim_is_declared_whole(name, one):
    assert one.where
    assert 10 < len(one.says) <= 95
    if one.missing:
        assert not one.runs
        return
    assert one.runs
    assert one.numbers
    assert one.why
    for run in one.runs.values():
        catalog.method(run.method)
        catalog.problem(run.problem.format(seed=1))
    if isinstance(one.picture, Across):
        assert all(isinstance(key, tuple) and len(key) == 2 for key in one.runs)
    if isinstance(one.picture, Curves):
        assert {*one.picture.only} <= {*one.runs}


def test_every_band_can_be_missed():
    for _, one in CLAIMS:
        for number in one.numbers.values():
            assert math.isfinite(number.paper.low) or math.isfinite(number.paper.high), one.name


FETCHED = [
    (name, one)
    for name, one in CLAIMS
    if any(run.problem.startswith(("mnist", "cifar10-cnn")) for run in one.runs.values())
]


@pytest.mark.parametrize(("name", "one"), FETCHED, ids=[f"{name}/{one.name}" for name, one in FETCHED])
def test_claims_on_images_that_are_fetched_can_be_measured(name, one, data):
    def small(run):  # a few steps of a tiny network on a few images
        problem = re.sub(r"width=\d+", "width=4", run.problem)
        problem = re.sub(r"(samples|batch)=\d+", r"\1=30", problem)
        method = re.sub(r"N=\d+", "N=1,iterations=1", run.method)
        return replace(run, problem=problem, method=method, epochs=None, steps=3, budget=300)

    verdict = judged(replace(one, runs={key: small(run) for key, run in one.runs.items()}), seeds=(0,))
    assert verdict.word != NOT_HERE, verdict.detail
    assert verdict.measured.keys() == one.numbers.keys()


def recorded():
    """The verdicts of REPRODUCTION.md; None where its seeds disagree, as another machine's may not."""
    text = (PROJECT / "REPRODUCTION.md").read_text("utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    found = (re.match(r"(\S+): (.*)", section).groups() for section in sections)
    return {
        name: None if "seeds disagree" in section else word
        for (name, word), section in zip(found, sections, strict=True)
    }


def test_reproduction_md_has_every_claim():
    assert [*recorded()] == NAMES


def test_what_is_not_run_lacks_data_or_a_problem_and_nothing_else():
    missing = {f"{name}/{one.name}" for name, one in CLAIMS if one.missing}
    fetched = {
        f"{name}/{one.name}"
        for name, one in CLAIMS
        if any(run.problem.startswith(("mnist", "cifar10")) for run in one.runs.values())
    }
    assert {name for name, word in recorded().items() if word == NOT_HERE} == missing | fetched


@pytest.mark.parametrize("name", PAPERS)
def test_the_quick_verdicts_of_reproduction_md_stand(name, tmp_path):
    pytest.importorskip("torch")
    expected = recorded()
    with Study(tmp_path / "r.db") as study:
        for one in paper(name).claims:
            if one.quick and not one.missing:
                verdict = judge(one, study, range(3))
                if expected[f"{name}/{one.name}"] and not verdict.detail:
                    assert verdict.word == expected[f"{name}/{one.name}"], (one.name, verdict.measured)


# ── a missing line is found ──────────────────────────────────────────────────────────────────────────────────────────

MUTATIONS = {
    "csawg/figure-7-zero": ("methods/csawg.py", "g_s * (w_s - w_sK)", "g_s * (w_s - w_s)"),
    "rdbd/lemma-4.3-part-2": ("stepsizes/rdbd.py", "where(h * s.h < 0, self.eta * s.h, 0.0)", "0.0 * h"),
    "tlr/newton-step": ("stepsizes/tlr.py", "minimum(1 + gamma * ratio(c, maximum(curvature, 0.0)), 100.0)", "1.0"),
    "adaloss/corollary-1-linear-from-any-b0": ("stepsizes/adaloss.py", "b = s.b + self.a * abs(f - self.c)", "b = s.b"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_without_its_key_line_a_method_is_not_reproduced(name, tmp_path):
    file, line, without = MUTATIONS[name]
    for folder in ("stepbench", "problems"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    source = (tmp_path / "stepbench" / file).read_text("utf-8")
    assert source.count(line) == 1
    (tmp_path / "stepbench" / file).write_text(source.replace(line, without), "utf-8")
    command = [sys.executable, "-m", "stepbench", "reproduce", name, "--json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    assert found["verdict"] == NOT
    assert recorded()[name] == REPRODUCED


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_lists_papers_and_claims(stepbench_cli):
    code, out, _ = stepbench_cli("reproduce")
    assert code == 0
    assert all(name in out for name in NAMES)


def test_the_command_judges_and_writes(stepbench_cli, tmp_path):
    asked = ("reproduce", "csawg/figure-7-zero", "csawg/conclusion-coordinate-descent", "--figures", "figures")
    code, out, _ = stepbench_cli(*asked, "--report", "r.md")
    assert code == 0
    assert "reproduced" in out
    assert "465" in out
    assert "not run here" in out
    assert "1 reproduced, 1 not run here" in out
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["csawg-figure-7-zero.png"]
    text = (tmp_path / "r.md").read_text("utf-8")
    assert "### csawg/figure-7-zero: reproduced" in text
    assert "](figures/csawg-figure-7-zero.png)" in text
    assert "stepbench run rosenbrock --method csawg-p5:lr=0.001,K=10 --budget 2000" in text
    code, out, _ = stepbench_cli(*asked, "--report", "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "data:image/png;base64," in page
    assert "http" not in re.sub(r"http://www\.w3\.org\S*", "", page)
    code, out, _ = stepbench_cli("reproduce", "csawg/figure-7-zero", "--json")
    [found] = json.loads(out)
    assert found["numbers"]["K=10: gradient evaluations"] == {"paper": "465", "measured": [465.0], "agrees": 1}


def test_the_commands_of_a_claim_make_its_runs(stepbench_cli):
    one = next(claim for name, claim in CLAIMS if claim.name == "figure-7-zero")
    with Study() as study:
        [results] = results_of(one.runs, study, [0])
    for key, run in one.runs.items():
        _, out, _ = stepbench_cli(*run.command(0).split()[1:], "--json")
        found = json.loads(out)
        assert found["gradient_evaluations"] == results[key].evals[-1]
        assert found["w"] == results[key].x[-1].tolist()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["cswag"], "no paper cswag (did you mean csawg?); there are csawg"),
        (["csawg/figure-7-zeros"], "csawg has no claim figure-7-zeros (did you mean figure-7-zero"),
        (["csawg", "--report", "r.pdf"], "--report r.pdf must end in .md or .html"),
        (["csawg", "--report", "no/r.md"], "no/r.md cannot be written"),
        (["csawg", "--seeds", "0"], "--seeds"),
        (["csawg", "--study", "no/r.db"], "there is no folder no"),
    ],
)
def test_what_cannot_be_asked_is_one_line(stepbench_cli, tmp_path, args, says):
    code, _, err = stepbench_cli("reproduce", *args)
    assert code == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert not [*tmp_path.iterdir()]


def test_chosen_claims_come_once_and_in_order():
    [(found, claims)] = chosen(["csawg/figure-8-peaks", "csawg"])
    assert found.name == "csawg"
    assert len(claims) == len(found.claims)
    assert claims[0].name == "figure-8-peaks"
    with pytest.raises(InputError, match="no paper"):
        chosen(["csawg", "nothing"])
    assert [found.name for found, _ in chosen(["all", "csawg"])] == [*PAPERS]


def test_words():
    assert len({*WORDS}) == 4
