"""``stepbench run`` and ``stepbench compare``: options, tables, JSON, CSV and pictures."""

import csv
import io
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench.autopsy import quick


def test_the_main_job(stepbench_cli):
    code, out, err = stepbench_cli("run", "rosenbrock", "--method", "csawg", "--K", "2", "--plot", "csawg.png")
    assert (code, err) == (0, "")
    r = stepbench.run("rosenbrock", "csawg:K=2")
    assert f"{r.steps:,}" in out
    assert f"{r.evals[r.first_at(1e-6)]:,}" in out
    assert "drawn to csawg.png" in out
    assert Path("csawg.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_options_set_hyper_parameters(stepbench_cli):
    args = ("run", "quadratic", "-m", "adam+l4", "--beta1", "0.5", "--adam.eps", "1e-3", "--tau", "9", "--steps", "5")
    code, out, _ = stepbench_cli(*args, "--json")
    assert code == 0
    method = stepbench.method(json.loads(out)["method"])
    assert (method.direction.beta1, method.direction.eps, method.rule.tau) == (0.5, 1e-3, 9)
    code, out, _ = stepbench_cli("run", "quadratic", "-m", "amsgrad", "--bias", "--steps", "5", "--json")
    assert stepbench.method(json.loads(out)["method"]).direction.bias is True
    code, out, _ = stepbench_cli(
        "run", "rosenbrock", "--method=rdbd:eta=0", "--lr", "1e-4", "--start", "-1,0.5", "--json"
    )
    told = json.loads(out)
    assert told["w"] == stepbench.run("rosenbrock", "gd:lr=1e-4", start=[-1, 0.5]).x[-1].tolist()


def test_json_and_csv_are_clean(stepbench_cli):
    code, out, err = stepbench_cli(
        "compare", "quadratic", "gd", "gd:lr=1", "csawg:lr=9e-4", "--budget", "200", "--json"
    )
    assert (code, err) == (0, "")
    gd, gone, _ = json.loads(out)
    assert gd["status"] == "budget"
    assert gone["status"] == "diverged"
    r = stepbench.run("quadratic", "gd", budget=200)
    assert gd["error"] == r.error[-1]
    assert gd["error_first_at_most"]["1e1"]["iteration"] == r.first_at(10.0)

    code, out, err = stepbench_cli("run", "quadratic", "--method", "adam", "--budget", "20", "--csv", "-")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    r = stepbench.run("quadratic", "adam", budget=20)
    assert np.array_equal([float(row["w_2"]) for row in rows], r.x[:, 1])
    assert np.array_equal([float(row["error"]) for row in rows], r.error)
    assert rows[0]["step_size_1"] == ""
    stepbench_cli("compare", "quadratic", "gd", "scipy:bfgs", "--budget", "20", "--csv", "all.csv")
    methods = {row["method"] for row in csv.DictReader(Path("all.csv").read_text().splitlines())}
    assert methods == {"gd", "scipy:bfgs"}


def test_a_comparison_marks_the_least_of_each_column_and_tells_what_a_table_hides(stepbench_cli):
    methods = ("gd:lr=0.001", "csawg:K=2,lr=0.001", "csawg-p5:K=10", "polyak", "scipy:nelder-mead", "gd:lr=0.1")
    code, out, _ = stepbench_cli("compare", "rosenbrock", *methods)
    assert code == 0
    best = next(line for line in out.splitlines() if "csawg-p5" in line)
    assert "465 (80)" in best
    assert "0*" in best
    assert "gd:lr=0.1 diverged: the gradient not finite at step 4, step size 0.1" in out
    assert "polyak was told the minimum f*; the others were not" in out
    assert "f: function evaluations" in out
    simplex = next(line for line in out.splitlines() if "nelder-mead" in line)
    assert "f (" in simplex


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
def test_a_table_fits_the_terminal(stepbench_cli, monkeypatch, width):
    for args in (("run", "rosenbrock"), ("compare", "rosenbrock", "gd", "csawg:K=2", "csawg-p5:K=10", "scipy:bfgs")):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, _ = stepbench_cli(*args)
        assert code == 0
        assert max(map(len, out.splitlines())) <= width
        assert "…" not in out or width < 60


def test_divergence_is_a_result(stepbench_cli):
    code, out, err = stepbench_cli("run", "quadratic", "--lr", "1", "--plot", "gone.svg")
    assert (code, err) == (0, "")
    assert "quadratic · gd:lr=1" in out
    assert "diverged: f not finite at step 51, step size 1" in out
    assert "<svg" in Path("gone.svg").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "method", "ending"),
    [
        ("rosenbrock", "gd:lr=9", "svg"),
        ("rosenbrock:dim=5", "rdbd:per=component", "png"),
        ("linear-regression:batch=10", "csawg:lr=1e-4", "pdf"),
        ("quadratic:angle=45", "idbd", "png"),
    ],
)
def test_every_kind_of_picture_is_drawn(stepbench_cli, problem, method, ending):
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    methods = ("gd:lr=1e-4", "csawg:lr=1e-4", "idbd", "gd:lr=9", "rdbd:per=component")
    for command in (("compare", problem, *methods), ("run", problem, "-m", method)):
        assert stepbench_cli(*command, "--budget", "90", "--plot", f"{command[0]}.{ending}")[0] == 0
        assert Path(f"{command[0]}.{ending}").read_bytes().startswith(magic)


