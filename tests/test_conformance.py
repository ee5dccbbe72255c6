"""What holds for every method on every problem: the contracts that everything else stands on."""

import dataclasses
import pickle

import numpy as np
import pytest
from conftest import EVERY_METHOD, PROBLEMS

import stepbench
from stepbench.contracts import hyperparameters
from stepbench.oracle import Oracle

pytestmark = pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")

STEPS = 30
every_method = pytest.mark.parametrize("method", EVERY_METHOD)
every_problem = pytest.mark.parametrize("problem", PROBLEMS)


def starts(problem, R):
    rng = np.random.default_rng(1)
    return problem.x0[:, None] + 0.3 * rng.standard_normal((problem.x0.size, R))


def same(a, b):
    """The same bits, NaN for NaN."""
    return np.array_equal(a, b, equal_nan=True)


def leaves(tree):
    """The arrays and numbers of a state, in order."""
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, tuple) else [tree]


def freeze(*trees):
    """Make every array of a state read-only, so that changing one in place raises."""
    for leaf in leaves(trees):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False


@every_problem
@every_method
def test_a_step_changes_nothing_it_was_given_and_depends_on_nothing_else(method, problem):
    problem, method = stepbench.problem(problem), stepbench.method(method)
    x = starts(problem, 5)
    s = method.init(x)
    oracle = Oracle(problem, horizon=STEPS, per=method.per)
    with np.errstate(all="ignore"):
        for _ in range(8):
            freeze(x, s)
            oracle.advance()
            replay = pickle.loads(pickle.dumps((x, oracle, s)))
            x, s = method.step(x, oracle, s)
            x_again, s_again = method.step(*replay)
            assert x.shape == (problem.x0.size, 5)
            assert x.dtype == np.float64
            assert np.broadcast_shapes(np.shape(s.alpha), x.shape) == x.shape
            assert same(x, x_again)
            for leaf, again in zip(leaves(s), leaves(s_again), strict=True):
                assert leaf is again is None or same(leaf, again)


@every_problem
@every_method
def test_a_run_has_the_same_bits_alone_in_a_batch_and_in_any_chunk(method, problem):
    problem = stepbench.problem(problem)
    x0 = starts(problem, 7)
    options = {"steps": STEPS, "noise": 0.01, "seed": 3}
    batch = stepbench.run(problem, method, start=x0, **options)

    def check(result, runs):
        for name in ("x", "f", "error", "gradient_norm", "evals", "fevals"):
            n = len(getattr(result, name))  # a chunk is recorded until its own last run ends
            assert same(getattr(batch, name)[:n, ..., runs], getattr(result, name)), name
        assert np.array_equal(batch.status[runs], result.status)
        assert np.array_equal(batch.detail[runs], result.detail)

    for r in (0, 6):
        check(stepbench.run(problem, method, start=x0[:, r], **options), r)
    for chunk in (slice(0, 2), slice(2, 7)):
        check(stepbench.run(problem, method, start=x0[:, chunk], **options), chunk)


@every_method
def test_a_hyper_parameter_gives_the_same_bits_as_a_number_and_in_an_array(method):
    problem = stepbench.problem("quadratic:kappa=30")
    method = stepbench.method(method)
    for key, (part, field) in hyperparameters(method).items():
        value = getattr(part, field.name)
        if not field.many:
            continue
        value = 0.3 if value is None else value
        values = value * np.array([1.0, 0.99, 0.995, 1.0])
        batch = stepbench.run(problem, stepbench.method(method, **{key: values}), steps=STEPS)
        for r in (1, 3):
            alone = stepbench.run(problem, stepbench.method(method, **{key: float(values[r])}), steps=STEPS)
            assert same(batch.x[: len(alone.x), :, r], alone.x), key


@every_problem
@every_method
def test_evaluations_are_those_that_an_independent_counter_sees(method, problem):
    problem, method = stepbench.problem(problem), stepbench.method(method)
    seen = {"f": 0, "grad": 0, "hessian": 0}

    class Counted(type(problem)):
        def sample(self, rng, step):
            return counting(super().sample(rng, step))

    def counting(function):
        class Counter:
            def f(self, x):
                seen["f"] += 1
                return function.f(x)

            def grad(self, x):
                seen["grad"] += 1
                return function.grad(x)

            def hessian(self, x):
                seen["hessian"] += 1
                return function.hessian(x)

        return Counter()

    counted = Counted(**{f.name: getattr(problem, f.name) for f in dataclasses.fields(problem)})
    oracle = Oracle(counted, horizon=STEPS, per=method.per)
    oracle._sample = counting(counted)
    x = np.repeat(problem.x0[:, None] + 0.1, 2, axis=1)
    s = method.init(x)
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            oracle.advance()
            x, s = method.step(x, oracle, s)
    products = seen["hessian"] if "hvp" in method.needs else 0
    assert np.all(oracle.evals == seen["grad"] + products)
    assert np.all(oracle.fevals == seen["f"])
    assert seen["grad"] >= STEPS


@every_problem
@every_method
def test_a_run_goes_on_with_the_same_bits_after_pickling(method, problem):
    problem, method = stepbench.problem(problem), stepbench.method(method)

    def steps(state, n):
        x, oracle, s = state
        with np.errstate(all="ignore"):
            for _ in range(n):
                oracle.advance()
                x, s = method.step(x, oracle, s)
        return x, oracle, s

    x = starts(problem, 3)
    begin = pickle.dumps((x, Oracle(problem, noise=0.1, horizon=STEPS, per=method.per), method.init(x)))
    through, counted, _ = steps(pickle.loads(begin), 14)
    resumed, counted_on, _ = steps(pickle.loads(pickle.dumps(steps(pickle.loads(begin), 7))), 7)
    assert same(through, resumed)
    assert np.array_equal(counted.evals, counted_on.evals)
    assert np.array_equal(counted.fevals, counted_on.fevals)
