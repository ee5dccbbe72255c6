"""``stepbench plot``: what was kept is drawn again, and nothing is run."""

import pytest

from stepbench.study.study import Study
from tests.cli.commands import MAP, PROFILE, SWEEP

PLANE = ("map", "quadratic", "-m", "gd", "--over", "lr=1e-4:1:10:log", "--over", "problem.kappa=10:1e3:9:log")


@pytest.mark.slow
@pytest.mark.parametrize("command", [SWEEP, MAP, PLANE, PROFILE], ids=["sweep", "map", "plane", "profile"])
def test_a_study_gives_the_picture_that_its_command_gave(stepbench_cli, monkeypatch, tmp_path, command):
    assert stepbench_cli(*command, "--plot", "first.svg")[0] == 0
    monkeypatch.setattr(Study, "_done", lambda *given: iter(()))  # by which runs are made
    code, out, err = stepbench_cli("plot", "study.db", "--plot", "again.svg", "--table", "again.csv")
    assert (code, err) == (0, "")
    assert "drawn to again.svg" in out
    assert sorted(texts(tmp_path / "first.svg")) == sorted(texts(tmp_path / "again.svg"))


def texts(path):
    return [line.split(">")[1].split("<")[0] for line in path.read_text("utf-8").splitlines() if "</text>" in line]


@pytest.mark.slow
def test_kept_runs_are_compared(stepbench_cli):
    for method in ("gd", "adam"):
        code, out, _ = stepbench_cli(
            "run", "rosenbrock", "--method", method, "--budget", "50", "--save", f"{method}.npz"
        )
        assert code == 0
        assert f"kept in {method}.npz" in out
    code, out, _ = stepbench_cli("plot", "gd.npz", "adam.npz", "--style", "paper")
    assert code == 0
    assert "drawn to gd.png" in out
    assert stepbench_cli("plot", "gd.npz", "--plot", "one.pdf")[0] == 0


def test_what_cannot_be_drawn_again_is_told_in_a_line(stepbench_cli, tmp_path):
    assert stepbench_cli(*SWEEP)[0] == 0
    assert stepbench_cli("run", "himmelblau", "--budget", "5", "--save", "a.npz")[0] == 0
    assert stepbench_cli("run", "rosenbrock", "--budget", "5", "--save", "b.npz")[0] == 0
    (tmp_path / "text.db").write_text("no study")
    for args, words in (
        (("nowhere.db",), "no file nowhere.db"),
        ((".",), "no file ."),
        (("text.db",), "not a study"),
        (("study.db", "a.npz"), "give one study"),
        (("a.npz", "b.npz"), "different problems"),
        (("study.db", "--overlay", "flow"), "single runs"),
    ):
        code, out, err = stepbench_cli("plot", *args)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert words in err
    more = ("--over", "lr=0.011,0.2", "--budget", "1000")
    assert stepbench_cli(*SWEEP[:4], *more)[0] == 0
    code, _, err = stepbench_cli("plot", "study.db")
    assert (code, "lacks 2 of these 18 runs" in err) == (2, True)
    assert stepbench_cli(*SWEEP[:-4], *more)[0] == 0
    assert stepbench_cli("plot", "study.db")[0] == 0