def test_a_method_can_be_compared_with_itself(stepbench_cli):
    assert stepbench_cli("compare", "rosenbrock", "gd", "gd", "--budget", "9", "--plot", "twins.png")[0] == 0


def test_a_far_start_is_drawn(stepbench_cli):
    args = ("run", "quadratic", "--start", "1e100,1", "--plot", "far.png", "--budget", "10")
    assert stepbench_cli(*args)[0] == 0


def suggestions(out):
    return [line for line in out.splitlines() if line.startswith("try: ")]


def test_a_lost_run_ends_with_a_setting_that_a_quick_trial_found(stepbench_cli, monkeypatch):
    """The command is given again as it is printed, and gives the very number."""
    monkeypatch.setattr(quick, "PATIENCE", 60.0)
    terms = ("--start", "-1.2,1", "--seed", "3", "--noise", "0.001", "--grad-target", "1e-9")
    code, out, err = stepbench_cli("run", "rosenbrock:b=50", "-m", "rdbd", "--lr", "0.1", *terms)
    assert (code, err) == (0, "")
    assert "diverged: " in out
    [line] = suggestions(out)
    assert line.endswith(
        "after 10,000 evaluations, the best in a quick trial of 89 settings, which is not counted above)"
    )
    command, told = line.removeprefix("try: ").split("  (")
    name, *args = shlex.split(command)
    assert name == "stepbench"
    code, out, _ = stepbench_cli(*args, "--json")
    again = json.loads(out)
    assert (again["problem"].split(",")[:2], again["start"]) == (["rosenbrock:a=1", "b=50"], [-1.2, 1.0])
    assert (again["seed"], again["noise"], again["status"]) == (3, 0.001, "budget")
    assert float(told.split()[1]) == pytest.approx(again["error"], rel=5e-3)


def test_nothing_is_suggested_in_json_and_csv_nor_of_a_run_that_was_not_lost(stepbench_cli):
    for args in (("--json",), ("--csv", "-")):
        code, out, err = stepbench_cli("run", "rosenbrock", "-m", "rdbd", *args)
        assert (code, err) == (0, "")
        assert "try: " not in out
    assert not suggestions(stepbench_cli("run", "rosenbrock", "--steps", "5")[1])


def test_where_no_setting_helps_a_lost_run_ends_with_how_many_were_tried(stepbench_cli):
    terms = ("--start", "1e-9,0", "--noise", "1.0")
    code, out, _ = stepbench_cli("run", "quadratic", "-m", "gd", "--lr", "1", *terms)
    assert code == 0
    assert out.splitlines()[-1] == (
        "none of the 20 settings of a quick trial ends lower than the start; what happened: "
        "stepbench explain quadratic --method gd:lr=1 --noise=1 --start=1.0000000000000001e-09,0"
    )


def test_a_comparison_suggests_a_setting_for_every_method_that_was_lost(stepbench_cli):
    code, out, _ = stepbench_cli("compare", "rosenbrock", "rdbd", "gd", "adaloss", "lossgrad", "--budget", "300")
    assert code == 0
    rdbd, adaloss, lossgrad = suggestions(out)
    assert rdbd.startswith("try: stepbench run rosenbrock --method rdbd:")
    assert adaloss.startswith("try: stepbench run rosenbrock --method adaloss:b0=")
    assert lossgrad.startswith("try: stepbench run rosenbrock --method lossgrad:")
    assert all("--budget=300" in line and "after 300 evaluations" in line for line in suggestions(out))
