"""``stepbench study``: show, export, merge and remove."""

import csv
import io
import re
import shlex
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import catalog
from stepbench.engine import identity
from stepbench.report.records import write_rows_as_parquet
from stepbench.study import store as store_module
from stepbench.study.sweep import sweep
from tests.cli.commands import MAP, PROFILE, RATES, SWEEP, TUNE, exported
from tests.study.kept import give_other_numbers


def test_a_study_is_shown_by_method_budget_and_how_runs_ended(stepbench_cli):
    stepbench_cli(*SWEEP)
    stepbench_cli("sweep", "rosenbrock", "-m", "gd", "--over", "lr=1e-4,1e-3,1e-2", "--budget", "50")
    code, out, err = stepbench_cli("study", "show")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines() if line.startswith((" gd", " momentum"))]
    here = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], [RATES], budget=1000)
    there = sweep("rosenbrock", "gd", ["lr=1e-4,1e-3,1e-2"], budget=50)
    expected = {
        (name, problem, budget): [str((status == word).sum()) for word in ("converged", "budget", "diverged", "failed")]
        for name, problem, budget, status in (
            ("gd", "quadratic", "1,000", here.ends.status[0]),
            ("momentum", "quadratic", "1,000", here.ends.status[1]),
            ("gd", "rosenbrock", "50", there.ends.status[0]),
        )
    }
    assert {tuple(row[:3]): row[4:8] for row in rows} == expected
    assert {row[3] for row in rows} == {"7", "3"}
    assert {row[8] for row in rows} == {identity.version()}


def test_the_solvers_of_scipy_are_told_apart(stepbench_cli):
    args = ("sweep", "quadratic", "-m", "scipy:bfgs", "-m", "scipy:nelder-mead", "--over", "w1=0,1", "--budget", "90")
    stepbench_cli(*args)
    out = stepbench_cli("study", "show")[1]
    assert "bfgs" in out
    assert "nelder-mead" in out


def test_show_with_a_status_lists_each_run_that_ended_so_and_why(stepbench_cli):
    stepbench_cli(*SWEEP)
    code, out, err = stepbench_cli("study", "show", "--status", "diverged")
    assert (code, err) == (0, "")
    diverged = [row for row in exported(stepbench_cli) if row["status"] == "diverged"]
    assert len(out.splitlines()) == len(diverged) >= 2
    for line in out.splitlines():
        assert line.startswith("quadratic · ")
        assert re.search(r"lr=0.(25|3) .*seed=0: (f|the gradient|w) not finite at step \d+, step size 0.(25|3)$", line)
    assert stepbench_cli("study", "show", "--status", "failed") == (0, "", "")


def test_show_tells_why_runs_failed(stepbench_cli, low_problem):
    """The command that is printed below the table is given as it stands, with the name of a file that has a space."""
    args = ("sweep", "./low.py", "-m", "gd", "--over", "lr=0.1,0.4", "--budget", "60", "--study", "my runs.db")
    [command] = re.findall(r"^2 runs failed: stepbench (.*) tells why$", stepbench_cli(*args)[1], re.MULTILINE)
    code, out, _ = stepbench_cli(*shlex.split(command))
    assert code == 0
    assert out.count("f is below the minimum f* = 0.5") == 2


def test_runs_that_differ_in_their_start_are_told_apart_when_shown(stepbench_cli):
    stepbench_cli("sweep", "quadratic", "-m", "gd:lr=9", "--over", "w1=0.25,0.75", "--budget", "900")
    lines = stepbench_cli("study", "show", "--status", "diverged")[1].splitlines()
    assert len(lines) == 2
    assert "0.25" in lines[0] + lines[1]
    assert "0.75" in lines[0] + lines[1]


