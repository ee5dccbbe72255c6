"""What cannot be recorded, or what there is no compiler for, runs in NumPy; who asks for a kernel is told."""

import sys

import numpy as np
import pytest

from stepbench import InputError, Problem, run
from stepbench.engine.running import run_quietly
from tests.kernels.both import differences

pytestmark = pytest.mark.usefixtures("_kernels_always_pay")


class Bowl(Problem):
    """w·w, whose texts below do what no recording can follow."""

    def __init__(self):
        """Begin at 1."""

    x0 = np.array([1.0, -2.0])

    def f(self, w):
        """The sum of the squares."""
        return (w * w).sum(0)

    def grad(self, w):
        """2 w."""
        return 2 * w


class LooksAtTypes(Bowl):
    """Its gradient is another for a class of arrays that is not NumPy's own."""

    def grad(self, w):
        """2 w, but of other arrays."""
        return 2 * w if type(w) is np.ndarray else 3 * w


class CountsCalls(Bowl):
    """Its f has a part that hangs on how often it was asked by arrays of one run."""

    asked = 0

    def grad(self, w):
        """2 w, and a little more each time that one point alone is asked."""
        if w.shape[1] == 1:
            CountsCalls.asked += 1
            return (2 + CountsCalls.asked) * w
        return 2 * w


class Solves(Bowl):
    """Its gradient is the solution of a system."""

    def grad(self, w):
        """2 w."""
        return np.linalg.solve(np.eye(2) / 2, w)


class Branches(Bowl):
    """Its f goes another way for large values of all runs together."""

    def f(self, w):
        """The sum of the squares, by either way."""
        return (w * w).sum(0) if (abs(w) < 1e3).all() else (w**2).sum(0)


class Loops(Bowl):
    """Its f halves until it is small."""

    def f(self, w):
        """The sum of the squares, as the sum of halves."""
        scale = 1.0
        while (scale * w > 1).any():
            scale = scale / 2
        return ((scale * w) ** 2).sum(0) / scale**2


class IsPrecise(Bowl):
    """Its numbers are in single precision on the way."""

    def grad(self, w):
        """2 w, rounded."""
        return (2 * w).astype(np.float32).astype(float)


@pytest.mark.parametrize("problem", [LooksAtTypes, CountsCalls, Solves, Branches, Loops, IsPrecise])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_text_that_cannot_be_recorded_runs_in_numpy(problem):
    """Quietly where nobody asked for a kernel, with the reason in the result; with a line where somebody did."""
    options = {"budget": 2_000, "grad_target": 1e-300}
    plain = run_quietly(problem(), "gradient:lr=1e-3", engine="numpy", **options)
    made = run_quietly(problem(), "gradient:lr=1e-3", **options)
    assert made.engine.startswith("NumPy, since ")
    assert differences(plain, made) == []
    with pytest.raises(InputError, match="no kernel can be made, since ") as refusal:
        run_quietly(problem(), "gradient:lr=1e-3", engine="kernel", **options)
    assert "\n" not in str(refusal.value)


def test_a_text_that_can_be_recorded_runs_in_a_kernel():
    """The same options, so that those above fall back for their texts alone."""
    assert run_quietly(Bowl(), "gradient:lr=1e-3", budget=2_000, grad_target=1e-300).engine == "a kernel"


def test_without_the_compiler_numpy_runs(monkeypatch):
    """Quietly, unless a kernel is asked for: then a line says what to install."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    made = run("rosenbrock", "gradient:lr=1e-3", budget=2_000)
    assert made.engine == "NumPy, since llvmlite is not installed"
    with pytest.raises(InputError, match="llvmlite") as refusal:
        run("rosenbrock", "gradient:lr=1e-3", budget=2_000, engine="kernel")
    assert "\n" not in str(refusal.value)
    assert "pip install" in str(refusal.value)


SAMPLED = """
import numpy as np

from stepbench import Problem


class Scaled:
    told = []

    def __init__(self, scale):
        self.scale = scale

    def f(self, w):
        return self.scale * (w * w).sum(0)

    def grad(self, w):
        {line}
        return 2 * self.scale * w


class Sampled(Problem):
    x0 = np.array([1.0, -2.0])
    stochastic = True

    def f(self, w):
        return (w * w).sum(0)

    def grad(self, w):
        return 2 * w

    def sample(self, rng, step):
        return Scaled(rng.uniform(0.5, 1.5))
"""
"""A file of a bowl of which each step sees a multiple, by a class of its own."""


@pytest.mark.parametrize("change", ["", "@shift=1"])
@pytest.mark.parametrize(
    ("line", "engine"),
    [
        ("pass", "a kernel"),
        ("Scaled.told.append(w.shape)", "NumPy, since its text keeps something from call to call"),
        ("print(end='')", "NumPy, since its text uses print at each call"),
    ],
)
def test_the_text_of_samples_counts_too(line, engine, change, tmp_path):
    """What it does at each call would be lost in a kernel."""
    file = tmp_path / "sampled.py"
    file.write_text(SAMPLED.format(line=line), encoding="utf-8")
    assert run_quietly(f"{file}{change}", "gradient:lr=1e-3", budget=2_000).engine == engine
