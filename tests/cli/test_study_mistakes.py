"""Mistakes in the commands whose runs are kept in a study: one line, exit code 2, and no file is touched."""

from pathlib import Path

import pytest

from stepbench.study import Study
from stepbench.study.sweep import sweep

GRID = ("--over", "lr=1e-4,1e-3")
ONE = ("sweep", "quadratic", "-m", "gd")

MISTAKES = [
    (("sweep", "quadrtic", "-m", "gd", *GRID), "no problem quadrtic (did you mean quadratic"),
    (("sweep", "quadratic", "-m", "gdd", *GRID), "no method gdd (did you mean gd"),
    (ONE, "--over"),
    (("sweep", "quadratic", *GRID), "--method"),
    ((*ONE, "--over", "lrr=1,2"), "gd has no hyper-parameter lrr (did you mean lr?)"),
    ((*ONE, "--over", "kappa=1,2"), "problem.kappa"),
    ((*ONE, "--over", "problem.kapa=1,2"), "did you mean kappa?"),
    ((*ONE, "--over", "lr=1,2,1"), "lr has the value 1 twice"),
    ((*ONE, *GRID, *GRID), "lr is varied twice"),
    ((*ONE, "--over", "lr=0:1:5:log"), "must be a number in (0, inf)"),
    ((*ONE, "--over", "lr=1:0.5:5"), "must go up"),
    ((*ONE, "--over", "lr=x"), "must be a number"),
    ((*ONE, "--over", "w3=0,1"), "w1 to w2"),
    ((*ONE, "--over", "w1=0,1e200"), "1e100"),
    ((*ONE, "--over", "lr=1e-4:1:2000", "--over", "w1=0:1:2000"), "at most 1,000,000"),
    (("sweep", "quadratic", "-m", "gd", "-m", "adam", "--over", "beta1=0.5"), "gd has no hyper-parameter beta1"),
    (("sweep", "quadratic", "-m", "gd:lr=1,2", "--over", "w1=0,1"), "'2'"),
    (("sweep", "quadratic:kappa=10,20", "-m", "gd", *GRID), "'20'"),
    ((*ONE, *GRID, "--budget", "0"), "budget must be an integer of at least 1"),
    ((*ONE, *GRID, "--budget", "-3"), "budget must be an integer of at least 1"),
    ((*ONE, *GRID, "--budget", "1e3"), "--budget"),
    ((*ONE, *GRID, "--steps", "0"), "steps must be an integer of at least 1"),
    ((*ONE, *GRID, "--target", "-1"), "target must be"),
    ((*ONE, *GRID, "--target", "nan"), "target must be"),
    ((*ONE, *GRID, "--noise", "-1"), "noise must be"),
    ((*ONE, *GRID, "--seed", "-1"), "seed must be an integer of at least 0"),
    ((*ONE, *GRID, "--seed", "99999999999999999999"), "seed"),
    ((*ONE, "--over", "seed=1,99999999999999999999"), "seed"),
    ((*ONE, *GRID, "--start", "1"), "start must have 2 numbers"),
    ((*ONE, *GRID, "--start", "1,2,3"), "start must have 2 numbers"),
    ((*ONE, *GRID, "--start", "1e200,1"), "1e100"),
    ((*ONE, *GRID, "--start", "a,b"), "must be numbers with commas"),
    ((*ONE, "--over", "w2=0,1", "--start", "1"), "start must have 2 numbers"),
    (("sweep", "quadratic:dim=5", "-m", "gd", "--over", "problem.dim=2,5", "--over", "w4=0,1"), "w4"),
    ((*ONE, *GRID, "--plot", "a.jpg"), "must end in .png, .svg, .pdf or .pgf"),
    ((*ONE, *GRID, "--plot", "no/such/a.png"), "cannot be written"),
    ((*ONE, *GRID, "--plot", "/proc/a.png"), "cannot be written"),
    ((*ONE, *GRID, "--study", "no/such/a.db"), "cannot be written: there is no folder"),
    ((*ONE, *GRID, "--study", "/proc/a.db"), "cannot be written"),
    ((*ONE, *GRID, "--study", "."), "cannot be"),
    ((*ONE, *GRID, "--study", "text.txt"), "is not a study of stepbench"),
    ((*ONE, *GRID, "--workers", "0"), "workers must be an integer of at least 1"),
    ((*ONE, *GRID, "--workers", "-2"), "workers must be an integer of at least 1"),
    ((*ONE, *GRID, "--workers", "2", "--scheduler", "tcp://127.0.0.1:9"), "local workers or a scheduler"),
    (("sweep", "mccormick", "-m", "polyak", "--over", "w1=0,1"), "polyak needs the minimum f*"),
    (("sweep", "mccormick", "-m", "gd", *GRID, "--target", "1e-3"), "does not know its minimum"),
    (("sweep", "breast-cancer:batch=9", "-m", "scipy:bfgs", "--over", "seed=0:2"), "needs exact values"),
    (("map", "quadratic", "-m", "gd", *GRID), "two axes"),
    (("map", "quadratic", "-m", "gd", *GRID, "--over", "w1=0,1", "--over", "w2=0,1"), "two axes"),
    (("map", "rosenbrock:dim=3", "-m", "gd"), "has no window"),
    (("map", "mccormick", "-m", "gd", "--points", "4"), "does not know its minimum"),
    (("map", "mccormick", "-m", "gd", *GRID, "--over", "w1=0,1"), "does not know its minimum"),
    (("map", "rosenbrock", "-m", "gd", "--points", "0"), "from 2 to"),
    (("map", "rosenbrock", "-m", "gd", "--points", "5000"), "at most 1,000,000"),
    (("map", "rosenbrock", "-m", "gd", "--points", "4", "--plot", "a.gif"), "must end in"),
    (("map", "rosenbrock", "-m", "gd", "--points", "4", "--budget", "0"), "budget must be"),
    (("map", "rosenbrock", "--points", "4"), "--method"),
    (("tune", "quadratic"), "methods"),
    (("tune", "quadratic", "gd", "--trials", "0"), "trials must be an integer of at least 1"),
    (("tune", "quadratic", "gd", "--cases", "0"), "cases must be an integer of at least 1"),
    (("tune", "quadratic", "gd", "--budget", "0"), "budget must be"),
    (("tune", "quadratic", "gd", "--tune-budget", "0"), "budget must be"),
    (("tune", "quadratic", "gd", "--tune-budget", "-3"), "budget must be"),
    (("tune", "quadratic", "gd", "--budget", "0", "--tune-budget", "9", "--trials", "2"), "budget must be"),
    (("tune", "quadratic", "gd", "--seed", "-1"), "seed must be"),
    (("tune", "quadratic", "gd", "--over", "lrr=1:2"), "did you mean lr?"),
    (("tune", "quadratic", "gd", "--over", "lr=1e-4:1:60:log"), "1e-4:1:log"),
    (("tune", "quadratic", "gd", "--over", "lr=2:1"), "must go up"),
    (("tune", "quadratic", "gd", "--over", "lr=0:1:log"), "must be a number in (0, inf)"),
    (("tune", "quadratic", "gd", "--over", "lr=1:2", "--over", "lr=3:4"), "twice"),
    (("tune", "quadratic", "gd", "nope"), "no method nope"),
    (("tune", "quadratic", "gd", "--workers", "0"), "workers must be an integer of at least 1"),
    (("profile", "gd"), "at least two"),
    (("profile",), "methods"),
    (("profile", "gd", "adam", "bb", "--kind", "log-ratio"), "two methods, and there are 3"),
    (("profile", "gd", "adam", "--kind", "logratio"), "log-ratio"),
    (("profile", "gd", "adam", "--suite", "mhg"), "no suite mhg (did you mean mgh?)"),
    (("profile", "gd", "adam", "--problem", "nope"), "no problem nope"),
    (("profile", "gd", "adam", "--tolerance", "2"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "0"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "0.1,-1"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "nan"), "between 0 and 1"),
    (("profile", "gd", "adam", "--tolerance", "0.1,x"), "must be numbers with commas"),
    (("profile", "gd", "adam", "--seeds", "0"), "seeds must be an integer of at least 1"),
    (("profile", "gd", "adam", "--problem", "quadratic", "--budget", "0"), "budget must be"),
    (("profile", "gd", "polyak", "--problem", "mccormick"), "polyak needs the minimum f*"),
    (("study", "show"), "no study study.db"),
    (("study", "show", "nope.db"), "no study nope.db"),
    (("study", "show", "text.txt"), "is not a study of stepbench"),
    (("study", "show", "--status", "divergd", "some.db"), "did you mean diverged"),
    (("study", "remove", "some.db", "--status", "slow"), "there are converged, budget, diverged, failed"),
    (("study", "remove", "some.db"), "--problem, --method, --status or --stale"),
    (("study", "remove", "some.db", "--method", "gdd"), "no runs of the method gdd"),
    (("study", "remove", "some.db", "--problem", "nope"), "no runs of the problem nope"),
    (("study", "remove", "nope.db", "--stale"), "no study nope.db"),
    (("study", "export", "some.db"), "--csv FILE"),
    (("study", "export", "nope.db", "--csv", "a.csv"), "no study nope.db"),
    (("study", "export", "some.db", "--csv", "no/such/a.csv"), "no/such/a.csv cannot be written"),
    (("study", "export", "some.db", "--parquet", "no/such/a.parquet"), "no/such/a.parquet"),
    (("study", "export", "some.db", "--traces", "text.txt"), "text.txt cannot be written"),
    (("study", "merge", "new.db", "nope.db"), "no study nope.db"),
    (("study", "merge", "new.db"), "others"),
    (("study", "shw"), "shw"),
]


