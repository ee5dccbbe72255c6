"""Other libraries' optimizers through studies: a kill or two workers change no bit of what each makes alone."""

import signal
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog
from stepbench.engine.running import run_quietly
from stepbench.study import Study
from tests.study.kept import bits, content, outcomes_of
from tests.waiting import PATIENCE

torch = pytest.importorskip("torch")

PROBLEM = "linear-regression:n=12,dim=3,batch=4"
STEPS, RATES, SEEDS = 10, (0.003, 0.03), (0, 1)

DYING = """
import os, signal, sys
from stepbench import cli
from stepbench.study.store import Store

put = Store.put

def deadly(store, settings, runs):
    put(store, settings, runs)
    if runs:
        os.kill(os.getpid(), signal.SIGKILL)

Store.put = deadly
cli.main(sys.argv[1:])
"""


def swept(specs, study, workers=1):
    with Study(study, workers=workers) as opened:
        stepbench.sweep(PROBLEM, specs, {"lr": RATES, "seed": SEEDS}, budget=STEPS, study=opened)


def have_the_bits_of_lone_runs(specs, started):
    """Through one process, through two workers, and killed after the first runs are kept, and then resumed."""
    number = len(specs) * len(RATES) * len(SEEDS)
    swept(specs, "one.db")
    swept(specs, "two.db", workers=2)
    Path("dying.py").write_text(DYING)
    over = ("--over", f"lr={','.join(map(str, RATES))}", "--over", f"seed={','.join(map(str, SEEDS))}")
    methods = [word for spec in specs for word in ("-m", spec)]
    dying = started("dying.py", "sweep", PROBLEM, *methods, *over, "--budget", STEPS, "--study", "killed.db")
    assert dying.wait(PATIENCE) == -signal.SIGKILL, dying.err.read_text()
    assert 0 < len(content("killed.db")["runs"]) < number
    swept(specs, "killed.db")
    assert content("one.db") == content("two.db") == content("killed.db")
    with Study("one.db") as study:
        kept = {bits(run.point) for run in outcomes_of(study).values()}
    for spec in specs:
        for seed in SEEDS:
            batch = run_quietly(PROBLEM, catalog.method(spec, lr=np.array(RATES)), budget=STEPS, seed=seed)
            for r, lr in enumerate(RATES):
                alone = run_quietly(PROBLEM, catalog.method(spec, lr=lr), budget=STEPS, seed=seed)
                np.testing.assert_array_equal(batch.x[: len(alone.x), :, r], alone.x, err_msg=spec)
                assert alone.x[-1].tobytes() in kept, spec


@pytest.mark.slow
def test_a_few_through_a_study(started):
    have_the_bits_of_lone_runs(["torch:NAdam", "torch:LBFGS:max_iter=4"], started)


@pytest.mark.exhaustive
@pytest.mark.parametrize("library", ["torch", "optax", "pytorch-optimizer"])
def test_all_through_a_study(library, started):
    pytest.importorskip(library.replace("-", "_"))
    specs = []
    for name in catalog.library(library).names():
        try:
            method = catalog.method(f"{library}:{name}")
        except InputError:  # it says why it cannot run; another test sees to that
            continue
        if hasattr(method, "lr"):
            specs.append(f"{library}:{name}")
    assert len(specs) > 10
    have_the_bits_of_lone_runs(specs, started)
