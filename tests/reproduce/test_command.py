"""``stepbench reproduce``: what it lists, judges and writes."""

import json
import re

import pytest

from stepbench import InputError
from stepbench.reproduce import PAPERS, chosen
from stepbench.reproduce.verdicts import results_of
from stepbench.study import Study
from tests.reproduce.claims import CLAIMS, NAMES


def test_the_command_lists_papers_and_claims(stepbench_cli):
    code, out, _ = stepbench_cli("reproduce")
    assert code == 0
    assert all(name in out for name in NAMES)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_name_and_no_word_of_a_claim_is_cut(stepbench_cli, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out = stepbench_cli("reproduce")[1]
    assert not re.search(r"\S…", out)  # one claim has the sign between two numbers
    assert {*NAMES} <= {line.split()[0] for line in out.splitlines() if line.strip()}
    out = stepbench_cli("reproduce", "csawg/figure-3a-rates", "csawg/figure-4-peak", "--seeds", "1")[1]
    assert "…" not in out
    assert {"gradient", "descent,", "per", "step", "K=1000:", "iteration", "5000"} <= {*out.split()}  # of two names


def test_the_command_judges_and_writes(stepbench_cli, tmp_path):
    asked = ("reproduce", "csawg/figure-7-zero", "adaloss/table-1-vision-transformer", "--figures", "figures")
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