@pytest.fixture(scope="module")
def some_study(tmp_path_factory):
    """A study of two runs."""
    path = tmp_path_factory.mktemp("study") / "some.db"
    with Study(path) as study:
        sweep("quadratic", "gd", ["lr=1e-4,1e-3"], budget=5, study=study)
    return path.read_bytes()


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("args", "says"), MISTAKES, ids=[" ".join(args)[:70] for args, _ in MISTAKES])
def test_a_mistake_is_one_line_and_exit_code_2_and_nothing_is_run(stepbench_cli, some_study, args, says):
    Path("text.txt").write_text("mine")
    Path("some.db").write_bytes(some_study)
    code, out, err = stepbench_cli(*args)
    assert (code, out) == (2, "")
    assert err.startswith("stepbench: ")
    assert len(err.splitlines()) == 1
    assert says.lower() in err.lower()
    assert Path("text.txt").read_text() == "mine"
    assert Path("some.db").read_bytes() == some_study
    new = {path for path in Path().iterdir() if path.stat().st_size} - {Path("text.txt"), Path("some.db")}
    assert new == set()


@pytest.mark.parametrize(
    "args",
    [
        (*ONE, "--over", "lrr=1,2"),
        (*ONE, "--over", "lrr=1,2", "--plot", "a.png"),
        ("map", "rosenbrock", "-m", "gd", "--points", "0"),
        ("tune", "quadratic", "gd", "--trials", "0"),
        ("profile", "gd"),
        ("study", "merge", "new.db", "nope.db"),
    ],
    ids=lambda args: args[0],
)
def test_a_mistake_leaves_not_even_an_empty_file(stepbench_cli, args):
    assert stepbench_cli(*args)[0] == 2
    assert [*Path().iterdir()] == []


def test_a_picture_that_is_there_stays_as_it_is_after_a_mistake(stepbench_cli):
    Path("kept.png").write_text("mine")
    assert stepbench_cli(*ONE, "--over", "lrr=1,2", "--plot", "kept.png")[0] == 2
    assert stepbench_cli("map", "rosenbrock", "-m", "gd", "--points", "0", "--plot", "kept.png")[0] == 2
    assert Path("kept.png").read_text() == "mine"
