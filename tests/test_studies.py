"""Studies: what is kept whatever dies, the same bits wherever they are made, and nothing made twice."""

import importlib
import io
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import catalog, identity
from stepbench.engine import run_quietly
from stepbench.study.batch import Head, Outcome, batch, perform
from stepbench.study.store import Store

MARK = "STEPBENCH_TEST_OF_STUDIES"
SWEEP = ("-m", "stepbench", "sweep", "rosenbrock", "-m", "adam", "--over", "lr=1e-5:1e-2:20:log")
NOISY = ("--noise", "0.1", "--budget", "200")
SMALL = ("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-3", "--budget", "20")


class Started:
    """Processes of one test, in groups of their own; each and its children are known by a mark in the environment."""

    def __init__(self):
        self.mark = uuid.uuid4().hex
        self.processes = []

    def __call__(self, *args, **options):
        n = len(self.processes)
        env = {**os.environ, MARK: self.mark, "COLUMNS": "120"}
        with Path(f"{n}.out").open("wb") as out, Path(f"{n}.err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, *map(str, args)], stdout=out, stderr=err, env=env, start_new_session=True, **options
            )
        process.err = Path(f"{n}.err").absolute()
        self.processes.append(process)
        return process

    def alive(self):
        """Every process that bears the mark, whoever is its parent now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def all_end_within(self, seconds):
        """Whether none of them is left by then."""
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True


@pytest.fixture
def started():
    """Start Python with some arguments; whatever is left of it at the end of the test is killed."""
    own = Started()
    yield own
    for process in own.alive():
        process.kill()
    for process in own.processes:
        process.wait(30)


@pytest.fixture
def cluster(started, tmp_path):
    """The address of a Dask scheduler with two workers, which work in a folder of their own, and its process."""
    there, elsewhere = tmp_path / "scheduler.json", tmp_path / "elsewhere"
    elsewhere.mkdir()
    common = ("--dashboard-address", "127.0.0.1:0", "--scheduler-file", there)
    scheduler = started(
        "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common, cwd=elsewhere
    )
    for _ in range(2):
        started(
            "-m",
            "distributed.cli.dask_worker",
            "--nthreads",
            "1",
            "--no-nanny",
            "--local-directory",
            elsewhere,
            *common,
            cwd=elsewhere,
        )
    end = time.monotonic() + 60
    while not there.exists() or not there.read_text().strip():
        assert time.monotonic() < end
        time.sleep(0.05)
    return json.loads(there.read_text())["address"], scheduler


def content(path):
    """Every row of both tables in the order of their keys, each as its text, in which 1 is not 1.0."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {name: [repr(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY 1")] for name in tables}
    return rows or {"runs": [], "settings": []}


def content_now(path, number):
    """The content of a copy of the file and its journal, so that this look mends nothing in the original."""
    copy = Path(f"copy{number}.db")
    for ending in ("", "-journal"):
        if Path(f"{path}{ending}").exists():
            shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
    return content(copy)


def scalars(path, query):
    with closing(sqlite3.connect(path)) as db:
        return [value for (value,) in db.execute(query)]


def wait_for_a_commit(process, path):
    """Return as soon as the file changes, or the process has ended."""

    def stamp():
        try:
            return path.stat().st_mtime_ns, path.stat().st_size
        except FileNotFoundError:
            return None

    before = stamp()
    while process.poll() is None and stamp() == before:
        time.sleep(0.001)


def outcomes_of(study):
    """Every outcome that a study keeps, by its run's key."""
    return {head.key: outcome for setting in study.store.settings() for head, outcome in study.store.runs(setting)}


def bits(values):
    return np.asarray(values, dtype=float).tobytes()


def wait_for_runs(process, path, least=1):
    """Return as soon as the file holds so many runs, or the process has ended."""
    place = f"{Path(path).absolute().as_uri()}?mode=ro"
    while process.poll() is None:
        try:
            with closing(sqlite3.connect(place, uri=True)) as db:
                if db.execute("SELECT count(*) FROM runs").fetchone()[0] >= least:
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.005)


# Killed and stopped


def test_a_sweep_killed_thirty_times_leaves_the_study_of_one_never_killed(started):
    command = (*SWEEP, "--over", "seed=0:100", *NOISY, "--study")
    began = time.monotonic()
    whole = started(*command, "whole.db")
    wait_for_a_commit(whole, Path("whole.db"))
    starting = time.monotonic() - began
    assert whole.wait(60) == 0
    working = time.monotonic() - began - starting

    rng, rows, counts, hot = random.Random(29), set(), [], 0
    for k in range(30):
        process = started(*command, "s.db")
        if k < 6:
            time.sleep(rng.uniform(0, starting))
        else:
            wait_for_a_commit(process, Path("s.db"))
            time.sleep(rng.uniform(0, working / 40))
        process.kill()
        assert process.wait() == -signal.SIGKILL, "it had ended before it could be killed"
        hot += Path("s.db-journal").exists()
        now = set(content_now("s.db", k)["runs"])
        assert rows <= now, "a row was lost"
        rows = now
        counts.append(len(rows))
    assert len(set(counts)) > 10, f"the kills fell at {counts}, {hot} of them into a commit"
    assert started(*command, "s.db").wait(60) == 0
    assert content("s.db") == content("whole.db")
    assert len(content("s.db")["runs"]) == 2000
    assert not Path("s.db-journal").exists()


def test_no_worker_outlives_a_killed_parent_and_no_row_is_lost_with_it(started):
    over, options = ["lr=1e-5:1e-2:20:log", "seed=0:40"], {"noise": 0.1, "budget": 500}
    stepbench.sweep("rosenbrock", "adam", over, study="whole.db", **options)
    command = (*SWEEP, "--over", "seed=0:40", "--noise", "0.1", "--budget", "500", "--workers", "2", "--study", "s.db")
    rng, rows = random.Random(5), set()
    for k in range(4):
        process = started(*command)
        wait_for_runs(process, "s.db", len(rows) + 1)
        time.sleep(rng.uniform(0, 0.1))
        assert len(started.alive()) >= 3
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert started.all_end_within(10), started.alive()
        now = set(content_now("s.db", k)["runs"])
        assert rows <= now
        assert 0 < len(now) < 800
        rows = now
    assert started(*command).wait(60) == 0
    assert content("s.db") == content("whole.db")