def test_an_export_has_a_row_a_run_with_its_numbers(stepbench_cli):
    stepbench_cli(*SWEEP, "--over", "w2=1,2", "--seed", "3")
    found = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], [RATES, "w2=1,2"], budget=1000)
    rows = exported(stepbench_cli)
    assert len(rows) == found.ends.f.size == 28
    assert len({row["key"] for row in rows}) == 28
    for row in rows:
        m = 0 if row["method"] == "gd" else 1
        i = found.axes[0].values.index(float(row["method.lr"]))
        x0 = catalog.problem("quadratic").x0.tolist()
        start = [float(w) for w in row["start"].split()] if row["start"] else x0
        at = m, i, found.axes[1].values.index(start[1])
        assert start[0] == x0[0]
        assert row["status"] == found.ends.status[at]
        assert float(row["f"]) == found.ends.f[at]
        assert float(row["error"]) == found.ends.error[at]
        assert int(row["gradient_evaluations"]) == found.ends.evals[at]
        assert [float(w) for w in row["w"].split()] == found.ends.point[at].tolist()
        assert (row["problem"], float(row["problem.kappa"]), row["seed"]) == ("quadratic", 10.0, "3")
        assert (row["budget"], float(row["target"])) == ("1000", 1e-6)
        assert row.get("method.p") == ("" if m == 0 else "0.5")


def test_parquet_and_csv_are_the_same_table(stepbench_cli):
    parquet = pytest.importorskip("pyarrow.parquet")
    stepbench_cli(*SWEEP)
    stepbench_cli(*PROFILE)
    code, out, _ = stepbench_cli("study", "export", "study.db", "--csv", "a.csv", "--parquet", "a.parquet")
    assert code == 0
    assert "23 runs written to a.csv" in out
    assert "23 runs written to a.parquet" in out
    rows = list(csv.DictReader(io.StringIO(Path("a.csv").read_text())))
    table = parquet.read_table("a.parquet").to_pylist()
    assert len(rows) == len(table) == 23
    for row, record in zip(rows, table, strict=True):
        assert list(row) == list(record)
        for key, text in row.items():
            value = record[key]
            if isinstance(value, list):
                value = " ".join(map(repr, value))
            assert text == ("" if value is None else str(value)), key


def test_a_column_of_numbers_and_words_is_one_of_words_in_parquet():
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"a": 1, "b": 1, "c": True}, {"a": "one", "b": 0.5}, {"a": None, "b": None, "c": 0.5}]
    write_rows_as_parquet(rows, Path("a.parquet"))
    kept = {"a": ["1", "one", None], "b": [1.0, 0.5, None], "c": ["True", None, "0.5"]}
    assert parquet.read_table("a.parquet").to_pydict() == kept


def test_an_export_does_not_depend_on_the_order_in_which_runs_were_made(stepbench_cli):
    stepbench_cli(*SWEEP, "--study", "a.db")
    for part in ("lr=0.3,0.02", "lr=0.19,0.05,0.25", RATES):
        stepbench_cli(*SWEEP[:7], part, *SWEEP[8:], "--study", "b.db")
    assert exported(stepbench_cli, "a.db") == exported(stepbench_cli, "b.db")


def test_traces_are_written_as_results(stepbench_cli):
    args = ("sweep", "quadratic", "-m", "momentum", "--over", "lr=1e-4,1e-3", "--budget", "40", "--traces")
    assert stepbench_cli(*args)[0] == 0
    code, out, _ = stepbench_cli("study", "export", "study.db", "--csv", "rows.csv", "--traces", "kept")
    assert code == 0
    assert "2 traces written to kept" in out
    rows = list(csv.DictReader(io.StringIO(Path("rows.csv").read_text())))
    assert sorted(path.name for path in Path("kept").iterdir()) == sorted(f"{row['key']}.npz" for row in rows)
    for row in rows:
        kept = stepbench.load(f"kept/{row['key']}.npz")
        alone = stepbench.run("quadratic", f"momentum:lr={row['method.lr']}", budget=40, target=1e-6)
        assert np.array_equal(kept.x, alone.x)
        assert kept.f[-1] == alone.f[-1] == float(row["f"])


