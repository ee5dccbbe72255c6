"""Workers that die, and runs that fail."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench.engine.running import run_quietly
from tests.study.kept import bits, content, outcomes_of, runs_of
from tests.study.own_files import DEADLY, RAISING
from tests.waiting import PATIENCE


@pytest.mark.slow
def test_a_worker_that_dies_costs_only_its_own_batch_and_only_when_it_dies_twice(tmp_path):
    """bad=10 leaves its worker and bad=20 kills it, whenever they run; bad=30 kills it the first time only.

    There are enough others between 20 and 30 that 30 is not under way when 20 takes the pool with it.
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
        reasons = [run.detail for run in runs_of("s.db") if run.status == "failed"]
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
    started("unguarded.py").wait(PATIENCE)
    assert [run.detail for run in runs_of("s.db") if run.status == "failed"] == []


@pytest.mark.slow
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
        assert outcome[6:] == ((None,) * 8, None, None, None)


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
                over = {"w1": [60.0], "lr": [0.1, 1.5]}  # these failed, so that they have no trace to be made now
            again = stepbench.sweep("./raising.py", "gd", over, budget=40, study=study)
            assert study.made == 0
        if not traces:
            assert (again.ends.status == first.ends.status).all()
    assert content("s.db") == before
