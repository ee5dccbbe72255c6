"""Runs by kernels against runs by NumPy: every record, count and word is the same."""

import os
import signal

import numpy as np
import pytest

from stepbench import InputError, Interrupted, Problem, catalog, run
from stepbench.contracts import with_values
from stepbench.engine.compiled import Compiled
from stepbench.engine.running import run_quietly
from tests.every_method import EVERY_METHOD, parameters
from tests.kernels.both import apart, both, differences, is_exact

STARTS = np.random.default_rng(5).standard_normal((2, 19))


def check(problem, method, steps=50, **options):
    """Both engines agree: to the last bit, where every operation is defined to it; returns the kernel's run.

    Elsewhere the first steps agree, so many, to 1e-12.
    """
    one, other = both(problem, method, **options)
    if is_exact(problem, catalog.method(method), **options):
        assert differences(one, other) == []
    else:
        assert apart(one, other, steps) <= 1e-12
    return other


@pytest.mark.one_in(13)
@pytest.mark.parametrize("method", parameters(EVERY_METHOD))
def test_every_method(method):
    """On Rosenbrock's function, from several starts.

    Nadam takes a power in each step, whose last place NumPy rounds otherwise on wide vectors, and a rule that divides
    small differences makes much of it: a few steps agree. That all of them do where NumPy calls the C library,
    ``pairs every`` compares.
    """
    needs = catalog.method(method).needs
    problem = "quadratic" if "L" in needs else "rosenbrock"
    made = check(problem, method, 5 if method.startswith("nadam+") else 50, budget=400, start=0.3 * STARTS)
    assert made.engine in ("a kernel", "NumPy, for a few steps")


class OnlyValues(Problem):
    """A valley of which only the values are written down."""

    def __init__(self):
        """Begin left of it."""

    x0 = np.array([-1.0, 0.5])
    f_star = 0.0

    def f(self, w):
        """Along the valley and across it, each squared."""
        along, across = w[0] - 1.0, np.maximum(abs(w[1] - w[0] * w[0]), 0.01)
        return along * along + 3.0 * across * across - 3e-4


@pytest.mark.parametrize(
    ("problem", "method"),
    [
        ("gallery/matyas", "momentum+exact:N=2"),
        ("mgh/freudenstein-roth", "smd:lr=1e-6"),
        ("learning/relu-network:n=3,inputs=2,width=3", "smd:lr=1e-3"),
        (OnlyValues(), "gradient:lr=1e-2"),
    ],
    ids=["matyas", "freudenstein-roth", "relu", "values"],
)
def test_derivatives_that_the_bench_takes_are_recorded(problem, method):
    """The Hessian where the gradient is written down, and the gradient where it is not."""
    one, other = both(problem, method, budget=200)
    assert other.engine == "a kernel"
    assert differences(one, other) == []


OPTIONS = {
    "every": {"every": 7},
    "ends": {"trace": False},
    "ends, seldom": {"trace": False, "every": 7},
    "target": {"target": 1e-2},
    "target, seldom": {"target": 1e-2, "every": 7, "trace": False},
    "gradient": {"grad_target": 1e-1},
    "noise": {"noise": 0.1, "seed": 3},
    "noise, ends": {"noise": 0.1, "trace": False, "every": 3},
    "steps": {"steps": 50},
}


@pytest.mark.one_in(5)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("method", ["momentum:p=0.5+rdbd:lr=1e-4", "gradient+sls", "csawg", "bb"])
def test_what_is_recorded_and_when_a_run_ends(method, options):
    """Records of every step or of some, of all or the ends; targets, noise, limits on steps."""
    check("rosenbrock", method, budget=600, start=STARTS, **options)


@pytest.mark.parametrize("budget", [30, 31, 32, 33, 61, 62])
@pytest.mark.parametrize("method", ["csawg", "nesterov", "gradient+sls", "adam+exact:N=2,iterations=3", "ema+lossgrad"])
def test_a_budget_that_ends_in_the_middle_of_a_step(method, budget):
    """The step that would pass it is not taken, and the words say so."""
    one, other = both("rosenbrock", method, budget=budget, start=STARTS)
    assert differences(one, other) == []


@pytest.mark.parametrize("options", [{}, {"trace": False}, {"every": 5}, {"every": 5, "trace": False}], ids=str)
def test_divergence(options):
    """Runs of a batch that diverge at different steps have the records, words and numbers that NumPy gives them."""
    starts = STARTS * np.geomspace(0.1, 30, STARTS.shape[1])
    other = check("rosenbrock", "gradient:lr=0.002", budget=300, start=starts, **options)
    assert {"diverged", "budget"} <= set(other.status)


class Sunk(Problem):
    """x², which declares a minimum that it goes below."""

    def __init__(self):
        """Begin at 1."""

    x0 = np.ones(2)
    f_star = 0.25

    def f(self, w):
        """The sum of the squares."""
        return (w * w).sum(0)

    def grad(self, w):
        """2 w."""
        return 2 * w


def test_a_value_below_the_declared_minimum():
    """The run fails in the same record."""
    one, other = both(Sunk(), "gradient:lr=0.02", budget=300)
    assert one.status == "failed"
    assert differences(one, other) == []