def test_merged_halves_are_the_whole(stepbench_cli):
    stepbench_cli(*SWEEP, "--study", "whole.db")
    stepbench_cli(*SWEEP[:7], "lr=0.02,0.05,0.075,0.15", *SWEEP[8:], "--study", "a.db")
    stepbench_cli(*SWEEP[:7], "lr=0.15,0.19,0.25,0.3", *SWEEP[8:], "--study", "b.db")
    code, out, err = stepbench_cli("study", "merge", "new.db", "a.db", "b.db")
    assert (code, err) == (0, "")
    assert out.splitlines() == ["a.db: 8 runs taken over into new.db", "b.db: 6 runs taken over into new.db"]
    assert exported(stepbench_cli, "new.db") == exported(stepbench_cli, "whole.db")
    assert "study.db" not in stepbench_cli("study", "merge", "a.db", "b.db")[1]
    assert exported(stepbench_cli, "a.db") == exported(stepbench_cli, "whole.db")
    assert len(exported(stepbench_cli, "b.db")) == 8  # what is taken over stays where it is
    assert "0 runs made, 14 were there" in stepbench_cli(*SWEEP, "--study", "new.db")[1]


def test_runs_that_are_here_with_other_numbers_are_left_and_told(stepbench_cli):
    stepbench_cli(*SWEEP, "--study", "a.db")
    stepbench_cli(*SWEEP, "--study", "b.db")
    give_other_numbers("b.db", lambda run: run.status == "diverged")
    before = exported(stepbench_cli, "a.db")
    diverged = sum(row["status"] == "diverged" for row in before)
    out = stepbench_cli("study", "merge", "a.db", "b.db")[1]
    assert "b.db: 0 runs taken over into a.db" in out
    assert f"{diverged} runs are here with other numbers, and were left" in out
    assert exported(stepbench_cli, "a.db") == before


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("chosen", "true_of"),
    [
        (("--method", "gd"), lambda row: row["method"] == "gd"),
        (("--problem", "rosenbrock"), lambda row: row["problem"] == "rosenbrock"),
        (("--status", "diverged"), lambda row: row["status"] == "diverged"),
        (
            ("--problem", "quadratic", "--method", "momentum", "--status", "converged"),
            lambda row: (row["problem"], row["method"], row["status"]) == ("quadratic", "momentum", "converged"),
        ),
        (("--status", "failed"), lambda row: False),
        (("--stale",), lambda row: False),
    ],
)
def test_only_what_is_asked_for_is_removed(stepbench_cli, chosen, true_of):
    stepbench_cli(*SWEEP)
    stepbench_cli("sweep", "rosenbrock", "-m", "gd", "-m", "momentum", "--over", "lr=1e-4,1e-2", "--budget", "60")
    before = exported(stepbench_cli)
    code, out, err = stepbench_cli("study", "remove", "study.db", *chosen)
    assert (code, err) == (0, "")
    gone = [row for row in before if true_of(row)]
    assert out.strip() == f"{len(gone)} runs removed from study.db"
    left = {row["key"] for row in before} - {row["key"] for row in gone}
    assert {row["key"] for row in exported(stepbench_cli)} == left
    assert len(gone) > 0 or chosen in (("--status", "failed"), ("--stale",))


def test_what_was_removed_is_made_again(stepbench_cli):
    stepbench_cli(*SWEEP)
    before = exported(stepbench_cli)
    stepbench_cli("study", "remove", "study.db", "--status", "diverged")
    lost = sum(row["status"] == "diverged" for row in before)
    assert f"{lost} runs made, {14 - lost} were there" in stepbench_cli(*SWEEP)[1]
    assert exported(stepbench_cli) == before


