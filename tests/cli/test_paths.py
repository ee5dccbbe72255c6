"""Paths that lead to a pipe, to a device, round in a circle, or to a file that is in use under another name."""

import os
from pathlib import Path

import pytest

RUN = ("run", "quadratic", "--budget", "9")
SWEEP = ("sweep", "quadratic", "-m", "gd", "--over", "lr=0.1,0.2", "--budget", "9", "--study")


@pytest.mark.parametrize(
    "args",
    [
        ("study", "show", "pipe.db"),
        ("study", "check", "pipe.db"),
        ("study", "repair", "pipe.db", "new.db"),
        ("study", "merge", "new.db", "pipe.db"),
        (*SWEEP, "pipe.db"),
        ("study", "show", "zero.db"),
        (*RUN, "--checkpoint", "pipe.npz"),
        (*RUN, "--checkpoint", "zero.npz"),
        ("run", "./pipe.py"),
        ("run", "quadratic", "-m", "./pipe.py"),
        ("demo", "./pipe.toml"),
        (*RUN, "--csv", "pipe.csv"),
        (*RUN, "--plot", "pipe.png"),
        ("study", "show", "there.db", "--table", "pipe.csv"),
    ],
)
def test_nobody_waits_for_the_other_end_of_a_pipe(stepbench_cli, args):
    assert stepbench_cli(*SWEEP, "there.db")[0] == 0
    for ending in ("db", "npz", "py", "toml", "csv", "png"):
        os.mkfifo(f"pipe.{ending}")
        Path(f"zero.{ending}").symlink_to("/dev/zero")
    code, _, err = stepbench_cli(*args)
    assert (code, err.count("\n")) == (2, 1)
    assert "name a file" in err


def test_standard_output_may_be_named_as_a_file(stepbench_cli):
    """It is a pipe of the process, which somebody reads."""
    read, write = os.pipe()
    assert stepbench_cli(*RUN, "--csv", f"/dev/fd/{write}")[0] == 0
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read().startswith("method,iteration")


@pytest.mark.parametrize(
    "args",
    [
        ("study", "export", "loop", "--csv", "a.csv"),
        ("study", "export", "there.db", "--csv", "loop"),
        ("study", "merge", "there.db", "loop"),
        ("study", "show", "loop"),
        ("study", "check", "loop"),
        (*SWEEP, "loop"),
        ("run", "./loop.py"),
    ],
)
def test_a_link_to_itself_is_refused(stepbench_cli, args):
    assert stepbench_cli(*SWEEP, "there.db")[0] == 0
    for name in ("loop", "loop.py"):
        Path(name).symlink_to(name)
    code, _, err = stepbench_cli(*args)
    assert (code, err.count("\n")) == (2, 1)
    assert "loop" in err


@pytest.mark.parametrize("command", [("show",), ("check",), ("repair",), ("merge", "new.db"), ("export",)])
def test_a_folder_is_no_study(stepbench_cli, command):
    Path("folder").mkdir()
    more = {"repair": ("new.db",), "export": ("--csv", "a.csv")}.get(command[0], ())
    for path in ("folder", ".", ""):
        code, _, err = stepbench_cli("study", *command, path, *more)
        assert (code, err.count("\n")) == (2, 1)
        assert "cannot be read: Is a directory" in err


def test_a_study_is_not_overwritten_under_another_name(stepbench_cli):
    assert stepbench_cli(*SWEEP, "there.db")[0] == 0
    os.link("there.db", "hard.csv")
    Path("soft.csv").symlink_to("there.db")
    for name in ("hard.csv", "soft.csv"):
        assert "would overwrite there.db" in stepbench_cli("study", "export", "there.db", "--csv", name)[2]
        assert "cannot be merged into itself" in stepbench_cli("study", "merge", "there.db", name)[2]
    assert stepbench_cli("study", "check", "there.db")[0] == 0


def test_an_output_goes_through_a_link_to_where_nothing_is_yet(stepbench_cli):
    Path("link.csv").symlink_to("target.csv")
    assert stepbench_cli(*RUN, "--csv", "link.csv")[0] == 0
    assert Path("link.csv").is_symlink()
    assert Path("target.csv").read_text().startswith("method,iteration")


def test_a_checkpoint_stays_where_a_link_says(stepbench_cli):
    Path("elsewhere").mkdir()
    Path("link.npz").symlink_to("elsewhere/run.npz")
    for _ in range(2):
        assert stepbench_cli(*RUN, "--checkpoint", "link.npz")[0] == 0
        assert Path("link.npz").is_symlink()
        assert [path.name for path in Path("elsewhere").iterdir()] == ["run.npz"]


def test_a_page_may_be_called_by_bytes_that_are_no_text(stepbench_cli, monkeypatch):
    args = (*RUN, "--html", "\udcff.html")
    monkeypatch.setattr("sys.argv", ["stepbench", *args])
    assert stepbench_cli(*args)[0] == 0
    assert "?.html" in Path("\udcff.html").read_text("utf-8")


KEPT = ("--study", "kept.png", "--plot", "kept.png")


@pytest.mark.parametrize(
    "args",
    [
        (*SWEEP[:-1], *KEPT),
        ("map", "quadratic", "-m", "gd", "--points", "2", "--budget", "9", *KEPT),
        ("tune", "quadratic", "gd", "--trials", "2", "--cases", "2", "--budget", "9", *KEPT),
        ("profile", "gd", "adam", "--problem", "quadratic", "--budget", "9", *KEPT),
        (*RUN, "--checkpoint", "kept.npz", "--save", "kept.npz"),
        (*RUN, "--checkpoint", "kept.npz", "--csv", "./kept.npz"),
        ("plot", "run.npz", "--csv", "run.npz"),
        ("study", "show", "there.csv", "--table", "there.csv"),
        ("study", "export", "there.csv", "--csv", "same", "--parquet", "same"),
        (*RUN, "--csv", "there.csv"),
        ("run", "./mine.py", "--csv", "mine.py"),
        ("study", "export", "there.csv", "--csv", "mine.py"),
    ],
)
def test_no_output_is_written_over_what_is_kept(stepbench_cli, args):
    """Nor over another output, nor over a file of the user's that runs."""
    assert stepbench_cli(*SWEEP, "there.csv")[0] == 0
    assert stepbench_cli(*RUN, "--save", "run.npz")[0] == 0
    assert stepbench_cli("new", "problem", "mine")[0] == 0
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    code, _, err = stepbench_cli(*args)
    assert (code, err.count("\n")) == (2, 1)
    assert "give" in err or "name another file" in err
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before
