"""A file of the user's own that holds a step size, a direction or a whole method."""

import numpy as np
import pytest

import stepbench
from stepbench.contracts import hyperparameters
from tests.catalog.own_files import RULE, write


def test_a_rule_composes_and_its_fields_are_options(stepbench_cli):
    write("rule.py", RULE)
    mine = stepbench.run("rosenbrock", "adam+./rule.py:lr=0.01", budget=100)
    np.testing.assert_array_equal(mine.x, stepbench.run("rosenbrock", "adam:lr=0.01", budget=100).x)
    assert set(hyperparameters(stepbench.method("adam+./rule.py"))) >= {"lr", "adam.eps", "rule.eps", "beta1"}
    assert stepbench.method("adam:eps=0.1+./rule.py:eps=0.2").rule.eps == 0.2
    code, out, err = stepbench_cli("run", "rosenbrock", "-m", "rule.py", "--lr", "0.002", "--budget", "10")
    assert (code, err) == (0, "")
    assert "./rule.py:lr=0.002" in out


def test_a_rule_runs_in_batches_with_the_bits_it_has_alone():
    write("rule.py", RULE)
    lr = np.array([1e-4, 1e-3, 2e-3])
    batch = stepbench.run("rosenbrock", stepbench.method("./rule.py", lr=lr), budget=50)
    alone = stepbench.run("rosenbrock", "./rule.py:lr=0.001", budget=50)
    np.testing.assert_array_equal(batch.x[..., 1], alone.x)


@pytest.mark.parametrize(
    ("base", "body", "spec"),
    [
        ("Direction", "def at(self, x, oracle, s):\n        return oracle.grad(x), s", "./mine.py+constant:lr=0.001"),
        ("Method", "def step(self, x, oracle, s):\n        return x - 0.001 * oracle.grad(x), s", "./mine.py"),
    ],
)
def test_a_file_may_hold_a_direction_or_a_whole_method(base, body, spec):
    text = f"""
from typing import NamedTuple
from stepbench import {base}

class State(NamedTuple):
    alpha: float

class Mine({base}):
    def init(self, x):
        return State(0.001)

    {body}
"""
    write("mine.py", text)
    expected = stepbench.run("rosenbrock", "gd:lr=0.001", budget=40)
    np.testing.assert_array_equal(stepbench.run("rosenbrock", spec, budget=40).x, expected.x)
