"""A run that was stopped goes on from its checkpoint with the bits of one that was not, whatever the method."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import EVERY_METHOD

import stepbench
from stepbench import checkpoint, engine, records
from stepbench.fields import InputError
from stepbench.result import RECORDS

STEPS = 23


def stopped_after(monkeypatch, after, /, *args, **options):
    """Run until the method has been asked for so many steps, and be interrupted in the middle of the next."""
    taken = 0
    advance = engine.Oracle.advance

    def interrupting(self, x=None):
        nonlocal taken
        taken += 1
        if taken > after:
            raise KeyboardInterrupt
        advance(self, x)

    with monkeypatch.context() as patch:
        patch.setattr(engine.Oracle, "advance", interrupting)
        with pytest.raises(stepbench.Interrupted) as stop:
            stepbench.run(*args, **options)
    return stop.value.result


def assert_same(one, other):
    for name in (*RECORDS, "steps", "status", "detail"):
        if name == "elapsed":
            continue
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert np.asarray(a).dtype == np.asarray(b).dtype, name
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), name


@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("method", EVERY_METHOD)
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
    """On a function the oracle remembers the last point from step to step: so must a checkpoint."""
    lr = np.array([1e-4, 3e-4, 1e-3])
    made = stepbench.method(method, **({"lr": lr} if method in ("gd", "lossgrad") else {}))
    options = {"steps": 40, "start": np.array([[-1.0, 0.5, 2.0], [0.0, 1.0, -1.0]])}
    whole = stepbench.run("rosenbrock", made, **options)
    stopped_after(monkeypatch, 17, "rosenbrock", made, **options, checkpoint="run.npz")
    assert_same(stepbench.run("rosenbrock", made, **options, checkpoint="run.npz"), whole)


@pytest.mark.parametrize("at", ["add", "_advance_marking", "save"])
@pytest.mark.parametrize("every", [1, 7])
def test_ctrl_c_waits_for_the_end_of_a_step(at, every, monkeypatch):
    """A signal while records are made, or a checkpoint is written, leaves neither half done."""
    home = {"add": records.Trace, "save": checkpoint.Checkpoint, "_advance_marking": engine.Loop}[at]
    whole = getattr(home, at)
    calls = 0

    def signalled(self, *args):
        nonlocal calls
        calls += 1
        if calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return whole(self, *args)

    options = {"steps": 300, "every": every, "checkpoint_every": 20}
    plain = stepbench.run("rosenbrock", "csawg", **options)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(home, at, signalled)
            patch.setattr(engine.time, "perf_counter", itertools.count(0, 1e-3).__next__)  # savings take no time
            with pytest.raises(stepbench.Interrupted) as stop:
                stepbench.run("rosenbrock", "csawg", **options, checkpoint="run.npz")
    finally:
        signal.signal(signal.SIGINT, before)
    partial = stop.value.result
    assert 0 < partial.steps < 300
    assert len(partial.f) == len(partial.evals) == len(partial.x)
    assert_same(stepbench.run("rosenbrock", "csawg", **options, checkpoint="run.npz"), plain)


def test_a_second_ctrl_c_does_not_wait():
    Path("slow.py").write_text(
        "import os, signal\nfrom stepbench import Problem\n\n"
        "class Slow(Problem):\n    x0 = (1.0, 2.0)\n    calls = [0]\n"
        "    def f(self, x):\n        return (x * x).sum(0)\n"
        "    def grad(self, x):\n        self.calls[0] += 1\n"
        "        if self.calls[0] > 30:\n"
        "            for _ in range(2):\n                os.kill(os.getpid(), signal.SIGINT)\n"
        "            for _ in range(10**6):\n                pass\n            raise AssertionError('it waited')\n"
        "        return 2 * x\n"
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(stepbench.Interrupted):
            stepbench.run("./slow.py", "gd", budget=1000)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_is_kept_between_two_records_too(monkeypatch):
    saved = []
    save = checkpoint.Checkpoint.save

    def saving(self, loop):
        saved.append(loop.mark.step)
        save(self, loop)

    monkeypatch.setattr(checkpoint.Checkpoint, "save", saving)
    monkeypatch.setattr(engine.time, "perf_counter", lambda: 0.0)  # savings take no time
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
    code = "import stepbench; stepbench.run('rosenbrock', 'adam+rdbd', budget=400_000, checkpoint='r.npz', trace=False)"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    file = tmp_path / "r.npz"
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    with np.load(file) as held:
        step = json.loads(str(held["text"]))["data"]["mark"][0]
    assert 1000 <= step < 400_000
    assert step % 1000 < 256, "it is saved at the first end of a block after 1,000 steps"
    on = stepbench.run("rosenbrock", "adam+rdbd", budget=400_000, checkpoint=file, trace=False)
    assert_same(on, stepbench.run("rosenbrock", "adam+rdbd", budget=400_000, trace=False))


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
    with pytest.raises(InputError, match=r"run\.npz is not a checkpoint that stepbench wrote"):
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


def test_the_command_says_how_to_go_on(tmp_path):
    command = [sys.executable, "-m", "stepbench", "run", "rosenbrock", "-m", "adam", "--budget", "30000000"]
    command += ["--every", "1000", "--checkpoint", "run.npz"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "kept in run.npz; the same command goes on from there" in err
    assert "interrupted" in out
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"], "nothing half-written is left"


def test_every_few_steps_is_a_thinned_trace():
    """The records of every 7 steps are those of a run that keeps all, and the last step is among them."""
    whole, thin = (stepbench.run("rosenbrock", "csawg", steps=50, every=every) for every in (1, 7))
    chosen = [*range(0, 50, 7), 50]
    assert thin.iteration.tolist() == chosen
    assert thin.steps == whole.steps == 50
    for name in ("x", "f", "evals", "step_size"):
        np.testing.assert_array_equal(getattr(thin, name), getattr(whole, name)[chosen])


def test_a_budget_spent_between_two_records_still_counts_its_last_step():
    whole, thin = (stepbench.run("rosenbrock", "csawg-p5", budget=100, every=every) for every in (1, 8))
    assert thin.steps == whole.steps
    assert thin.evals[-1] == whole.evals[-1] <= 100
    assert (thin.x[-1] == whole.x[-1]).all()


def test_a_thinned_batch_ends_each_run_at_its_own_record():
    lr = np.array([1e-4, 2e-3, 1e9])
    with pytest.warns(stepbench.DivergenceWarning, match="by step|at step"):
        batch = stepbench.run("quadratic", stepbench.method("gd", lr=lr), steps=40, every=6)
    for r in range(3):
        alone = engine.run_quietly("quadratic", stepbench.method("gd", lr=lr[r]), steps=40, every=6)
        assert (batch[r].status, batch[r].detail) == (alone.status, alone.detail)
        np.testing.assert_array_equal(batch[r].f, alone.f)
        np.testing.assert_array_equal(batch[r].iteration, alone.iteration)
    assert re.search(r"not finite by step \d+", str(batch.detail[2]))


def test_epochs_are_gradient_evaluations():
    r = stepbench.run("linear-regression:n=40,batch=8", "gd", epochs=2.5)
    assert r.budget == r.evals[-1] == round(2.5 * 5)
    for wrong in ({"epochs": 1, "budget": 3}, {"epochs": 0}, {"epochs": -1.0}):
        with pytest.raises(InputError, match="epochs"):
            stepbench.run("linear-regression:n=40,batch=8", "gd", **wrong)
