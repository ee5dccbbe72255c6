"""Studies that the tests make, and what is read off their files."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

import stepbench
from stepbench.study.batch import PLACES
from stepbench.study.rows import RUNS, run_of, run_row
from tests.waiting import wait_until

SWEEP = ("-m", "stepbench", "sweep", "rosenbrock", "-m", "adam", "--over", "lr=1e-5:1e-2:20:log")
NOISY = ("--noise", "0.1", "--budget", "200")
SMALL = ("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-3", "--budget", "20")


def content(path):
    """Every row of both tables in the order of their keys, each as its text, in which 1 is not 1.0."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {name: [repr(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY 1")] for name in tables}
    return rows or {"runs": [], "settings": []}


def scalars(path, query):
    with closing(sqlite3.connect(path)) as db:
        return [value for (value,) in db.execute(query)]


def give_other_numbers(path, where):
    """Give some runs another f, as if they had been made so: with the checksums of their new numbers."""
    with closing(sqlite3.connect(path)) as db, db:
        for *row, trace in db.execute(f"SELECT * FROM runs WHERE {where}").fetchall():
            head, outcome = run_of(row)
            numbers = [*outcome.numbers]
            numbers[PLACES["f"]] = 1.0 if outcome.f == 0 else 0.0
            changed = run_row(head, outcome._replace(numbers=tuple(numbers)))
            db.execute(f"REPLACE INTO runs VALUES ({', '.join('?' for _ in RUNS)})", [*changed[:-1], trace])


def outcomes_of(study):
    """Every outcome that a study keeps, by its run's key."""
    return {head.key: outcome for setting in study.store.settings() for head, outcome in study.store.runs(setting)}


def bits(values):
    return np.asarray(values, dtype=float).tobytes()


def made_study(path="s.db", seeds=3):
    stepbench.sweep("quadratic", "gd", {"lr": [1e-4, 1e-3], "seed": range(seeds)}, noise=0.1, budget=20, study=path)
    return Path(path).read_bytes()


def wait_for_a_commit(process, path):
    """Return as soon as the file changes, or the process has ended."""

    def stamp():
        try:
            return path.stat().st_mtime_ns, path.stat().st_size
        except FileNotFoundError:
            return None

    before = stamp()
    wait_until(lambda: process.poll() is not None or stamp() != before)


def wait_for_runs(process, path, least=1):
    """Return as soon as the file holds so many runs, or the process has ended."""
    place = f"{Path(path).absolute().as_uri()}?mode=ro"

    def there():
        try:
            with closing(sqlite3.connect(place, uri=True)) as db:
                return db.execute("SELECT count(*) FROM runs").fetchone()[0] >= least
        except sqlite3.OperationalError:
            return False

    wait_until(lambda: process.poll() is not None or there())
