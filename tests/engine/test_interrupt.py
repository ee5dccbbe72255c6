"""Ctrl-C: what it keeps, and when it waits."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench.engine import checkpoint, loop, records
from tests.engine.stopping import assert_same


def test_ctrl_c_keeps_what_there_is():
    class Impatient:
        def __call__(self, done, total):
            if done >= 500:
                raise KeyboardInterrupt

    with pytest.raises(stepbench.Interrupted) as stop:
        stepbench.run("rosenbrock", "gd", progress=Impatient())
    r = stop.value.result
    assert (r.status, r.detail) == ("failed", "interrupted")
    through = stepbench.run("rosenbrock", "gd")
    assert 500 <= r.steps < 10_000
    assert np.array_equal(r.x, through.x[: r.steps + 1])


@pytest.mark.parametrize("at", ["add", "_advance_marking", "save"])
@pytest.mark.parametrize("every", [1, 7])
def test_ctrl_c_waits_for_the_end_of_a_step(at, every, monkeypatch):
    """A signal while records are made, or a checkpoint is written, leaves neither half done."""
    home = {"add": records.Trace, "save": checkpoint.Checkpoint, "_advance_marking": loop.Loop}[at]
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
            patch.setattr(loop.time, "perf_counter", lambda: 0.0)  # savings take no time
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
