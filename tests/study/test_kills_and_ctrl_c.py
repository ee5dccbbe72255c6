"""Whatever is killed or stopped, what was made is kept."""

import os
import random
import re
import shlex
import shutil
import signal
import struct
from pathlib import Path

import pytest

import stepbench
from stepbench.study.store import Store
from tests.study.kept import NOISY, SWEEP, content, made_study, runs_of, scalars, wait_for_a_commit, wait_for_runs
from tests.waiting import PATIENCE, wait_until


def content_now(path, number):
    """The content of a copy of the file and its journal, so that this look mends nothing in the original."""
    copy = Path(f"copy{number}.db")
    for ending in ("", "-journal"):
        if Path(f"{path}{ending}").exists():
            shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
    return content(copy)


DYING = """
import os, signal, sys
from pathlib import Path

dies, after_the_first_commit, calls = int(sys.argv[1]), sys.argv[2] == "after", 0

def count(frame, event, argument):
    global calls
    calls += 1
    if calls == dies and not after_the_first_commit:
        os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
from stepbench import cli
from stepbench.study.store import Store

put, commits = Store.put, []

def counted(store, settings, runs):
    global after_the_first_commit, calls
    if after_the_first_commit:
        after_the_first_commit, calls = False, 0
    commits.append(str(calls))
    put(store, settings, runs)

Store.put = counted
try:
    cli.main(sys.argv[3:])
finally:
    Path("commits").write_text(" ".join(commits))
"""