class Lowered(Sunk):
    """x² − 0.3, of which no minimum is declared."""

    f_star = None

    def f(self, w):
        """The sum of the squares, lowered."""
        return (w * w).sum(0) - 0.3


@pytest.mark.parametrize(
    "options",
    [{}, {"trace": False}, {"every": 3}, {"every": 7, "trace": False}, {"every": 50}, {"noise": 1e-3, "every": 4}],
    ids=str,
)
def test_a_step_that_is_refused(options):
    """A rule that cannot go on where f is below 0 ends the same runs, with the same words."""
    one, other = both(Lowered(), "gradient+ngn:sigma=0.05", budget=400, start=STARTS, **options)
    assert other.engine in ("a kernel", "NumPy, for a few steps")
    assert any("the loss is below 0" in detail for detail in one.detail)
    assert differences(one, other) == []


@pytest.mark.parametrize("name", ["step", "exponential", "multistep"])
def test_hyper_parameters_that_differ_among_runs(name):
    """Also where a step size is one for all runs, until it is not."""
    method = with_values(catalog.method(f"momentum+{name}"), {"gamma": np.linspace(0.3, 0.99, 19)})
    for options in ({}, {"every": 3}, {"trace": False}):
        one, other = both("rosenbrock", method, budget=1300, **options)
        assert differences(one, other) == []


@pytest.mark.one_in(3)
@pytest.mark.parametrize("method", ["adam:lr=0.01", "csawg", "bb", "gradient+sls", "adam+cosine", "ema+polyak"])
@pytest.mark.parametrize("order", [("numpy", "kernel"), ("kernel", "numpy"), ("kernel", "kernel")], ids="-".join)
def test_a_checkpoint_of_one_engine_goes_on_in_another(tmp_path, method, order):
    """An interrupted run has the bits of one that was never stopped, whichever engine goes on."""
    whole = run_quietly("rosenbrock", method, budget=400, start=STARTS, engine="numpy")

    def stop(spent, limit):
        if spent >= 90:
            raise KeyboardInterrupt

    file = tmp_path / "kept"
    exact = is_exact("rosenbrock", catalog.method(method), budget=400, start=STARTS)
    options = {"budget": 400, "start": STARTS, "checkpoint": file, "checkpoint_every": 40}
    with pytest.raises(Interrupted):
        run("rosenbrock", method, engine=order[0], progress=stop, **options)
    assert file.exists()
    if not exact and order[0] != order[1]:
        return  # the two are other runs, which the checkpoint's identity tells apart
    rest = run_quietly("rosenbrock", method, engine=order[1], **options)
    if exact:
        assert differences(whole, rest) == []
    else:
        assert apart(whole, rest, 50) <= 1e-12


@pytest.mark.parametrize("every", [1, 7])
def test_ctrl_c_waits_for_the_end_of_a_block(tmp_path, every, monkeypatch):
    """What a kernel had made is kept, and the same call goes on from there."""
    block, calls = Compiled.block, []

    def signalled(self, n):
        calls.append(n)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return block(self, n)

    options = {"steps": 3000, "every": every, "start": 0.3 * STARTS, "engine": "kernel"}
    plain = run_quietly("rosenbrock", "csawg", budget=10**6, **options)
    options |= {"checkpoint": tmp_path / "kept", "checkpoint_every": 100}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Compiled, "block", signalled)
            with pytest.raises(Interrupted) as stop:
                run("rosenbrock", "csawg", budget=10**6, **options)
    finally:
        signal.signal(signal.SIGINT, before)
    partial = stop.value.result
    assert 0 < partial.steps.max() < 3000
    assert np.array_equal(partial.x, plain.x[: len(partial.x)])
    assert differences(plain, run_quietly("rosenbrock", "csawg", budget=10**6, **options)) == []


def test_step_sizes_whose_number_changes_are_numpys():
    """One for all components while a first window is lost, and then one each: no kernel is made, and none is lost."""
    method = "tlr:K=20,variant=reference,per=component"
    one = run_quietly("rosenbrock", method, budget=300, engine="numpy")
    other = run_quietly("rosenbrock", method, budget=300)
    assert other.engine.startswith("NumPy")
    assert differences(one, other) == []
    with pytest.raises(InputError, match="the number of its step sizes changes"):
        run_quietly("rosenbrock", method, budget=300, engine="kernel")


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"every": 7}, {"grad_target": 0.5}, {"trace": False}], ids=str)
def test_so_many_runs_that_their_records_are_written_a_piece_at_a_time(options):
    """Of 600 runs, a few steps of some are written before those of others; some runs end before the last step."""
    starts = np.random.default_rng(6).uniform(-1.5, 1.5, (2, 600))
    check("rosenbrock", "gd:lr=1e-3", steps=200, start=starts, **options)


def test_what_follows_from_other_columns_is_computed_when_it_is_asked_for():
    """By both engines, of a batch and of a run that is picked from it."""
    for result in both("rosenbrock", "gd:lr=1e-3", steps=50, start=STARTS):
        assert not {"error", "distance"} & vars(result).keys()
        np.testing.assert_array_equal(result.error, result.f)
        np.testing.assert_array_equal(result[3].distance, result.distance[:, 3])
        with pytest.raises(AttributeError, match="Result has no attribute 'errors'"):
            _ = result.errors
