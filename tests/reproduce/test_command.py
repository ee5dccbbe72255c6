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


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_name_and_no_word_of_a_claim_is_cut(stepbench_cli, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    out = stepbench_cli("reproduce")[1]
    assert not re.search(r"\S…", out)  # one claim has the sign between two numbers
    assert {*NAMES} <= {line.split()[0] for line in out.splitlines() if line.strip()}
    out = stepbench_cli("reproduce", "csawg/figure-3a-rates", "csawg/figure-4-peak", "--seeds", "1")[1]
    assert "…" not in out
    assert {"gradient", "descent,", "per", "step", "K=1000:", "iteration", "5000"} <= {*out.split()}  # of two names


ASKED = ("reproduce", "csawg/figure-7-zero", "csawg/figure-5-order")


def test_the_command_judges_and_prints(stepbench_cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = stepbench_cli(*ASKED)
    assert code == 0
    assert "Reproduced in the paper's own setting: all 4 numbers agree." in out
    assert "Partly reproduced in the paper's own setting: 3 of 4 numbers agree." in out
    assert [line.split() for line in out.splitlines() if "measured" in line] == [["number", "paper", "measured"]] * 2
    assert re.search(r"✓  K=10: gradient evaluations +465 +465", out)
    assert max(map(len, out.splitlines())) <= 80
    code, out, _ = stepbench_cli("reproduce", "csawg/figure-7-zero", "--json")
    [found] = json.loads(out)
    assert found["numbers"]["K=10: gradient evaluations"] == {"paper": "465", "measured": [465.0], "agrees": 1}
    assert "stepbench run rosenbrock --method csawg-p5:lr=0.001,K=10 --budget 2000" in found["commands"]


@pytest.mark.slow
def test_the_report_is_a_folder_of_pages_or_one_html_file(stepbench_cli, tmp_path):
    assert stepbench_cli(*ASKED, "--report", "pages/of/mine")[0] == 0
    folder = tmp_path / "pages" / "of" / "mine"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "README.md",
        "csawg.md",
        "verdicts.json",
        "figures/csawg-figure-5-order.png",
        "figures/csawg-figure-7-zero.png",
    }
    page = (folder / "csawg.md").read_text("utf-8")
    assert "](figures/csawg-figure-7-zero.png)" in page
    assert "`stepbench reproduce csawg/figure-7-zero`" in page
    assert "| 1 | 1 | – | – |" in (folder / "README.md").read_text("utf-8")
    assert stepbench_cli(*ASKED, "--report", "r.html")[0] == 0
    html = (tmp_path / "r.html").read_text("utf-8")
    assert html.count("data:image/png;base64,") == 2
    assert "http" not in re.sub(r"http://www\.w3\.org\S*", "", html)


@pytest.mark.slow
def test_a_claim_that_is_judged_anew_leaves_the_others_of_a_report(stepbench_cli, tmp_path):
    assert stepbench_cli("reproduce", "csawg/figure-7-zero", "--report", "pages")[0] == 0
    first = json.loads((tmp_path / "pages" / "verdicts.json").read_text("utf-8"))
    assert stepbench_cli("reproduce", "csawg/figure-5-order", "rdbd/theorem-1.1", "--report", "pages")[0] == 0
    entries = json.loads((tmp_path / "pages" / "verdicts.json").read_text("utf-8"))
    assert [entry["claim"] for entry in entries] == ["csawg/figure-5-order", "csawg/figure-7-zero", "rdbd/theorem-1.1"]
    assert entries[1] == first[0]
    page = (tmp_path / "pages" / "csawg.md").read_text("utf-8")
    assert page.count("**Reproduced**") == page.count("**Partly reproduced**") == 1
    assert page.count("![") == 2


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
        (["csawg", "--report", "r.md"], "--report r.md must be a folder, or end in .html"),
        (["csawg", "--report", "no/r.html"], "no/r.html cannot be written"),
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


def test_a_report_overwrites_nothing_that_is_not_its_own(stepbench_cli, tmp_path):
    (tmp_path / "README.md").write_text("mine", "utf-8")
    code, _, err = stepbench_cli("reproduce", "csawg", "--report", ".")
    assert code == 2
    assert "README.md that is of no report" in err
    assert (tmp_path / "README.md").read_text("utf-8") == "mine"
    (tmp_path / "verdicts.json").write_text('[{"claim": "csawg/figure-7-zero"}]', "utf-8")
    code, _, err = stepbench_cli("reproduce", "csawg", "--report", ".")
    assert code == 2
    assert "verdicts.json is not a report's record" in err


def test_chosen_claims_come_once_and_in_order():
    [(found, claims)] = chosen(["csawg/figure-8-peaks", "csawg"])
    assert found.name == "csawg"
    assert len(claims) == len(found.claims)
    assert claims[0].name == "figure-8-peaks"
    with pytest.raises(InputError, match="no paper"):
        chosen(["csawg", "nothing"])
    assert [found.name for found, _ in chosen(["all", "csawg"])] == [*PAPERS]