@pytest.mark.exhaustive
def test_a_sweep_killed_thirty_times_leaves_the_study_of_one_never_killed(started):
    """Its moments are calls and returns of functions, which are counted: no kill comes too early or too late."""
    Path("dying.py").write_text(DYING)
    command = (*SWEEP[2:], "--over", "seed=0:100", *NOISY, "--study")
    assert started("dying.py", 0, "", *command, "whole.db").wait(PATIENCE) == 0
    first, *_, last = map(int, Path("commits").read_text().split())  # the first is that of the settings

    rng, rows, counts, hot = random.Random(29), set(), [], 0
    for k in range(30):
        # To read the runs that are there takes calls, too: later ones are counted from the first commit on.
        dies = (rng.randrange(1, first), "") if k < 6 else (rng.randrange(1, (last - first) // 25), "after")
        assert started("dying.py", *dies, *command, "s.db").wait(PATIENCE) == -signal.SIGKILL
        hot += Path("s.db-journal").exists()
        now = set(content_now("s.db", k)["runs"])
        assert rows <= now, "a row was lost"
        rows = now
        counts.append(len(rows))
    assert len(set(counts)) > 10, f"the kills fell at {counts}, {hot} of them into a commit"
    assert started("dying.py", 0, "", *command, "s.db").wait(PATIENCE) == 0
    assert content("s.db") == content("whole.db")
    assert len(content("s.db")["runs"]) == 2000
    assert not Path("s.db-journal").exists()


@pytest.mark.slow
def test_no_worker_outlives_a_killed_parent_and_no_row_is_lost_with_it(started):
    over, options = ["lr=1e-5:1e-2:20:log", "seed=0:40"], {"noise": 0.1, "budget": 500}
    stepbench.sweep("rosenbrock", "adam", over, study="whole.db", **options)
    command = (*SWEEP, "--over", "seed=0:40", "--noise", "0.1", "--budget", "500", "--workers", "2", "--study", "s.db")
    rng, rows = random.Random(5), set()
    for k in range(4):
        process = started(*command)
        wait_for_runs(process, "s.db", len(rows) + rng.randint(1, 60))
        assert len(started.alive()) >= 3
        process.kill()
        assert process.wait() == -signal.SIGKILL
        started.all_end()
        now = set(content_now("s.db", k)["runs"])
        assert rows <= now
        assert 0 < len(now) < 800
        rows = now
    assert started(*command).wait(PATIENCE) == 0
    assert content("s.db") == content("whole.db")


@pytest.mark.slow
@pytest.mark.parametrize("at", [10, 0], ids=["a later commit", "the first commit"])
def test_a_kill_in_the_middle_of_a_commit_undoes_that_commit_and_no_other(started, at):
    """Each child is killed while its commit hands over a row; by then SQLite has written pages of it to the file."""
    Path("deadly.py").write_text(
        """
import os, shutil, signal, sys
from stepbench.study.store import Store
from tests.study.kept import piece

def pieces(numbers, deadly=None):
    for k in numbers:
        if k == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        yield piece(k.to_bytes(16, "big"), 0.5, setting=b"s" * 16, seed=k, point=[1.0] * 25_000)

def put(numbers, deadly=None):
    if not (child := os.fork()):
        with Store("s.db") as store:
            store.put({b"s" * 16: "{}"}, pieces(numbers, deadly))
        os._exit(0)
    return os.waitpid(child, 0)[1]

at = int(sys.argv[1])
if at:
    assert put(range(at)) == 0
for deadly in (at, at + 1, at + 20, at + 69):
    assert put(range(at, at + 70), deadly) == signal.SIGKILL
    for ending in ("", "-journal"):
        if os.path.exists(f"s.db{ending}"):
            shutil.copyfile(f"s.db{ending}", f"torn{deadly}.db{ending}")
assert put(range(at + 70)) == 0
"""
    )
    process = started("deadly.py", at)
    assert process.wait(PATIENCE) == 0, process.err.read_text()
    assert [run.steps for run in runs_of("s.db")] == [*range(at + 70)]
    assert content("s.db")["settings"] == [repr((b"s" * 16, "{}", at + 70))]
    assert Path(f"torn{at + 69}.db").stat().st_size > 5_000_000, "nothing of the torn commit had reached the file"
    for deadly in (at, at + 1, at + 20, at + 69):
        with Store(f"torn{deadly}.db") as store:
            found = store.runs(b"s" * 16)
        assert {run.key[-1] for run in found} == set(range(at)), deadly
        assert len(content(f"torn{deadly}.db")["runs"]) == at


def test_a_commit_that_was_killed_after_it_wrote_the_header_is_undone():
    """The header already tells of pages that are not there; the journal has its old page (SQLite's file format, 3)."""
    before = made_study(seeds=3)
    after = made_study(seeds=60)
    [size] = scalars("s.db", "PRAGMA page_size")
    path, old = Path("s.db"), before[:size]
    head = b"\xd9\xd5\x05\xf9 \xa1c\xd7" + struct.pack(">IIIII", 1, 0, len(before) // size, 512, size)
    checksum = sum(old[k] for k in range(size - 200, 0, -200))
    path.write_bytes(after[:size] + before[size:])
    Path("s.db-journal").write_bytes(head.ljust(512, b"\0") + struct.pack(">I", 1) + old + struct.pack(">I", checksum))
    assert struct.unpack_from(">I", path.read_bytes(), 28)[0] * size > path.stat().st_size
    with Store("s.db") as store:
        [setting] = store.settings()
        assert len(store.runs(setting)) == 6
    assert path.read_bytes() == before
    made_study(seeds=60)
    assert len(content("s.db")["runs"]) == 120


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(started, workers):
    options = (*NOISY, "--study", "my study.db", "--workers", workers)
    process = started(*SWEEP, "--over", "seed=0:40", *options)
    path = Path("my study.db")
    wait_for_runs(process, path)
    os.killpg(process.pid, signal.SIGINT)  # a terminal tells the whole group
    assert process.wait(PATIENCE) == 130
    err = process.err.read_text()
    assert "Traceback" not in err
    told = re.fullmatch(
        r"stepbench: stopped: (\d+) of 800 runs were made, and are kept in my study\.db; to go on: (.*)\n", err
    )
    assert told, err
    assert 0 < int(told[1]) < 800
    assert len(content(path)["runs"]) == int(told[1])
    started.all_end()

    words = shlex.split(told[2])
    assert words[0] == "stepbench"
    assert started("-m", *words).wait(PATIENCE) == 0
    stepbench.sweep("rosenbrock", "adam", ["lr=1e-5:1e-2:20:log", "seed=0:40"], noise=0.1, budget=200, study="whole.db")
    assert content(path) == content("whole.db")


@pytest.mark.slow
def test_ctrl_c_while_the_workers_start_shows_no_traceback(started):
    """It comes when there are 1 to 4 processes: the parent, the keeper of their resources, and both workers."""
    for processes in (1, 2, 3, 4):
        study = f"{processes}.db"
        process = started(*SWEEP, "--over", "seed=0:200", *NOISY, "--workers", "2", "--study", study)
        wait_for_a_commit(process, Path(study))  # that of the settings, after which the workers are started
        wait_until(lambda n=processes: len(started.alive()) >= n)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 130
        assert "Traceback" not in process.err.read_text(), processes
        assert process.err.read_text().startswith("stepbench: stopped: ")
        started.all_end()


def test_ctrl_c_in_python_is_stopped_and_the_study_goes_on_from_there():
    def impatient(made, total):
        if made >= 8:
            raise KeyboardInterrupt

    over = {"lr": [1e-4, 1e-3], "seed": range(10)}
    with stepbench.Study("s.db", progress=impatient) as study:
        with pytest.raises(stepbench.Stopped, match=r"8 of 20 runs were made, and are kept in s\.db"):
            stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=20, study=study)
        study._progress = None
        stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=20, study=study)
        assert (study.made, study.reused) == (12, 8)
    stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=20, study="whole.db")
    assert content("s.db") == content("whole.db")


@pytest.mark.slow
def test_two_processes_that_write_one_study_leave_the_union(started):
    both = [started(*SWEEP, "--over", f"seed={seeds}", *NOISY, "--study", "s.db") for seeds in ("0:16", "8:24")]
    assert [process.wait(PATIENCE) for process in both] == [0, 0], [process.err.read_text() for process in both]
    stepbench.sweep("rosenbrock", "adam", ["lr=1e-5:1e-2:20:log", "seed=0:24"], noise=0.1, budget=200, study="whole.db")
    assert content("s.db") == content("whole.db")
    assert len(content("s.db")["runs"]) == 480
