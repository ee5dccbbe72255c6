"""What networks refuse, and what is said where torch or a device is missing."""

import subprocess
import sys

import numpy as np
import pytest

import stepbench
from stepbench.engine.running import run_quietly
from stepbench.fields import InputError

pytest.importorskip("torch")

import torch

from tests.torch.small_networks import TINY


@pytest.mark.parametrize(
    ("problem", "method", "options", "words"),
    [
        (TINY, "idbd", {}, "idbd needs the Hessian's diagonal"),
        (TINY, "scipy:bfgs", {}, "works in NumPy and cannot train a network"),
        ("pendulum", "exact", {}, "exact needs"),
        ("pendulum", "polyak", {}, "polyak needs the minimum"),
        ("pendulum", "gd", {"target": 1.0}, "does not know its minimum"),
        (f"{TINY},batch=2000", "gd", {}, "batch=2000 is more than the 1437 training examples"),
        ("pendulum:batch=3", "gd", {}, "leave out batch"),
        (TINY, "gd", {"start": [1.0, 2.0]}, "the start must have"),
        ("digits-mlp:device=tpu", "gd", {}, "must be cpu or cuda"),
    ],
)
def test_what_cannot_run_is_refused_in_one_line(problem, method, options, words):
    with pytest.raises(InputError, match=words) as refusal:
        stepbench.run(problem, method, **options)
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("problem", ["digits-mlp", "pendulum"])
def test_cuda_is_refused_where_there_is_none(problem, stepbench_cli):
    code, out, err = stepbench_cli("run", problem, "--device", "cuda")
    assert (code, out) == (2, "")
    assert err == f"stepbench: networks/{problem}: no CUDA device is here: leave out --device cuda\n"


def test_without_torch_one_line_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None\nfrom stepbench.cli import main\n"
        "try: main(['list', 'problems'])\nexcept SystemExit as stop: assert not stop.code\n"
        "main(['run', 'digits-mlp'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "networks/digits-mlp" in done.stdout
    assert done.stderr == 'stepbench: networks need torch: pip install "stepbench[torch]"\n'


def test_nothing_imports_torch_but_a_network_that_runs():
    code = (
        "import sys, stepbench\nfrom stepbench import catalog\nfrom stepbench.cli import main\n"
        "stepbench.run('rosenbrock', 'adam', steps=3)\nstepbench.problem('digits-mlp')\n"
        "try: main(['list'])\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_a_network_that_diverges_says_so():
    r = run_quietly(TINY, "gd:lr=1e30", steps=20)
    assert r.status == "diverged"
    assert "by step" in r.detail
    assert np.isfinite(r.f).all()