@pytest.mark.parametrize("at", [10, 0], ids=["a later commit", "the first commit"])
def test_a_kill_in_the_middle_of_a_commit_undoes_that_commit_and_no_other(started, at):
    """Each child is killed while its commit hands over a row; by then SQLite has written pages of it to the file."""
    Path("deadly.py").write_text(
        """
import os, shutil, signal, sys
from stepbench.study.batch import Head, Outcome
from stepbench.study.store import Store

def rows(numbers, deadly=None):
    for k in numbers:
        if k == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Head(k.to_bytes(16, "big"), b"s" * 16, k, "{}", None), Outcome("budget", "", k, point=bytes(200_000))

def put(numbers, deadly=None):
    if not (child := os.fork()):
        with Store("s.db") as store:
            store.put({b"s" * 16: "{}"}, rows(numbers, deadly))
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
    assert process.wait(60) == 0, process.err.read_text()
    assert scalars("s.db", "SELECT steps FROM runs ORDER BY key") == [*range(at + 70)]
    assert content("s.db")["settings"] == [repr((b"s" * 16, "{}"))]
    assert Path(f"torn{at + 69}.db").stat().st_size > 5_000_000, "nothing of the torn commit had reached the file"
    for deadly in (at, at + 1, at + 20, at + 69):
        with Store(f"torn{deadly}.db") as store:
            found = store.found([k.to_bytes(16, "big") for k in range(80)])
        assert {key[-1] for key in found} == set(range(at)), deadly
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


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(started, workers):
    options = (*NOISY, "--study", "my study.db", "--workers", workers)
    process = started(*SWEEP, "--over", "seed=0:40", *options)
    path = Path("my study.db")
    wait_for_runs(process, path)
    os.killpg(process.pid, signal.SIGINT)  # a terminal tells the whole group
    assert process.wait(30) == 130
    err = process.err.read_text()
    assert "Traceback" not in err
    told = re.fullmatch(
        r"stepbench: stopped: (\d+) of 800 runs were made, and are kept in my study\.db; to go on: (.*)\n", err
    )
    assert told, err
    assert 0 < int(told[1]) < 800
    assert len(content(path)["runs"]) == int(told[1])
    assert started.all_end_within(10)

    words = shlex.split(told[2])
    assert words[0] == "stepbench"
    assert started("-m", *words).wait(60) == 0
    stepbench.sweep("rosenbrock", "adam", ["lr=1e-5:1e-2:20:log", "seed=0:40"], noise=0.1, budget=200, study="whole.db")
    assert content(path) == content("whole.db")


def test_ctrl_c_while_the_workers_start_shows_no_traceback(started):
    for k, delay in enumerate((0.02, 0.08, 0.15, 0.25)):
        process = started(*SWEEP, "--over", "seed=0:40", *NOISY, "--workers", "2", "--study", f"{k}.db")
        wait_for_a_commit(process, Path(f"{k}.db"))  # of the settings; then the workers are started
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
        assert "Traceback" not in process.err.read_text(), delay
        assert process.err.read_text().startswith("stepbench: stopped: ")
    assert started.all_end_within(10)


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


def test_two_processes_that_write_one_study_leave_the_union(started):
    both = [started(*SWEEP, "--over", f"seed={seeds}", *NOISY, "--study", "s.db") for seeds in ("0:16", "8:24")]
    assert [process.wait(60) for process in both] == [0, 0], [process.err.read_text() for process in both]
    stepbench.sweep("rosenbrock", "adam", ["lr=1e-5:1e-2:20:log", "seed=0:24"], noise=0.1, budget=200, study="whole.db")
    assert content("s.db") == content("whole.db")
    assert len(content("s.db")["runs"]) == 480


# The same bits wherever they are made


RULE = '''
from dataclasses import dataclass
from typing import Any, NamedTuple

from stepbench import StepSize, param
from stepbench.fields import Scalar


class State(NamedTuple):
    alpha: Any


@dataclass(frozen=True)
class Mine(StepSize):
    """A step size that shrinks by a factor a step."""

    lr: Scalar = param(0.01, "α", "step size", "(0, inf)")
    keep: float = param(FACTOR, "γ", "what is kept of it", "(0, 1]")

    def init(self, x):
        return State(self.lr)

    def move(self, x, u, oracle, s):
        return x - s.alpha * u, State(s.alpha * self.keep)
'''


def test_one_worker_two_workers_and_dask_give_the_same_bits(cluster):
    """The rule's file is planned with, and then changed and removed: it travels by its content."""
    address, _ = cluster
    mine = Path("mine.py")
    mine.write_text(RULE.replace("FACTOR", "0.99"))
    plan = []
    for name in ("gd", "adam", "adam+./mine.py", "./mine.py:keep=0.9", "csawg:K=2", "scipy:bfgs"):
        for problem in ("rosenbrock", "linear-regression:batch=10", "easom"):
            if name == "scipy:bfgs":
                values, start = None, None
                if "batch" in problem:
                    continue
            else:
                values, start = {"lr": np.geomspace(1e-4, 10, 6)}, None
            if problem == "easom":
                start = np.linspace(-9, 9, 12).reshape(2, 6) if values else [9.0, -9.0]
            options = {"budget": 150, "target": 0.01, "seed": 3, "noise": 0.0 if name == "scipy:bfgs" else 0.01}
            plan.append(batch(catalog.problem(problem), catalog.method(name), values=values, start=start, **options))
    with stepbench.Study("one.db") as study:
        expected = study.outcomes(plan)
    kinds = {outcome.status for own in expected for outcome in own}
    assert {"converged", "budget", "diverged"} <= kinds
    assert sum(map(len, expected)) == 92

    where = {"two": {"workers": 2}, "dask": {"scheduler": address}}
    for name, how in where.items():
        if name == "two":
            mine.write_text("raise RuntimeError('this is another file')")
        else:
            mine.unlink()
        with stepbench.Study(f"{name}.db", **how) as study:
            assert repr(study.outcomes(plan)) == repr(expected), name
            assert (study.made, study.reused) == (92, 0)
        assert content(f"{name}.db") == content("one.db")


def test_a_file_that_is_on_no_disk_is_run_from_what_was_sent():
    Path("mine.py").write_text(RULE.replace("FACTOR", "0.5"))
    made = batch(
        catalog.problem("rosenbrock"), catalog.method("adam+./mine.py"), values={"lr": [1e-3, 1e-2]}, budget=40
    )
    here, nowhere = str(Path("mine.py").absolute()), "/nowhere/at all/my+rule.py"
    assert [*made.work.files] == [here]
    sent = replace(
        made.work,
        method=made.work.method.replace(here, nowhere),
        files={nowhere: made.work.files[here].replace(b"0.5", b"0.25")},
    )
    sent = replace(sent, method=sent.method.replace("keep=0.5", "keep=0.25"))
    [first, second] = perform(sent)
    alone = [run_quietly("rosenbrock", f"adam+./mine.py:lr={lr},keep=0.25", budget=40) for lr in (1e-3, 1e-2)]
    for outcome, result in zip((first, second), alone, strict=True):
        assert (outcome.status, outcome.steps, outcome.f) == (result.status, result.steps, result.f[-1])
        assert outcome.point == bits(result.x[-1])
    with pytest.raises(stepbench.InputError):
        stepbench.method(f"adam+{nowhere}")


def test_a_run_that_fails_says_the_same_wherever_its_worker_stands(monkeypatch):
    Path("nowhere.py").write_text(
        "from stepbench import Problem\n\n\nclass Nowhere(Problem):\n    x0 = (1.0, 2.0)\n\n"
        "    def f(self, x):\n        return (x**0.5).sum(0)\n\n    def grad(self, x):\n        return 0.5 / x**0.5\n"
    )
    made = batch(catalog.problem("./nowhere.py"), catalog.method("gd"), start=[[1.0, -1.0], [1.0, 1.0]], budget=3)
    here = perform(made.work)
    assert [outcome.status for outcome in here] == ["budget", "failed"]
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert perform(made.work) == here


def test_a_worker_of_another_version_refuses_the_work():
    made = batch(catalog.problem("quadratic"), catalog.method("gd"), budget=5)
    with pytest.raises(stepbench.InputError, match=r"a worker has stepbench .* and this study 9\.9: install the same"):
        perform(replace(made.work, version="9.9"))


def test_a_scheduler_that_dies_ends_the_sweep_with_a_line_and_not_never(started, cluster):
    address, scheduler = cluster
    options = ("--noise", "0.1", "--budget", "5000", "--target", "0", "--study", "s.db", "--scheduler", address)
    process = started(*SWEEP, "--over", "seed=0:60", *options)
    wait_for_runs(process, "s.db")
    kept = len(content("s.db")["runs"])
    assert 0 < kept < 1200
    scheduler.kill()
    assert process.wait(40) == 2
    assert process.err.read_text().splitlines()[-1].startswith("stepbench: ")  # after what Dask logs
    assert len(content("s.db")["runs"]) >= kept


# Workers that die, and runs that fail

DEADLY = '''
import multiprocessing
import os
import signal
from dataclasses import dataclass

from stepbench import Problem


@dataclass(frozen=True)
class Deadly(Problem):
    """A bowl that ends the worker it is in."""

    bad: int = 0
    x0 = (1.0, 2.0)
    f_star = 0.0

    def f(self, x):
        if self.bad in (10, 20, 30) and multiprocessing.parent_process() is not None:
            tries = os.path.join(FOLDER, f"tries{self.bad}")
            with open(tries, "a") as file:
                file.write("x")
            if self.bad == 10:
                os._exit(1)
            if self.bad == 20 or os.path.getsize(tries) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
        return (x * x).sum(0)

    def grad(self, x):
        return 2.0 * x
'''


def test_a_worker_that_dies_costs_only_its_own_batch_and_only_when_it_dies_twice(tmp_path):
    """bad=10 leaves by itself and bad=20 is killed, both whenever they run; bad=30 dies the first time only.

    Between 20 and 30 lie enough others that 30 is not under way when 20 takes the pool with it.
    """
    Path("deadly.py").write_text(DEADLY.replace("FOLDER", repr(str(tmp_path))))
    over = {"problem.bad": [8, 9, 10, 18, *range(19, 31)], "lr": [0.01, 0.1, 0.5, 1.5, 2.0]}
    truth = stepbench.sweep("./deadly.py", "gd", over, budget=30)  # in this process it is harmless
    for made in (80, 0):
        with stepbench.Study("s.db", workers=2) as study:
            found = stepbench.sweep("./deadly.py", "gd", over, budget=30, study=study)
            assert (study.made, study.reused) == (made, 80 - made)
        deadly, others = [2, 5], [0, 1, 3, 4, *range(6, 16)]
        assert (found.ends.status[0, deadly] == "failed").all()
        assert np.isnan(found.ends.f[0, deadly]).all()
        assert found.ends.status[0, others].tolist() == truth.ends.status[0, others].tolist()
        assert "failed" not in found.ends.status[0, others]
        assert bits(found.ends.f[0, others]) == bits(truth.ends.f[0, others])
        assert bits(found.ends.point[0, others]) == bits(truth.ends.point[0, others])
        assert Path("tries10").read_text() == Path("tries20").read_text() == "xx"
        assert len(Path("tries30").read_text()) > 1
        reasons = scalars("s.db", "SELECT detail FROM runs WHERE status = 'failed'")
        assert len(reasons) == 10
        assert all("its worker died twice" in reason for reason in reasons)


def test_workers_that_cannot_start_are_no_verdict_on_the_runs(started):
    """A script without the guard that multiprocessing asks for: its workers die before they are given anything."""
    Path("unguarded.py").write_text(
        """
import stepbench
with stepbench.Study("s.db", workers=2) as study:
    stepbench.sweep("quadratic", "gd", ["lr=1e-4,1e-3"], budget=20, study=study)
"""
    )
    started("unguarded.py").wait(60)
    assert scalars("s.db", "SELECT detail FROM runs WHERE status = 'failed'") == []


RAISING = '''
from stepbench import Problem


class Raising(Problem):
    """A bowl that cannot be asked far out."""

    x0 = (1.0, 2.0)
    f_star = 0.0

    def f(self, x):
        if (abs(x) > 50).any():
            raise ArithmeticError("nothing is known beyond 50,\\n ∇f least of all")
        return (x * x).sum(0)

    def grad(self, x):
        return 2.0 * x
'''


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_raises_is_failed_and_its_mates_are_not_touched(workers):
    Path("raising.py").write_text(RAISING)
    over = {"w1": [-49.0, 0.5, 3.0, 60.0], "lr": [0.0001, 0.1, 0.4, 0.5, 1.01, 1.5, 3.0]}
    with stepbench.Study("s.db", workers=workers) as study:
        found = stepbench.sweep("./raising.py", "gd", over, budget=40, target=1e-6, study=study)
        kept = outcomes_of(study)
    assert len(kept) == 28
    raised = np.zeros(found.ends.status.shape, dtype=bool)
    for i, w1 in enumerate(over["w1"]):
        for j, lr in enumerate(over["lr"]):
            try:
                alone = run_quietly("./raising.py", f"gd:lr={lr}", start=[w1, 2.0], budget=40, target=1e-6)
            except ArithmeticError:
                raised[0, i, j] = True
                assert found.ends.status[0, i, j] == "failed"
                continue
            assert found.ends.status[0, i, j] == alone.status
            assert found.ends.evals[0, i, j] == alone.evals[-1]
            assert bits(found.ends.f[0, i, j]) == bits(alone.f[-1])
            assert bits(found.ends.point[0, i, j]) == bits(alone.x[-1])
    assert {"converged", "budget"} == set(found.ends.status[~raised])
    assert 8 < raised.sum() < 20
    assert not found.reached[raised].any()
    failed = [outcome for outcome in kept.values() if outcome.status == "failed"]
    assert len(failed) == raised.sum()
    for outcome in failed:
        assert outcome.detail == "ArithmeticError: nothing is known beyond 50,\n ∇f least of all"
        assert outcome[2:] == (None,) * 11


def test_a_failed_run_is_not_made_again(monkeypatch):
    Path("raising.py").write_text(RAISING)
    over = {"w1": [0.5, 60.0], "lr": [0.1, 1.5]}
    first = stepbench.sweep("./raising.py", "gd", over, budget=40, study="s.db")
    before = content("s.db")

    def never(work):
        raise AssertionError("nothing is missing")

    monkeypatch.setattr(importlib.import_module("stepbench.study.study"), "perform", never)
    for traces in (False, True):
        with stepbench.Study("s.db", traces=traces) as study:
            if traces:
                over = {"w1": [60.0], "lr": [0.1, 1.5]}  # they left no trace that could be had now
            again = stepbench.sweep("./raising.py", "gd", over, budget=40, study=study)
            assert study.made == 0
        if not traces:
            assert (again.ends.status == first.ends.status).all()
    assert content("s.db") == before


# Only what is missing


def names_of(subset):
    return st.lists(st.sampled_from(subset), min_size=1, max_size=len(subset), unique=True)


@settings(max_examples=40, deadline=None)
@given(*[st.tuples(names_of([1e-4, 1e-3, 0.01]), names_of([0, 1, 7]), names_of([10.0, 100.0]))] * 2)
def test_a_grid_that_grows_makes_only_what_is_new(one, other):
    def grid(values):
        return dict(zip(("lr", "seed", "problem.kappa"), values, strict=True))

    def cells(values):
        lrs, seeds, kappas = values
        return {(lr, seed, kappa) for lr in lrs for seed in seeds for kappa in kappas}

    with stepbench.Study() as study:
        stepbench.sweep("quadratic", "gd", grid(one), noise=0.1, budget=3, study=study)
        assert (study.made, study.reused) == (len(cells(one)), 0)
        there = outcomes_of(study)
        found = stepbench.sweep("quadratic", "gd", grid(other), noise=0.1, budget=3, study=study)
        new = len(cells(other) - cells(one))
        assert (study.made, study.reused) == (len(cells(one)) + new, len(cells(other)) - new)
        now = outcomes_of(study)
    assert len(now) == len(cells(one) | cells(other))
    assert {key: now[key] for key in there} == there
    alone = stepbench.sweep("quadratic", "gd", grid(other), noise=0.1, budget=3)
    assert bits(found.ends.f) == bits(alone.ends.f)


CHOICES = {
    "problem": ["quadratic", "quadratic:kappa=900", "quadratic:dim=3", "rosenbrock"],
    "method": ["adam", "adam:beta1=0.5", "momentum"],
    "budget": [4, 5],
    "steps": [None, 3],
    "seed": [0, 1, 2**40],
    "target": [1e-6, 0.5],
    "noise": [0.0, 0.1],
    "start": [None, 0.25],
}
CONFIGURATIONS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()})


