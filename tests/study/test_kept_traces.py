"""Traces that are kept in a study."""

import json
import shutil
from pathlib import Path

import stepbench
from stepbench import catalog
from stepbench.engine.running import run_quietly
from stepbench.study.store import Store
from tests.study.kept import bits, runs_of
from tests.study.own_files import RAISING


def test_traces_are_the_records_of_the_runs_and_change_no_summary():
    Path("raising.py").write_text(RAISING)
    cells = {
        ("rosenbrock", "adam"): {"lr": [1e-3, 0.1, 1e300], "seed": [0, 5]},
        ("quadratic", "csawg:K=2"): {"lr": [9e-4, 0.5], "w1": [0.25, 3.0]},
        ("linear-regression:batch=10", "gd"): {"lr": [1e-4], "seed": [0, 1]},
        ("himmelblau", "scipy:bfgs"): {"w1": [0.5, -3.0]},
        ("./raising.py", "gd"): {"lr": [0.1, 1.5]},
    }

    def ends(path):
        return sorted(repr(run._replace(curve=None, trace=None)) for run in runs_of(path))

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
            runs = {
                run.key: (text, run)
                for setting, text in study.store.settings().items()
                for run in study.store.runs(setting)
            }
        assert ends(name) == ends("plain.db")
        assert len(traces) == 15
        statuses = set()
        for key, trace in traces.items():
            Path("trace.npz").write_bytes(trace)
            loaded = stepbench.load("trace.npz")
            text, run = runs[key]
            method = catalog.method(json.loads(text)["method"], **json.loads(run.parameters))
            target = json.loads(text)["target"]
            alone = run_quietly(loaded.problem, method, start=run.start, seed=run.seed, budget=60, target=target)
            for record in ("x", "f", "error", "distance", "gradient_norm", "step_size", "evals", "fevals"):
                mine, own = getattr(loaded, record), getattr(alone, record)
                if record == "step_size" and alone.steps == 0:
                    continue  # no step was taken, and the run alone then has no array of step sizes
                assert (mine is None) == (own is None)
                assert mine is None or (mine.shape == own.shape and mine.tobytes() == own.tobytes()), record
            assert (loaded.status, loaded.detail, loaded.steps) == (alone.status, alone.detail, alone.steps)
            assert (run.status, run.detail, run.steps) == (alone.status, alone.detail, alone.steps)
            assert bits(run.point) == bits(alone.x[-1])
            statuses.add(run.status)
        assert {"converged", "budget", "diverged"} <= statuses
    with stepbench.Study("gained.db") as study:
        for (problem, method), over in cells.items():
            stepbench.sweep(problem, method, over, budget=60, target=0.5, study=study)
        assert study.made == 0
    with Store("gained.db") as store:
        assert len([*store.traces()]) == 15


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
