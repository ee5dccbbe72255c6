"""Comparisons from Python."""

import numpy as np
import pytest

import stepbench
from stepbench import InputError


def test_a_comparison_looks_everything_up_before_it_runs(monkeypatch):
    monkeypatch.setattr("stepbench.engine.comparison.attempt", None)
    with pytest.raises(InputError, match="no-such"):
        stepbench.compare("rosenbrock", ["gd", "no-such"])


def test_a_comparison_is_of_single_runs():
    with pytest.raises(InputError, match="2 runs"):
        stepbench.compare("rosenbrock", [stepbench.method("gd", lr=np.array([1e-3, 2e-3]))], budget=5)
