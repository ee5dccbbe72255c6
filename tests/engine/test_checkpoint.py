"""A run that was stopped goes on from its checkpoint with the bits of one that was not, whatever the method."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench.engine import checkpoint, loop
from stepbench.fields import InputError
from tests.engine.stopping import assert_same, stopped_after
from tests.every_method import EVERY_METHOD, parameters

STEPS = 23


@pytest.mark.one_in(7)
@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("method", parameters(EVERY_METHOD))
def test_every_method_goes_on_bit_for_bit(method, monkeypatch):
    problem = "linear-regression:n=20,dim=3,batch=5"
    options = {"steps": STEPS, "seed": 3, "noise": 0.01}
    whole = stepbench.run(problem, method, **options)
    assert whole.steps > 5, "nothing to interrupt"
    kept = {"checkpoint": "run.npz", "checkpoint_every": 4}
    for after in (2, 5):
        stopped_after(monkeypatch, after, problem, method, **options, **kept)
    assert_same(stepbench.run(problem, method, **options, **kept), whole)
    assert_same(stepbench.run(problem, method, **options, **kept), whole)  # the end is kept too


@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("method", ["gd", "lossgrad", "sls", "csawg:lr=1e-4", "nesterov", "l4", "bb"])
def test_what_was_paid_for_is_not_charged_again(method, monkeypatch):
    """On a function the oracle remembers the last point from step to step, and so must a checkpoint."""
    lr = np.array([1e-4, 3e-4, 1e-3])
    made = stepbench.method(method, **({"lr": lr} if method in ("gd", "lossgrad") else {}))
    options = {"steps": 40, "start": np.array([[-1.0, 0.5, 2.0], [0.0, 1.0, -1.0]])}
    whole = stepbench.run("rosenbrock", made, **options)
    stopped_after(monkeypatch, 17, "rosenbrock", made, **options, checkpoint="run.npz")
    assert_same(stepbench.run("rosenbrock", made, **options, checkpoint="run.npz"), whole)


def test_it_is_kept_between_two_records_too(monkeypatch):
    saved = []
    save = checkpoint.Checkpoint.save

    def saving(self, loop):
        saved.append(loop.mark.step)
        save(self, loop)

    monkeypatch.setattr(checkpoint.Checkpoint, "save", saving)
    monkeypatch.setattr(loop.time, "perf_counter", lambda: 0.0)  # savings take no time
    options = {"steps": 100, "every": 60, "checkpoint_every": 25, "checkpoint": "run.npz"}
    r = stepbench.run("rosenbrock", "adam", **options)
    assert saved == [25, 50, 75, 100, 100]
    assert r.iteration.tolist() == [0, 60, 100]


def test_ends_alone_go_on_too(monkeypatch):
    options = {"steps": 50, "trace": False}
    method = stepbench.method("adam", lr=np.array([0.01, 0.1]))
    whole = stepbench.run("rosenbrock", method, **options)
    stopped_after(monkeypatch, 20, "rosenbrock", method, **options, checkpoint="run.npz")
    assert_same(stepbench.run("rosenbrock", method, **options, checkpoint="run.npz"), whole)


def test_a_run_killed_between_two_savings_goes_on_from_the_last(tmp_path):
    """It kills itself, at the end of a block in which nothing was saved."""
    code = (
        "import os, signal, stepbench\n\n"
        "def deadly(done, total):\n    if done > 7500:\n        os.kill(os.getpid(), signal.SIGKILL)\n\n"
        "options = {'budget': 10_000, 'trace': False, 'checkpoint': 'r.npz', 'progress': deadly}\n"
        "stepbench.run('rosenbrock', 'adam+rdbd', **options)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == -signal.SIGKILL
    file = tmp_path / "r.npz"
    with np.load(file) as held:
        step = json.loads(str(held["text"]))["data"]["mark"][0]
    assert 1000 <= step <= 7500
    assert step % 1000 < 256, "it is saved at the first end of a block after 1,000 steps"
    on = stepbench.run("rosenbrock", "adam+rdbd", budget=10_000, checkpoint=file, trace=False)
    assert_same(on, stepbench.run("rosenbrock", "adam+rdbd", budget=10_000, trace=False))


def test_a_user_rules_state_is_kept(monkeypatch):
    Path("mine.py").write_text(
        "from dataclasses import dataclass\nfrom typing import NamedTuple\nfrom stepbench import StepSize\n\n"
        "class Inner(NamedTuple):\n    k: int\n\n"
        "class State(NamedTuple):\n    alpha: object\n    seen: tuple\n    inner: Inner\n\n"
        "@dataclass(frozen=True)\nclass Mine(StepSize):\n"
        "    def init(self, x):\n        return State(0.001 + 0.0 * x[0], (), Inner(0))\n"
        "    def move(self, x, u, oracle, s):\n"
        "        alpha = s.alpha / (1 + s.inner.k) + 1e-5 * len(s.seen)\n"
        "        return x - alpha * u, State(alpha, (*s.seen, (u, oracle.value(x)))[-3:], Inner(s.inner.k + 1))\n"
    )
    whole = stepbench.run("quadratic", "./mine.py", steps=30)
    stopped_after(monkeypatch, 11, "quadratic", "./mine.py", steps=30, checkpoint="run.npz")
    assert_same(stepbench.run("quadratic", "./mine.py", steps=30, checkpoint="run.npz"), whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "gd:lr=0.002"}, "hyperparameters differ"),
        ({"problem": "rosenbrock:b=5"}, "problem_parameters, start differ"),
        ({"seed": 1}, "seed differ"),
        ({"budget": 99}, "budget, steps differ"),
        ({"method": "adam"}, "method, hyperparameters differ"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(change, words):
    options = {"problem": "rosenbrock", "method": "gd", "budget": 50} | change
    stepbench.run("rosenbrock", "gd", budget=50, checkpoint="run.npz")
    before = Path("run.npz").read_bytes()
    if "problem" in change:
        words = "problem_parameters differ"
    with pytest.raises(InputError, match=rf"^run.npz holds another run \({words}\): name another file, or remove it$"):
        stepbench.run(**options, checkpoint="run.npz")
    assert Path("run.npz").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04cut"])
def test_a_file_that_is_no_checkpoint_is_refused_and_kept(content):
    Path("run.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"run\.npz is damaged, or not a checkpoint that stepbench wrote"):
        stepbench.run("rosenbrock", "gd", budget=50, checkpoint="run.npz")
    assert Path("run.npz").read_bytes() == content


def test_a_truncated_checkpoint_is_refused():
    stepbench.run("rosenbrock", "gd", budget=50, checkpoint="run.npz")
    whole = Path("run.npz").read_bytes()
    for size in (1, len(whole) // 2, len(whole) - 10):
        Path("run.npz").write_bytes(whole[:size])
        with pytest.raises(InputError, match="not a checkpoint"):
            stepbench.run("rosenbrock", "gd", budget=50, checkpoint="run.npz")


def test_a_place_that_cannot_be_written_is_refused_before_anything_runs():
    with pytest.raises(InputError, match=r"the checkpoint nowhere.run.npz cannot be written"):
        stepbench.run("rosenbrock", "gd", budget=10**9, checkpoint=Path("nowhere") / "run.npz")
    assert not list(Path().iterdir())


def test_a_peer_cannot_be_checkpointed():
    with pytest.raises(InputError, match="scipy:bfgs owns its loop"):
        stepbench.run("rosenbrock", "scipy:bfgs", checkpoint="run.npz")
