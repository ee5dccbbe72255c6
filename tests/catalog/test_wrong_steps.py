"""A method that breaks the contract is refused before it runs, since its results would be worth nothing."""

import re

import pytest

from tests.catalog.own_files import write

STEP = """
    from typing import NamedTuple
    import numpy as np
    from stepbench import Method

    class State(NamedTuple):
        alpha: float

    class Mine(Method):
        def init(self, x):
            return State(0.001)

        def step(self, x, oracle, s):
            {}
    """
BAD_STEPS = {
    "x -= 0.01 * oracle.grad(x); return x, s": r"line 14: it writes into an array that it was given",
    "g = oracle.grad(x); g *= 0.01; return x - g, s": r"line 14: it writes into an array that it was given",
    "return (x - 0.01 * oracle.grad(x)).T, s": r"line 13: of points \(3, 2\), .* it made \(2, 3\)",
    "return list(x - 0.01 * oracle.grad(x)), s": r"line 13: .* it made a list",
    "return x - 0.01 * oracle.grad(x)": r"line 13: step must return two things",
    "oracle.grad(x)": r"line 13: step must return two things",
    "return x.sum(), s": r"line 13: .* it made a float64",
}


def test_a_transposed_step_is_seen_in_two_dimensions_too(stepbench_cli):
    write("mine.py", STEP.format("return (x - 0.01 * oracle.grad(x)).T, s"))
    code, _, err = stepbench_cli("run", "rosenbrock", "-m", "./mine.py")
    assert code == 2
    assert "of points (2, 3), (d, R), step must make such; it made (3, 2)" in err


@pytest.mark.one_in(3)
@pytest.mark.parametrize("line", BAD_STEPS)
@pytest.mark.parametrize("command", [["run", "rosenbrock:dim=3", "-m"], ["check"]])
def test_a_step_that_breaks_the_contract_is_refused(line, command, stepbench_cli):
    write("mine.py", STEP.format(line))
    code, out, err = stepbench_cli(*command, "./mine.py")
    assert (code, out) == (2, "")
    assert re.search(r"^stepbench: \./mine\.py, " + BAD_STEPS[line], err), err


@pytest.mark.parametrize("text", ["def step(x, oracle, s):", "def step(self, x):", "def init():"])
def test_a_forgotten_argument_is_said_with_the_line(text, stepbench_cli):
    old = "def init(self, x):" if "init" in text else "def step(self, x, oracle, s):"
    write("mine.py", STEP.replace(old, text).format("return x, s"))
    for command in (["run", "rosenbrock", "-m"], ["check"]):
        code, _, err = stepbench_cli(*command, "./mine.py")
        assert code == 2
        assert re.search(r"^stepbench: \./mine\.py, line \d+: .*argument", err)