def test_runs_of_another_version_are_made_again_and_removed_as_stale(stepbench_cli, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(identity, "version", lambda: "0.0.9+abcdef01")
        assert "study.db: 14 runs made\n" in stepbench_cli(*SWEEP)[1]
    out = stepbench_cli(*SWEEP)[1]
    assert "study.db: 14 runs made\n" in out
    [command] = re.findall(r"of another version of stepbench: stepbench (.*) removes them$", out, re.MULTILINE)
    assert "0.0.9+abcdef01" in stepbench_cli("study", "show")[1]
    assert "14 runs removed" in stepbench_cli(*shlex.split(command))[1]
    rows = exported(stepbench_cli)
    assert len(rows) == 14
    assert {row["stepbench"] for row in rows} == {identity.version()}


def patient(seconds):
    """sqlite3.connect that waits so long for another process."""
    connect = sqlite3.connect

    def wait(name, timeout=0.0, **options):
        return connect(name, timeout=seconds, **options)

    return wait


def test_a_study_merged_into_itself_stays_as_it_is(stepbench_cli, monkeypatch):
    monkeypatch.setattr(store_module.sqlite3, "connect", patient(0.1))
    stepbench_cli("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-5:1e-4:600", "--budget", "2")
    before = exported(stepbench_cli)
    code, _, err = stepbench_cli("study", "merge", "study.db", "study.db")
    assert code in (0, 2)
    assert "locked" not in err
    assert exported(stepbench_cli) == before


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "args",
    [
        SWEEP,
        TUNE,
        PROFILE,
        MAP,
        ("study", "merge", "study.db", "other.db"),
        ("study", "remove", "study.db", "--status", "budget"),
    ],
    ids=lambda args: "-".join(args[:2]),
)
def test_a_study_that_another_process_writes_to_is_a_line(stepbench_cli, monkeypatch, args):
    for name, over in {"study.db": "lr=1e-4,1e-5", "other.db": "lr=1e-4,1e-6"}.items():
        stepbench_cli("sweep", "quadratic", "-m", "gd", "--over", over, "--budget", "9", "--study", name)
    other = sqlite3.connect("study.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(store_module.sqlite3, "connect", patient(0.1))
    try:
        code, out, err = stepbench_cli(*args)
    finally:
        other.close()
    assert (code, out) == (2, "")
    assert err.startswith("stepbench: study.db is locked by another process: try again when that has ended")
    assert err.count("\n") == 1


def test_an_empty_study_is_empty(stepbench_cli):
    Path("none.db").touch()
    assert stepbench_cli("study", "show", "none.db")[0] == 0
    assert "0 runs written" in stepbench_cli("study", "export", "none.db", "--csv", "none.csv")[1]
    assert stepbench_cli("study", "remove", "none.db", "--stale") == (0, "0 runs removed from none.db\n", "")


def test_an_export_does_not_overwrite_its_own_study(stepbench_cli):
    stepbench_cli(*SWEEP)
    before = Path("study.db").read_bytes()
    for option in ("--csv", "--parquet"):
        code, _, err = stepbench_cli("study", "export", "study.db", option, "study.db")
        assert code == 2
        assert err.count("\n") == 1
        assert Path("study.db").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 120])
def test_what_a_study_holds_fits_the_terminal_and_nothing_in_it_is_cut_off(stepbench_cli, monkeypatch, width):
    Path("my_valley.py").write_text(
        "from stepbench import Problem\n\n\nclass Valley(Problem):\n    x0 = (-1.0, 0.5)\n\n"
        "    def f(self, x):\n        return x[0] ** 2 + x[1] ** 2\n"
    )
    args = ("-m", "nadam+hypergradient-mul", "--over", "lr=1e-5:1:9:log", "--budget", "50")
    for problem in ("quadratic", "./my_valley.py", "mgh/powell-singular"):
        assert stepbench_cli("sweep", problem, *args, "--budget", f"{len(problem)}")[0] == 0
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = stepbench_cli("study", "show")
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    for word in ("runs", "converged", "budget", "diverged", "failed"):
        assert re.search(rf"\b{word}\b", out), word
