"""``stepbench rate``, and ``--guarantee`` of ``run`` and ``compare``."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import stepbench
from stepbench.guarantees import Beside, worst_case
from stepbench.report.curves import draw_errors
from tests.cli.commands import strict

BESIDE = ("quadratic:kappa=10", "--steps", "4", "--guarantee", "3")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["rate", "gd", "--mu", "2", "--L", "1"], "mu=2 and L=1 must be numbers with 0 ≤ mu < L"),
        (["rate", "gd", "--mu", "1", "--L", "1"], "0 ≤ mu < L"),
        (["rate", "gd", "--mu", "-1"], "0 ≤ mu < L"),
        (["rate", "gd", "--L", "nan"], "0 ≤ mu < L"),
        (["rate", "gd", "--L", "inf"], "0 ≤ mu < L"),
        (["rate", "gd", "--steps", "0"], "steps=0 must be an integer in [1, 100]"),
        (["rate", "gd", "--steps", "101"], "steps=101 must be an integer in [1, 100]"),
        (["rate", "gd", "--criterion", "g"], "criterion=g must be one of f, distance, gradient"),
        (["rate", "gdd"], "no method gdd"),
        (["rate"], "METHOD"),
        (["run", "rosenbrock", "--guarantee", "3"], "rosenbrock does not declare μ < L and its minimiser"),
        (["run", "quadratic:kappa=1", "--guarantee", "3"], "does not declare μ < L"),
        (["run", "quadratic", "--guarantee", "0"], "guarantee=0 must be an integer in [1, 100]"),
        (["run", "quadratic", "--noise", "1", "--guarantee", "3"], "leave out noise"),
        (["compare", "learning/tracking", "gd", "--guarantee", "3"], "guarantee"),
    ],
)
def test_bad_input_gets_one_line(stepbench_cli, args, says):
    code, out, err = stepbench_cli(*args)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert says.lower() in err.lower()


@pytest.mark.parametrize("args", [("rate", "gd"), ("run", *BESIDE), ("compare", BESIDE[0], "gd", *BESIDE[1:])])
def test_without_pepit_one_line_says_what_to_install(stepbench_cli, monkeypatch, args):
    monkeypatch.setattr(worst_case, "find_spec", lambda name: None)
    code, out, err = stepbench_cli(*args)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert 'pip install "stepbench[theory]"' in err


def test_rate_prints_a_row_per_number_of_steps(stepbench_cli):
    pytest.importorskip("PEPit")
    code, out, err = stepbench_cli("rate", "gd:lr=0.1", "--L", "10", "--steps", "2")
    assert (code, err) == (0, "")
    rows = [line.split()[:4] for line in out.splitlines() if line.strip()[:1] in ("1", "2")]
    assert rows == [["1", "1.66667", "=", "1.66667"], ["2", "1", "=", "1"]]
    assert "Drori & Teboulle" in out


def test_rate_in_json(stepbench_cli):
    pytest.importorskip("PEPit")
    _, out, _ = stepbench_cli("rate", "silver", "--steps", "2", "--json")
    found = strict(out)
    assert (found["method"], found["mu"], found["L"], found["criterion"]) == ("silver", 0, 1, "f")
    assert found["rows"][0]["closed_form"]["value"] == pytest.approx(1 / (1 + math.sqrt(4 * (3 + 8**0.5) - 3)))
    assert found["rows"][1]["closed_form"] is None


def test_a_run_beside_its_guarantee(stepbench_cli):
    pytest.importorskip("PEPit")
    code, out, err = stepbench_cli("run", *BESIDE, "--method", "gd", "--lr", "0.1", "--plot", "a.png")
    assert (code, err) == (0, "")
    assert "gd:lr=0.1 beside its guarantee" in out
    assert Path("a.png").exists()
    _, out, _ = stepbench_cli("run", *BESIDE, "--method", "gd", "--lr", "0.1", "--json")
    told = strict(out)["guarantee"]
    assert [row["steps"] for row in told] == [1, 2, 3]
    assert all(row["error"] < row["worst"] for row in told)


@pytest.mark.slow
def test_a_comparison_says_who_has_none(stepbench_cli):
    pytest.importorskip("PEPit")
    args = ("compare", BESIDE[0], "gd:lr=0.1", "adam", "silver", *BESIDE[1:])
    code, out, err = stepbench_cli(*args, "--plot", "a.svg", "--table", "a.csv")
    assert (code, err) == (0, "")
    written = [line.split(",") for line in Path("a.csv").read_text(encoding="utf-8").splitlines()]
    assert [row[:2] for row in written[-6:]] == [[m, str(n)] for m in ("gd:lr=0.1", "silver") for n in (1, 2, 3)]
    assert all(0 < float(row[2]) < float(row[3]) for row in written[-6:])
    assert "adam has no guarantee of this kind" in out
    assert Path("a.svg").exists()
    assert "beside their guarantees" in out
    _, out, _ = stepbench_cli(*args, "--json")
    assert [run["guarantee"] is None for run in json.loads(out)] == [False, True, False]


def test_a_run_without_guarantees_says_nothing_of_them(stepbench_cli):
    _, out, _ = stepbench_cli("run", "quadratic", "--budget", "3", "--json")
    assert "guarantee" not in strict(out)


def test_the_guarantee_is_drawn_where_it_holds_in_its_runs_colour():
    """In a long run the axis is stretched at its beginning, and it makes room for a guarantee above the curves."""
    results = [stepbench.run("quadratic:kappa=10", method, steps=200) for method in ("gd:lr=0.01", "gd:lr=0.1")]
    told = Beside(results[1], np.arange(1, 4), np.arange(1, 4), results[1].error[1:4], np.array([30.0, 20.0, 10.0]), "")
    ax = Figure().subplots()
    lines = draw_errors(ax, results, [told])
    [drawn] = [line for line in ax.lines if "guarantee" in line.get_label()]
    assert drawn.get_label().startswith("gd:lr=0.1: ")
    assert drawn.get_color() == lines[1][0].get_color()
    assert drawn.get_xydata().tolist() == [[1, 30], [2, 20], [3, 10]]
    assert ax.get_ylim()[1] > 30
    assert ax.get_xscale() == "symlog"