@settings(max_examples=100, deadline=None)
@given(CONFIGURATIONS, st.sets(st.sampled_from([*CHOICES]), max_size=2), st.data())
def test_whatever_differs_makes_another_run(one, changing, data):
    other = one | {name: data.draw(st.sampled_from(CHOICES[name])) for name in changing}

    def ask(study, problem, start, method, **options):
        start = None if start is None else [start] * catalog.problem(problem).x0.size
        stepbench.sweep(problem, method, {"lr": [0.01]}, start=start, study=study, **options)
        return study.made

    with stepbench.Study() as study:
        assert ask(study, **one) == 1
        assert ask(study, **other) == (1 if one == other else 2)
        assert len(outcomes_of(study)) == study.made


def test_another_version_makes_everything_again(monkeypatch):
    with stepbench.Study("s.db") as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=5, study=study)
        monkeypatch.setattr(identity, "version", lambda: "9.9")
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3]}, budget=5, study=study)
        assert (study.made, study.reused) == (4, 0)
        assert {json.loads(text)["stepbench"] for text in study.store.settings().values()} > {"9.9"}


@pytest.mark.parametrize("kind", ["problem", "rule"])
def test_a_file_is_known_by_what_it_holds_wherever_it_lies(kind):
    first, second = (DEADLY, RULE)[kind == "rule"], (DEADLY, RULE)[kind == "rule"] + "\n# another\n"
    first, second = (text.replace("FACTOR", "0.5").replace("FOLDER", "'.'") for text in (first, second))
    Path("deep").mkdir()

    def made_by(study, file, text):
        Path(file).write_text(text)
        problem, method = (file, "gd") if kind == "problem" else ("quadratic", f"adam+{file}")
        before = study.made
        stepbench.sweep(problem, method, {"lr": [1e-4, 1e-3]}, budget=5, study=study)
        return study.made - before

    with stepbench.Study() as study:
        assert made_by(study, "./mine.py", first) == 2
        assert made_by(study, "./mine.py", second) == 2
        assert made_by(study, "./mine.py", first) == 0
        assert made_by(study, "./deep/mine.py", second) == 0
        assert made_by(study, str(Path("deep/mine.py").absolute()), first) == 0
        assert made_by(study, "./deep/other.py", "\n" + first) == 2


