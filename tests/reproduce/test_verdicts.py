"""Claims: what agrees with a paper, and how a verdict is reached."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench import InputError
from stepbench.reproduce.bands import Band, above, at_least, at_most, below, between, exactly, near
from stepbench.reproduce.claims import Claim, Number, Run, for_each
from stepbench.reproduce.measures import after, ratio
from stepbench.reproduce.verdicts import NOT, NOT_HERE, PARTLY, REPRODUCED, WORDS, judge
from stepbench.study import Study
from tests.reproduce.claims import GD, IS_ONE, claim, judged

FINITE = st.floats(-1e12, 1e12)


# What agrees


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


# Verdicts


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
    assert verdict.word == NOT  # none of its numbers agrees for every seed
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


def test_words():
    assert len({*WORDS}) == 4


def test_a_number_for_each_case_is_measured_for_its_own():
    numbers = for_each([(1, "one"), (2, "two")], "{} is {}", above(0), lambda runs, n, word: runs[word] * n)
    assert {name: number.measure({"one": 10, "two": 20}) for name, number in numbers.items()} == {
        "1 is one": 10,
        "2 is two": 40,
    }
    assert [*for_each(("a", "b"), "{}: peak", above(0), lambda runs, key: runs[key])] == ["a: peak", "b: peak"]
