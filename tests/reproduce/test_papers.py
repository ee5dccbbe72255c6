"""The papers' claims: each is declared whole, and the verdicts of docs/reproduction stand."""

import math
import re
from dataclasses import replace

import pytest

from stepbench import catalog
from stepbench.reproduce import PAPERS, paper, record
from stepbench.reproduce.claims import Across, Curves, Trace
from stepbench.reproduce.verdicts import NOT_HERE, judge
from stepbench.study import Study
from tests.every_method import sampled
from tests.reproduce.claims import CLAIMS, NAMES, REPORT, judged, recorded


def test_claims_have_names_of_their_own():
    assert len({*NAMES}) == len(NAMES)
    assert all(re.fullmatch(r"[a-z-]+/[a-z0-9.]+(-[a-z0-9.]+)*", name) for name in NAMES)


@pytest.mark.one_in(2)
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
    for picture in one.pictures:
        match picture:
            case Across():
                assert all(isinstance(key, tuple) and len(key) == 2 for key in one.runs)
            case Curves():
                assert {*picture.only} <= {*one.runs}
            case Trace():
                assert picture.of in one.runs


def test_headlines_have_numbers_of_their_claims_and_errata_have_claims():
    for name in PAPERS:
        one = paper(name)
        claims = {claim.name: claim for claim in one.claims}
        assert bool(one.headlines) == (name != "reviewed")
        for headline in one.headlines:
            assert {*re.findall(r"\{(.+?)\}", headline.says)} <= {*claims[headline.claim].numbers}
        assert {erratum.claim for erratum in one.errata} <= {*claims}


def test_every_band_can_be_missed():
    for _, one in CLAIMS:
        for number in one.numbers.values():
            assert math.isfinite(number.paper.low) or math.isfinite(number.paper.high), one.name


FETCHED = [
    (name, one)
    for name, one in CLAIMS
    if any(run.problem.startswith(("mnist", "cifar10-cnn")) for run in one.runs.values())
]


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("name", "one"), sampled(FETCHED, 6), ids=[f"{name}/{one.name}" for name, one in FETCHED])
def test_claims_on_images_that_are_fetched_can_be_measured(name, one, data):
    def small(run):  # a few steps of a tiny network on a few images
        problem = re.sub(r"width=\d+", "width=4", run.problem)
        problem = re.sub(r"(samples|batch)=\d+", r"\1=30", problem)
        method = re.sub(r"N=\d+", "N=1,iterations=1", run.method)
        return replace(run, problem=problem, method=method, epochs=None, steps=3, budget=300)

    verdict = judged(replace(one, runs={key: small(run) for key, run in one.runs.items()}), seeds=(0,))
    assert verdict.word != NOT_HERE, verdict.detail
    assert verdict.measured.keys() == one.numbers.keys()


def test_the_report_has_every_claim_as_it_is_declared_now():
    entries = record.read(REPORT)
    assert [*entries] == NAMES
    changed = [
        name
        for name, (_, one) in zip(NAMES, CLAIMS, strict=True)
        if entries[name]["declared"] != record.declaration(one)
    ]
    assert changed == []


def test_the_report_shows_every_picture_that_lies_there_and_no_other():
    shown = [
        link for page in REPORT.glob("*.md") for link in re.findall(r"\]\((figures/\S+)\)", page.read_text("utf-8"))
    ]
    assert sorted(shown) == sorted(f"figures/{path.name}" for path in (REPORT / "figures").iterdir())
    assert sum(path.stat().st_size for path in REPORT.rglob("*.png")) < 3e6


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", PAPERS)
def test_the_quick_verdicts_of_the_report_stand(name, tmp_path):
    pytest.importorskip("torch")
    expected = recorded()
    with Study(tmp_path / "r.db") as study:
        for one in paper(name).claims:
            if one.quick and not one.missing:
                verdict = judge(one, study, range(3))
                if expected[f"{name}/{one.name}"] and not verdict.detail:
                    assert verdict.word == expected[f"{name}/{one.name}"], (one.name, verdict.measured)