GRID = {"problem.kappa": [10.0, 100.0], "lr": [1e-3, 0.01], "seed": [0, 1], "w1": [0.5, 2.0]}
TOLD = {"budget": 5, "target": 1.0, "noise": 0.0}
ROUTES = {
    "reordered": ("quadratic", "gd", dict(reversed(GRID.items())), {}),
    "as texts": ("quadratic", "gd", ["w1=0.5,2", "seed=0:2", "lr=0.001:0.01:2:log", "problem.kappa=10:100:2"], {}),
    "in part": ("quadratic", "gd", {**GRID, "lr": [0.01], "seed": [1]}, {}),
    "a fixed problem": ("quadratic:kappa=1e2", "gd", {k: GRID[k] for k in ("lr", "seed", "w1")}, {}),
    "a fixed method": ("quadratic", "gd:lr=1e-2", {k: GRID[k] for k in ("problem.kappa", "seed", "w1")}, {}),
    "another name": ("quadratic", "sgd:lr=.01", {k: GRID[k] for k in ("problem.kappa", "seed", "w1")}, {}),
    "a whole spec": ("quadratic", "gradient+constant", GRID, {}),
    "stated defaults": ("quadratic:dim=2,angle=0", "gd", GRID, {"steps": None}),
    "a fixed seed": ("quadratic", "gd", {k: GRID[k] for k in ("problem.kappa", "lr", "w1")}, {"seed": 1}),
    "a fixed start": ("quadratic", "gd", {"seed": [0, 1]}, {"start": [2.0, 2.0], "method": "gd:lr=0.01"}),
    "a start and an axis": ("quadratic", "gd", {k: GRID[k] for k in ("seed", "w1")}, {"start": [9.0, 2.0]}),
    "a start and two values": ("quadratic", "gd", {"lr": [1e-3, 0.01]}, {"start": [2.0, 2.0]}),
    "whole numbers": ("quadratic", "gd", {**GRID, "w1": [2]}, {"noise": 0, "target": 1}),
    "NumPy's numbers": (
        "quadratic",
        "gd",
        {k: np.array(v) for k, v in GRID.items()},
        {"budget": np.int64(5), "target": np.float64(1), "noise": np.float32(0)},
    ),
    "NumPy's seed": ("quadratic", "gd", {k: GRID[k] for k in ("lr", "w1")}, {"seed": np.int64(1)}),
}


