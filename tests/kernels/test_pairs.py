"""Random runs by both engines, in a process in which NumPy calls the C library's functions as kernels do."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("count", "first"), [(25, 100_000), pytest.param(1500, 0, marks=pytest.mark.slow)])
def test_random_runs_are_the_same_to_the_last_bit(count, first):
    """Problems, methods, hyper-parameters, starts, budgets, targets, noise: no record differs."""
    command = [sys.executable, "-m", "tests.kernels.pairs", str(count), str(first)]
    made = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert made.returncode == 0, made.stderr
    assert "the same bits" in made.stdout
    assert "OTHER BITS" not in made.stdout
    assert "an error" not in made.stdout
