"""A study's file that another process uses at the same time."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

import stepbench
from stepbench.study.store import Store
from tests.study.kept import SMALL, SWEEP, made_study, scalars, wait_for_runs


@pytest.mark.one_in(3)
@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("budget", ["20", "21"], ids=["nothing to make", "something to make"])
def test_a_locked_study_is_one_line_and_stays_as_it_is(stepbench_cli, monkeypatch, lock, budget):
    monkeypatch.setitem(Store.__init__.__kwdefaults__, "patience", 0.2)
    assert stepbench_cli(*SMALL, "--study", "s.db")[0] == 0
    before = Path("s.db").read_bytes()
    with closing(sqlite3.connect("s.db", isolation_level=None)) as other:
        other.execute(lock)
        code, out, err = stepbench_cli(*SMALL, "--study", "s.db", "--budget", budget)
        other.execute("ROLLBACK")
    if lock == "BEGIN IMMEDIATE" and budget == "20":
        assert (code, err) == (0, "")  # a process that only reads need not wait for one that may write
    else:
        assert (code, out) == (2, "")
        assert err.startswith("stepbench: s.db is locked by another process: try again when that has ended")
        assert len(err.splitlines()) == 1
    assert Path("s.db").read_bytes() == before
    assert stepbench_cli(*SMALL, "--study", "s.db", "--budget", budget)[0] == 0


def test_a_study_that_is_locked_on_the_way_says_what_is_kept(monkeypatch):
    monkeypatch.setitem(Store.__init__.__kwdefaults__, "patience", 0.2)
    over = {"lr": [1e-4, 1e-3], "seed": range(10)}
    other = sqlite3.connect("s.db", isolation_level=None)

    def lock(made, total):
        if (made, total) == (6, 20):
            other.execute("BEGIN IMMEDIATE")

    with closing(other), stepbench.Study("s.db", progress=lock) as study:
        with pytest.raises(
            stepbench.InputError, match=r"^s\.db is locked by another process: .* 6 of 20 runs are (?:made and )?kept"
        ):
            stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=20, study=study)
        other.execute("ROLLBACK")
        assert scalars("s.db", "SELECT sum(runs) FROM settings") == [6]
        stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=20, study=study)
        assert (study.made, study.reused) == (14, 6)


def test_a_study_that_another_process_holds_for_a_moment_is_waited_for():
    made_study()
    other = sqlite3.connect("s.db", isolation_level=None, check_same_thread=False)
    with closing(other):
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.5, other.execute, ["ROLLBACK"])
        release.start()
        with stepbench.Study("s.db") as study:
            stepbench.sweep("quadratic", "gd", {"lr": [1e-4]}, noise=0.1, budget=20, study=study)
            assert (study.made, study.reused) == (0, 1)
        release.join()


@pytest.mark.slow
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_commit_that_another_process_ends_while_the_file_is_looked_at_is_no_damage(monkeypatch, looks):
    """The file is as in the middle of a commit, with its header written and its last page not, and later whole."""
    whole, path, journal, seen, really = made_study(seeds=60), Path("s.db"), Path("s.db-journal"), [], os.stat
    path.write_bytes(whole[:-4096])
    journal.write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" + bytes(504))

    def stat(asked, *args, **options):
        if str(asked).endswith("s.db-journal"):
            if len(seen) == looks:
                path.write_bytes(whole)
                journal.unlink(missing_ok=True)
            seen.append(asked)
        return really(asked, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        store = Store("s.db")
    path.write_bytes(whole)
    journal.unlink(missing_ok=True)
    with store:
        assert len(store.settings()) == 1


@pytest.mark.slow
def test_a_study_can_be_opened_at_any_moment_of_anothers_commits(started):
    process = started(*SWEEP, "--over", "seed=0:300", "--noise", "0.1", "--budget", "100", "--study", "s.db")
    wait_for_runs(process, "s.db")
    while sum(scalars("s.db", "SELECT runs FROM settings")) < 800:
        Store("s.db").__exit__()
    assert process.poll() is None, "the commits had ended before"