@pytest.mark.parametrize("route", ROUTES)
def test_the_same_run_asked_for_in_another_way_is_there(route):
    problem, method, over, options = ROUTES[route]
    method = options.get("method", method)
    if "kappa" not in problem and "problem.kappa" not in over and not isinstance(over, list):
        problem = "quadratic:kappa=10"
    if "lr" not in over and "lr" not in method and not isinstance(over, list):
        method += ":lr=0.001"
    told = {k: v for k, v in (TOLD | options).items() if k != "method"}
    with stepbench.Study() as study:
        stepbench.sweep("quadratic", "gd", GRID, study=study, **TOLD)
        assert study.made == 16
        found = stepbench.sweep(problem, method, over, study=study, **told)
        assert (study.made, study.reused) == (16, found.ends.f.size)
    alone = stepbench.sweep(problem, method, over, **told)
    assert bits(found.ends.point) == bits(alone.ends.point)


@pytest.mark.parametrize(
    ("over", "options"),
    [
        ({"lr": [1e-3]}, {"start": [-1.0, 2.0]}),
        ({"lr": [1e-3], "w1": [-1.0]}, {}),
        ({"lr": [1e-3], "w2": [2.0], "w1": [-1.0]}, {}),
        ({"w1": [-1.0, 3.0]}, {"method": "gd:lr=1e-3"}),
        ({"lr": [1e-3, 1e-2], "w1": [-1.0, 3.0]}, {}),
    ],
)
def test_the_problems_own_start_is_the_same_run_however_it_is_given(over, options):
    with stepbench.Study() as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-3]}, budget=5, study=study)
        method = options.pop("method", "gd") if "method" in options else "gd"
        found = stepbench.sweep("quadratic", method, over, budget=5, study=study, **options)
        assert study.reused == 1
        assert study.made == found.ends.f.size


def test_a_run_that_is_asked_for_twice_at_once_is_made_once():
    with stepbench.Study() as study:
        found = stepbench.sweep("quadratic", ["gd", "sgd", "gd"], {"lr": [1e-3, 0.01]}, budget=5, study=study)
        assert bits(found.ends.f[0]) == bits(found.ends.f[1]) == bits(found.ends.f[2])
        assert len(outcomes_of(study)) == 2
        assert (study.made, study.reused) == (2, 4)


@pytest.mark.parametrize("seed", [2**31, 2**63 - 1, 2**63, 2**64, 2**128])
def test_a_seed_of_any_size_is_kept_or_refused_in_a_line(stepbench_cli, seed):
    code, _, err = stepbench_cli(*SMALL, "--seed", str(seed), "--noise", "0.1", "--study", "s.db")
    if seed < 2**63:
        assert (code, err) == (0, "")
    assert code in (0, 2)
    assert len(err.splitlines()) == (code == 2)
    if code == 0:
        again = stepbench_cli(*SMALL, "--seed", str(seed), "--noise", "0.1", "--study", "s.db")
        assert "0 runs made, 2 were there" in again[1]


def test_a_field_whose_choices_have_capitals_can_be_swept():
    Path("cased.py").write_text(
        DEADLY.replace("bad: int = 0", 'form: Literal["PR", "FR"] = "PR"')
        .replace("import os\n", "import os\nfrom typing import Literal\n")
        .replace("self.bad", "0")
    )
    found = stepbench.sweep("./cased.py", "gd", {"problem.form": ["PR", "FR"], "lr": [0.1, 0.2]}, budget=5)
    assert (found.ends.status == "budget").all()


# Files that are no study, or not a whole one


def made_study(path="s.db", seeds=3):
    stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3], "seed": range(seeds)}, noise=0.1, budget=20, study=path)
    return Path(path).read_bytes()


def cut_at(part):
    def make(path):
        data = made_study(path)
        path.write_bytes(
            data[: part if isinstance(part, int) and part > 0 else int(len(data) * part) if part > 0 else part]
        )

    return make


def made_newer(path):
    made_study(path)
    with closing(sqlite3.connect(path)) as db:
        [(version,)] = db.execute("PRAGMA user_version")
        db.execute(f"PRAGMA user_version = {version + 1}")


def made_by_another_program(path):
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "CREATE TABLE runs (key BLOB PRIMARY KEY, setting BLOB); INSERT INTO runs VALUES (x'00', x'01')"
        )


def made_with_bytes_that_are_no_text(path):
    path.write_bytes(made_study(path).replace(b"budget spent", b"\xff\xfe\xfd" + b"get spent"))
    assert b"\xff\xfe\xfd" in path.read_bytes()


def made_with_a_page_of_garbage(path):
    data = bytearray(made_study(path, seeds=60))
    [root] = scalars(path, "SELECT rootpage FROM sqlite_master WHERE name = 'runs'")
    [size] = scalars(path, "PRAGMA page_size")
    data[(root - 1) * size : root * size] = random.Random(1).randbytes(size)
    path.write_bytes(data)


def picture(path):
    from matplotlib.figure import Figure

    image = io.BytesIO()
    Figure().savefig(image, format="png")
    path.write_bytes(image.getvalue())


