"""Studies that the tests make, and what is read off their files."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

import stepbench
from stepbench.engine.columns import KEPT
from stepbench.study.runs import PLACES, Heads, Outcomes, Piece, objects
from stepbench.study.store import Store
from tests.waiting import wait_until

SWEEP = ("-m", "stepbench", "sweep", "rosenbrock", "-m", "adam", "--over", "lr=1e-5:1e-2:20:log")
NOISY = ("--noise", "0.1", "--budget", "200")
SMALL = ("sweep", "quadratic", "-m", "gd", "--over", "lr=1e-4,1e-3", "--budget", "20")


def content(path):
    """Every run and every setting of a study, each as its text, in which 1 is not 1.0."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Store(path) as store:
        settings = [repr((key, text, store.size(key))) for key, text in store.settings().items()]
    return {"runs": sorted(map(repr, runs_of(path))), "settings": settings}


def runs_of(path):
    """Every run that a study keeps, with its trace."""
    with Store(path) as store:
        traces = dict(store.traces())
        runs = [run for setting in store.settings() for run in store.runs(setting)]
    return [run._replace(trace=traces.get(run.key)) for run in runs]


def scalars(path, query):
    with closing(sqlite3.connect(path)) as db:
        return [value for (value,) in db.execute(query)]


def give_other_numbers(path, which):
    """Give some runs another f, as if they had been made so: with the checksums of their new numbers."""
    with Store(path) as store:
        for setting, text in store.settings().items():
            piece = store.found(setting)
            piece = piece.part([which(run) for run in piece.runs()])
            f = piece.outcomes.numbers[:, PLACES["f"]]
            f[:] = np.where(f == 0, 1.0, 0.0)
            with store._transaction():
                store._remove(setting, {*piece.heads.key})
                store.put({setting: text}, [piece])


def outcomes_of(study):
    """Every run that a study keeps, by its key."""
    return {run.key: run for setting in study.store.settings() for run in study.store.runs(setting)}


def piece(key, f=None, *, setting, parameters="{}", seed=0, point=(), trace=None):
    """A run by itself, as it is put into a study; without f it has failed."""
    numbers = np.full((1, len(KEPT)), np.nan)
    if f is not None:
        numbers[0, [PLACES["steps"], PLACES["f"]]] = seed, f
    status, nothing = "failed" if f is None else "budget", objects([None])
    heads = Heads(objects([key]), np.array([seed]), objects([parameters]), np.empty((1, 0)))
    blobs = (nothing, nothing) if trace is None else (objects([b""]), objects([trace]))
    return Piece(setting, heads, Outcomes(objects([status]), objects([""]), numbers, np.array([point]), *blobs))


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
                return db.execute("SELECT coalesce(sum(runs), 0) FROM settings").fetchone()[0] >= least
        except sqlite3.OperationalError:
            return False

    wait_until(lambda: process.poll() is not None or there())
