"""Runs by both engines, in a process in which NumPy calls the C library's functions as kernels do."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    "which",
    [
        ["25", "100000"],
        pytest.param(["1500"], marks=pytest.mark.exhaustive),
        pytest.param(["every"], marks=pytest.mark.exhaustive),
    ],
    ids=" ".join,
)
def test_runs_are_the_same_to_the_last_bit(which):
    """Random problems, methods, hyper-parameters, starts, budgets, targets, noise; and every problem."""
    command = [sys.executable, "-m", "tests.kernels.pairs", *which]
    made = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert made.returncode == 0, made.stderr
    assert "the same bits" in made.stdout
    assert "OTHER BITS" not in made.stdout
    assert "an error" not in made.stdout