NO_STUDIES = {
    **{f"cut to {n} bytes": (cut_at(n), ("truncated", "damaged")) for n in (16, 17, 50, 99, 100, 101, 4096)},
    "cut to 1 byte": (cut_at(1), ("truncated", "not a study")),
    "cut in half": (cut_at(0.5), ("truncated", "damaged")),
    "cut by one byte": (cut_at(-1), ("truncated", "damaged")),
    "newer": (made_newer, ("newer",)),
    "another program's": (made_by_another_program, ("another program",)),
    "text": (lambda path: path.write_text("SQLite format 3 is what this is not\n" * 99), ("not a study",)),
    "a short text": (lambda path: path.write_text("x"), ("not a study",)),
    "a picture": (picture, ("not a study",)),
    "no text where text should be": (made_with_bytes_that_are_no_text, ("damaged",)),
    "a page of garbage": (made_with_a_page_of_garbage, ("damaged",)),
}


@pytest.mark.parametrize("kind", NO_STUDIES)
def test_a_file_that_is_no_whole_study_is_one_line_and_stays_as_it_is(stepbench_cli, kind):
    make, says = NO_STUDIES[kind]
    make(Path("s.db"))
    before = Path("s.db").read_bytes()
    args = ("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-3", "--over", "seed=0:60", "--noise", "0.1")
    code, out, err = stepbench_cli(*args, "--budget", "20", "--study", "s.db")
    assert (code, out) == (2, "")
    assert err.startswith("stepbench: s.db ")
    assert len(err.splitlines()) == 1
    assert any(words in err for words in says)
    assert Path("s.db").read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["s.db"]


def test_garbage_anywhere_is_never_a_traceback_nor_another_number():
    data, truth = (
        made_study(seeds=60),
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3], "seed": range(60)}, noise=0.1, budget=20),
    )
    found, rng = [], random.Random(3)
    [page] = scalars("s.db", "PRAGMA page_size")
    for at in range(page, len(data), page):
        damaged = bytearray(data)
        damaged[at : at + page] = rng.randbytes(page)
        Path("d.db").write_bytes(damaged)
        try:
            with stepbench.Study("d.db") as study:
                again = stepbench.sweep(
                    "quadratic", "gd", {"lr": [1e-4, 1e-3], "seed": range(60)}, noise=0.1, budget=20, study=study
                )
        except stepbench.InputError as error:
            found.append(str(error))
            assert Path("d.db").read_bytes() == bytes(damaged)
        else:
            assert bits(again.ends.f) == bits(truth.ends.f)
    assert len(found) > 3
    assert all("damaged" in message for message in found)


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
        assert (code, err) == (0, "")  # who only reads need not wait for who may write
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
        assert scalars("s.db", "SELECT count(*) FROM runs") == [6]
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


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_commit_that_another_process_ends_while_the_file_is_looked_at_is_no_damage(monkeypatch, looks):
    """The file is as in the middle of a commit, its header written, its last page not; it is whole after some looks."""
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


def test_a_study_can_be_opened_at_any_moment_of_anothers_commits(started):
    process = started(*SWEEP, "--over", "seed=0:20", "--noise", "0.1", "--budget", "100", "--study", "s.db")
    wait_for_a_commit(process, Path("s.db"))
    opened = 0
    while process.poll() is None:
        Store("s.db")
        opened += 1
    assert opened > 100
    assert process.wait() == 0


# A disk that is full, a place that cannot be written


@pytest.mark.parametrize("place", ["/sys/s.db", "/proc/s.db", "no/such/folder/s.db", "folder"])
def test_a_place_that_cannot_be_written_is_found_before_anything_runs(stepbench_cli, monkeypatch, place):
    def never(work):
        raise AssertionError("something was run")

    monkeypatch.setattr(importlib.import_module("stepbench.study.study"), "perform", never)
    Path("folder").mkdir()
    code, out, err = stepbench_cli(*SMALL, "--study", place)
    assert (code, out) == (2, "")
    assert err.startswith(f"stepbench: {place} cannot be ")
    assert len(err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["folder"]


@pytest.mark.parametrize(
    "args", [("sweep", "rosenbrok", *SMALL[2:]), (*SMALL, "--start", "1"), (*SMALL, "--budget", "0")]
)
def test_input_that_is_refused_leaves_no_file_behind(stepbench_cli, args):
    assert stepbench_cli(*args, "--study", "s.db")[0] == 2
    assert not Path("s.db").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_disk_that_fills_up_says_what_is_kept_and_loses_nothing_of_it(started, workers):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, {resource.RLIM_INFINITY}))"
    main = f"{limit}; from stepbench import cli; cli.main({[*SWEEP[2:], '--over', 'seed=0:40', '--workers', workers]!r}"
    process = started("-c", f"{main} + ['--budget', '50', '--noise', '0.1', '--study', 's.db'])")
    assert process.wait(60) == 2
    err = process.err.read_text()
    assert len(err.splitlines()) == 1
    told = re.match(
        r"stepbench: s\.db cannot grow, the disk may be full: .*\. (\d+) of 800 runs are (?:made and )?kept", err
    )
    assert told, err
    rows = content("s.db")["runs"]
    assert 0 < len(rows) == int(told[1]) < 800
    assert started.all_end_within(10)
    over = ["lr=1e-5:1e-2:20:log", "seed=0:40"]
    with stepbench.Study("s.db") as study:
        stepbench.sweep("rosenbrock", "adam", over, noise=0.1, budget=50, study=study)
        assert (study.made, study.reused) == (800 - len(rows), len(rows))
    stepbench.sweep("rosenbrock", "adam", over, noise=0.1, budget=50, study="whole.db")
    assert content("s.db") == content("whole.db")


def test_a_disk_that_is_full_from_the_start_is_found_before_anything_runs(started):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, {resource.RLIM_INFINITY}))"
    spy = "from stepbench.study import study; study.perform = lambda work: open('it ran', 'w').close()"
    process = started("-c", f"{limit}; {spy}; from stepbench import cli; cli.main({[*SMALL, '--study', 's.db']!r})")
    assert process.wait(60) == 2
    assert process.err.read_text().startswith("stepbench: s.db cannot grow, the disk may be full: ")
    assert len(process.err.read_text().splitlines()) == 1
    assert not Path("it ran").exists()


def test_a_file_that_may_not_grow_keeps_every_run_that_it_counts():
    over = {"lr": [1e-4, 1e-3], "seed": range(80)}
    with stepbench.Study("s.db") as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4], "seed": [0]}, noise=0.1, budget=5, study=study)
        study.store._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(stepbench.InputError, match=r"s\.db cannot grow, the disk may be full") as refused:
            stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=5, study=study)
        [kept] = re.findall(r"(\d+) of 159 runs are (?:made and )?kept", str(refused.value))
        assert len(content("s.db")["runs"]) == int(kept) + 1 > 10
        study.store._db.execute("PRAGMA max_page_count = 1000000")
        stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=5, study=study)
        assert study.reused == int(kept) + 1
    stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=5, study="whole.db")
    assert content("s.db") == content("whole.db")


# Traces


def test_traces_are_the_records_of_the_runs_and_change_no_summary():
    Path("raising.py").write_text(RAISING)
    cells = {
        ("rosenbrock", "adam"): {"lr": [1e-3, 0.1, 1e300], "seed": [0, 5]},
        ("quadratic", "csawg:K=2"): {"lr": [9e-4, 0.5], "w1": [0.25, 3.0]},
        ("linear-regression:batch=10", "gd"): {"lr": [1e-4], "seed": [0, 1]},
        ("himmelblau", "scipy:bfgs"): {"w1": [0.5, -3.0]},
        ("./raising.py", "gd"): {"lr": [0.1, 1.5]},
    }
    without = {name for name in Outcome._fields if name not in ("trace", "curve")}
    summary = f"SELECT json_array({', '.join(f'quote({name})' for name in (*Head._fields, *without))}) FROM runs"
    with stepbench.Study("plain.db") as study:
        for (problem, method), over in cells.items():
            stepbench.sweep(problem, method, over, budget=60, target=0.5, study=study)
    shutil.copyfile("plain.db", "gained.db")
    for name in ("gained.db", "fresh.db"):
        with stepbench.Study(name, traces=True) as study:
            for (problem, method), over in cells.items():
                stepbench.sweep(problem, method, over, budget=60, target=0.5, study=study)
            assert study.made == (15 if name == "gained.db" else 16), "the run that raised has none to gain"
            for (problem, method), over in cells.items():
                stepbench.sweep(problem, method, over, budget=60, target=0.5, study=study)
            assert study.reused == (17 if name == "gained.db" else 16)
            traces = dict(study.store.traces())
            heads = {
                head.key: (text, head, outcome)
                for setting, text in study.store.settings().items()
                for head, outcome in study.store.runs(setting)
            }
        assert sorted(scalars(name, summary)) == sorted(scalars("plain.db", summary))
        assert len(traces) == 15
        statuses = set()
        for key, trace in traces.items():
            Path("trace.npz").write_bytes(trace)
            loaded = stepbench.load("trace.npz")
            text, head, outcome = heads[key]
            method = catalog.method(json.loads(text)["method"], **json.loads(head.parameters))
            start = None if head.start is None else np.frombuffer(head.start)
            target = json.loads(text)["target"]
            alone = run_quietly(loaded.problem, method, start=start, seed=head.seed, budget=60, target=target)
            for record in ("x", "f", "error", "distance", "gradient_norm", "step_size", "evals", "fevals"):
                mine, own = getattr(loaded, record), getattr(alone, record)
                if record == "step_size" and alone.steps == 0:
                    continue  # of no step; alone there is no array
                assert (mine is None) == (own is None)
                assert mine is None or (mine.shape == own.shape and mine.tobytes() == own.tobytes()), record
            assert (loaded.status, loaded.detail, loaded.steps) == (alone.status, alone.detail, alone.steps)
            assert (outcome.status, outcome.detail, outcome.steps) == (alone.status, alone.detail, alone.steps)
            assert outcome.point == bits(alone.x[-1])
            statuses.add(outcome.status)
        assert {"converged", "budget", "diverged"} <= statuses
    with stepbench.Study("gained.db") as study:
        for (problem, method), over in cells.items():
            stepbench.sweep(problem, method, over, budget=60, target=0.5, study=study)
        assert study.made == 0
    assert scalars("gained.db", "SELECT count(*) FROM runs WHERE trace IS NULL") == [1]


def test_a_trace_says_by_itself_which_run_it_is():
    with stepbench.Study(traces=True) as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3, 1e-2]}, budget=9, study=study)
        traces = [trace for _, trace in study.store.traces()]
    found = set()
    for trace in traces:
        Path("trace.npz").write_bytes(trace)
        loaded = stepbench.load("trace.npz")
        found.add(stepbench.method(loaded.method).rule.lr)
        assert bits(run_quietly(loaded.problem, loaded.method, budget=9, target=1e-6).x) == bits(loaded.x)
    assert found == {1e-4, 1e-3, 1e-2}


# Merging and removing

NUMBERS = st.dictionaries(st.integers(0, 12), st.sampled_from([0.5, 1.0, None]), max_size=13)
LETTERS = [b"a" * 16, b"b" * 16, b"c" * 16]


def filled(numbers, trace=None):
    """A store in memory of runs by number, three settings in turn; a run's f is the value, failed where None."""
    store = Store(None)
    for k, f in numbers.items():
        setting = LETTERS[k % 3]
        head = Head(k.to_bytes(16, "big"), setting, k, json.dumps({"lr": k / 10}), None)
        own = trace if f is not None else None
        outcome = Outcome("budget" if f else "failed", "", k, f=f, point=None if f is None else bits([f]), trace=own)
        store.put({setting: setting.decode()}, [(head, outcome)])
    return store


def rows_of(store):
    return {
        head.key[-1]: (head.setting, outcome) for setting in store.settings() for head, outcome in store.runs(setting)
    }


@given(NUMBERS, NUMBERS)
def test_merging_is_a_union_that_keeps_what_is_here_and_counts_what_differs(mine, others):
    with filled(mine) as here, filled(others, trace=b"a trace") as there:
        before, theirs = rows_of(here), rows_of(there)
        new, unlike = here.merge(there)
        assert new == len(others.keys() - mine.keys())
        assert unlike == sum(mine[k] != others[k] for k in mine.keys() & others.keys())
        assert rows_of(here) == theirs | before
        assert rows_of(there) == theirs
        assert [*here.settings()] == [
            letter for letter in LETTERS if any(s == letter for s, _ in rows_of(here).values())
        ]
        assert {key[-1] for key, _ in here.traces()} == {k for k, f in others.items() if f is not None}
        assert here.merge(there) == (0, unlike)
        assert rows_of(here) == theirs | before


def test_merging_studies_of_parts_is_the_study_of_the_whole():
    lrs = np.geomspace(1e-5, 1e-3, 250)
    for k, seeds in enumerate([[0, 1, 2], [2, 3]]):
        stepbench.sweep("quadratic", "gd", {"lr": lrs, "seed": seeds}, budget=1, noise=0.1, study=f"{k}.db")
    with Store("0.db") as here, Store("1.db") as there:
        assert here.merge(there) == (250, 0)
    stepbench.sweep("quadratic", "gd", {"lr": lrs, "seed": range(4)}, budget=1, noise=0.1, study="whole.db")
    assert content("0.db") == content("whole.db")
    with closing(sqlite3.connect("1.db")) as db, db:
        db.execute("UPDATE runs SET f = f + 1 WHERE seed = 3")
    with Store("0.db") as here, Store("1.db") as there:
        assert here.merge(there) == (0, 250)
    assert content("0.db") == content("whole.db")
    with Store("new.db") as here, Store("0.db") as there:
        assert here.merge(there) == (1000, 0)
    assert content("new.db") == content("whole.db")


@given(NUMBERS, st.sets(st.sampled_from(LETTERS)), st.sampled_from([None, "failed", "budget", "diverged"]))
def test_removing_takes_the_runs_of_some_settings_and_a_status_and_no_others(numbers, chosen, status):
    with filled(numbers) as store:
        before = rows_of(store)
        gone = {k for k, (s, outcome) in before.items() if s in chosen and status in (None, outcome.status)}
        assert store.remove(chosen, status) == len(gone)
        assert rows_of(store) == {k: row for k, row in before.items() if k not in gone}
        assert {*store.settings()} == {s for k, (s, _) in before.items() if k not in gone}
        assert store.remove(chosen, status) == 0


def test_removed_runs_are_made_again_and_the_file_shrinks():
    with stepbench.Study("s.db", traces=True) as study:
        stepbench.sweep("quadratic", ["gd", "adam"], {"lr": [1e-4, 1e300]}, budget=500, study=study)
        before, size = outcomes_of(study), Path("s.db").stat().st_size
        [diverged] = scalars("s.db", "SELECT count(*) FROM runs WHERE status = 'diverged'")
        assert 0 < diverged < 4
        assert study.store.remove(study.store.settings(), "diverged") == diverged
        [adam] = [key for key, text in study.store.settings().items() if "adam" in text]
        gone = study.store.remove([adam])
        assert len(outcomes_of(study)) == 4 - diverged - gone
        assert Path("s.db").stat().st_size < size
        stepbench.sweep("quadratic", ["gd", "adam"], {"lr": [1e-4, 1e300]}, budget=500, study=study)
        assert (study.made, study.reused) == (4 + diverged + gone, 4 - diverged - gone)
        assert outcomes_of(study) == before


# Each cell of a grid is the run that stepbench.run makes

LRS = st.lists(st.sampled_from([1e-4, 1e-3, 0.02, 0.3, 7.0, 1e200]), min_size=1, max_size=4, unique=True)
PROBLEMS = {
    "rosenbrock": {"problem.b": [1.0, 100.0]},
    "quadratic": {"problem.kappa": [5.0, 50.0], "problem.angle": [0.0, 30.0], "problem.dim": [2, 3]},
    "linear-regression:batch=10": {},
    "easom": {},
    "saddle": {},
    "himmelblau": {},
}
METHODS = {
    "gd": {"lr": LRS},
    "adam": {"lr": LRS, "beta1": st.lists(st.sampled_from([0.0, 0.5, 0.9]), min_size=1, unique=True)},
    "csawg": {"lr": LRS, "K": st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True)},
    "momentum+rdbd": {"lr": LRS},
    "rdbd:per=component": {"lr": LRS},
    "scipy:bfgs": {},
    "scipy:nelder-mead": {},
}


@st.composite
def grids(draw):
    """A problem, methods that share their axes, the axes in some order, and the options of a run."""
    problem = draw(st.sampled_from([*PROBLEMS]))
    peers = "batch" not in problem
    first = draw(st.sampled_from([name for name in METHODS if peers or "scipy" not in name]))
    axes = {name: draw(values) for name, values in METHODS[first].items() if draw(st.booleans())}
    axes |= {name: values for name, values in PROBLEMS[problem].items() if draw(st.booleans())}
    options = {"budget": draw(st.integers(1, 40)), "steps": draw(st.sampled_from([None, 1, 7]))}
    options["noise"] = 0.0 if "scipy" in first else draw(st.sampled_from([0.0, 0.5]))
    options["target"] = draw(st.sampled_from([1e-6, 1.0, 50.0])) if problem != "saddle" else None
    if draw(st.booleans()):
        axes["seed"] = draw(st.lists(st.integers(0, 9), min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        axes["w2"] = draw(st.lists(st.sampled_from([-70.25, 0.125, 60.5]), min_size=1, max_size=3, unique=True))
    if draw(st.booleans()) and "problem.dim" not in axes:
        options["start"] = [draw(st.sampled_from([0.25, 70.5])) for _ in catalog.problem(problem).x0]
    axes = axes or {"seed": [4]}
    return problem, first, {name: axes[name] for name in draw(st.permutations([*axes]))}, options


@settings(max_examples=60, deadline=None)
@given(grids())
def test_each_cell_of_a_grid_has_the_bits_of_that_run_alone(grid):
    problem, method, axes, options = grid
    with stepbench.Study() as study:
        fresh = stepbench.sweep(problem, method, axes, study=study, **options)
        kept = stepbench.sweep(problem, method, axes, study=study, **options)
        assert study.made == study.reused == fresh.ends.f.size
        outcomes = outcomes_of(study)
    told = {name: value for name, value in options.items() if name != "start"}
    told["target"] = None if catalog.problem(problem).f_star is None else told["target"]
    keys, swept = set(), {axis.name: axis.values for axis in fresh.axes}
    assert {name: set(values) for name, values in swept.items()} == {name: set(own) for name, own in axes.items()}
    for cell in np.ndindex(fresh.ends.f.shape):
        values = {name: own[k] for (name, own), k in zip(swept.items(), cell[1:], strict=True)}
        one = catalog.problem(problem, **{k.partition(".")[2]: v for k, v in values.items() if "problem." in k})
        own = catalog.method(method, **{k: v for k, v in values.items() if k in ("lr", "beta1", "K")})
        start = None
        if "start" in options or "w2" in values:
            start = np.array(options.get("start", one.x0), dtype=float)
            start[1] = values.get("w2", start[1])
        seed = values.get("seed", 0)
        alone = run_quietly(one, own, start=start, seed=seed, **told)
        [head] = batch(one, own, start=start, seed=seed, **told).heads
        keys.add(head.key)
        outcome = outcomes[head.key]
        assert (outcome.status, outcome.detail, outcome.steps) == (alone.status, alone.detail, alone.steps)
        assert (outcome.evals, outcome.fevals) == (alone.evals[-1], alone.fevals[-1])
        for ends in (fresh.ends, kept.ends):
            assert ends.status[cell] == alone.status
            assert (ends.evals[cell], ends.fevals[cell]) == (alone.evals[-1], alone.fevals[-1])
            assert bits(ends.f[cell]) == bits(alone.f[-1] + 0)  # SQLite knows no -0
            assert bits(ends.point[cell][: alone.x.shape[1]]) == bits(alone.x[-1])
            if alone.error is None:
                assert np.isnan(ends.error[cell])
            else:
                assert bits(ends.error[cell]) == bits(alone.error[-1])
    assert keys == outcomes.keys()
