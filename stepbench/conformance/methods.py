"""What holds for every method on every problem: the contracts that everything else stands on."""

from __future__ import annotations

import contextlib
import pickle
from typing import Any, cast

import numpy as np

from stepbench.arrays import Array
from stepbench.catalog import files
from stepbench.conformance import Nonconformance, require
from stepbench.contracts import Function, Method, Oracle, Problem, Vector, values_of, varying, with_values
from stepbench.engine.running import run_quietly
from stepbench.fields import Field, InputError, fields_of

PROBLEMS = (
    "quadratic:kappa=30",
    "rosenbrock:dim=3",
    "linear-regression:n=12,dim=3,noise=0.1",
    "linear-regression:n=12,dim=3,batch=4",
)
"""A bowl, a valley, and a sum over data, whole and in batches."""

STEPS = 30


def purity(method: Method, problem: Problem) -> str:
    """A step changes nothing it was given, and the same step again gives the same"""
    x = starts(problem, 5)
    s = method.init(x)
    oracle = Oracle(problem, horizon=STEPS, per=method.vector)
    for k in range(8):
        _freeze(x, s)
        oracle.advance()
        given = x, s
        before = pickle.dumps(given)
        replay = pickle.loads(pickle.dumps((x, oracle, s)))
        try:
            x, s = method.step(x, oracle, s)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            where = files.users_lines(error)
            raise Nonconformance(
                f"{where[0] if where else method}: it writes into an array that it was given"
            ) from None
        require(pickle.dumps(given) == before, f"{problem}: step {k + 1} changes the state that it was given")
        require(np.shape(x) == (problem.x0.size, 5), f"x has shape {np.shape(x)} after a step, not (d, R)")
        require(x.dtype == np.float64, f"x is {x.dtype} after a step, not float64")
        odd = [
            type(leaf).__name__
            for leaf in _leaves(s)
            if not isinstance(leaf, np.ndarray | np.number | int | float | None)
        ]
        require(not odd, f"its state holds a {(odd or [''])[0]}: keep arrays and numbers in a NamedTuple")
        alpha = np.shape(getattr(s, "alpha", 0.0))
        try:
            shape = np.broadcast_shapes(alpha, x.shape)
        except ValueError:
            shape = alpha
        require(
            shape == x.shape, f"alpha has shape {alpha}, and must be one per run, (R,), or one per component, (d, R)"
        )
        x_again, s_again = method.step(*replay)
        require(same(x, x_again), f"{problem}: step {k + 1} gives another x when it is taken again")
        require(same_state(s, s_again), f"{problem}: step {k + 1} gives another state when it is taken again")
    return "8 steps of 5 runs, each taken twice"


def batch(method: Method, problem: Problem) -> str:
    """A run has the same bits alone, in a batch and in any part of the batch"""
    x0 = starts(problem, 7)

    def path(runs: Any) -> Any:
        return run_quietly(problem, method, start=x0[:, runs], steps=STEPS, noise=0.01, seed=3)

    whole = path(slice(None))
    for runs in (0, 6, slice(0, 2), slice(2, 7)):
        part = path(runs)
        for name in ("x", "f", "error", "gradient_norm", "evals", "fevals"):
            # A part is recorded until its own last run ends, which may not be the whole's.
            n = min(len(getattr(part, name)), len(getattr(whole, name)))
            expected, alone = getattr(whole, name)[:n, ..., runs], getattr(part, name)[:n]
            if not same(expected, alone):
                differ = expected != alone
                step = int(np.flatnonzero(differ.reshape(n, -1).any(axis=1))[0])
                raise Nonconformance(f"{problem}: {name} of the runs {runs} of 7 differs alone from step {step} on")
        require(
            np.array_equal(whole.status[runs], part.status) and np.array_equal(whole.detail[runs], part.detail),
            f"{problem}: the runs {runs} of 7 end otherwise alone",
        )
    return f"{STEPS} steps of 7 runs, in 4 parts"


def numbers(method: Method, problem: Problem) -> str:
    """A hyper-parameter gives the same bits as a number and in an array"""
    many, own = varying(method), values_of(method)
    for key, field in many.items():
        values = _values_of(field, own[key])
        together = run_quietly(problem, with_values(method, {key: values}), steps=STEPS)
        for r in (1, 3):
            alone = run_quietly(problem, with_values(method, {key: float(values[r])}), steps=STEPS)
            require(
                same(together.x[: len(alone.x), :, r], alone.x),
                f"{problem}: {key}={values[r]:g} alone goes another way than in an array",
            )
    return f"in an array and alone: {', '.join(many)}" if many else ""


def counts(method: Method, problem: Problem) -> str:
    """Its evaluations are those that an independent counter sees"""
    seen = {"f": 0, "grad": 0, "hessian": 0}
    oracle = Oracle(_counted(problem, seen), horizon=STEPS, per=method.vector)
    x = np.repeat(problem.x0[:, None] + 0.1, 2, axis=1)
    s = method.init(x)
    for _ in range(STEPS):
        oracle.advance()
        x, s = method.step(x, oracle, s)
    products = seen["hessian"] if "hvp" in method.needs else 0
    for what, counted, asked in (
        ("gradients", oracle.evals, seen["grad"] + products),
        ("values of f", oracle.fevals, seen["f"]),
    ):
        require(
            np.all(counted == asked),
            f"{problem}: the oracle counted {np.max(counted)} {what}, and the problem was asked for {asked}",
        )
    return f"{np.max(oracle.evals)} ∇f and {np.max(oracle.fevals)} f in {STEPS} steps"


def pickling(method: Method, problem: Problem) -> str:
    """A run goes on with the same bits after its state was pickled"""
    x = starts(problem, 3)
    begin = pickle.dumps((x, Oracle(problem, noise=0.1, horizon=STEPS, per=method.vector), method.init(x)))

    def on(state: tuple[Any, Any, Any], n: int) -> tuple[Any, Any, Any]:
        x, oracle, s = state
        for _ in range(n):
            oracle.advance()
            x, s = method.step(x, oracle, s)
        return x, oracle, s

    through, counted, _ = on(pickle.loads(begin), 14)
    resumed, counted_on, _ = on(pickle.loads(pickle.dumps(on(pickle.loads(begin), 7))), 7)
    require(same(through, resumed), f"{problem}: 7 steps, a pickle and 7 more do not end where 14 steps do")
    require(
        np.array_equal(counted.evals, counted_on.evals) and np.array_equal(counted.fevals, counted_on.fevals),
        f"{problem}: after a pickle the counts differ",
    )
    return "pickled after 7 steps of 14"


CHECKS = (purity, batch, numbers, counts, pickling)


def _values_of(field: Field, value: float | None) -> Vector:
    """Four values of a hyper-parameter, beside its own and within its bounds."""
    around = [value] if value else [0.3, 1.5, 3.0, 30.0, -0.3]
    for centre in around:
        for factor in (0.99, 1.01, 1.0):
            values = centre * np.array([1.0, factor, (1 + factor) / 2, 1.0])
            with contextlib.suppress(InputError):
                field.check(values)
                return values
    return np.full(4, value if value is not None else float(field.bounds.strip("[]()").split(",")[0]))


def starts(problem: Problem, runs: int) -> Vector:
    """Points near the start, (d, runs)."""
    noise: Vector = np.random.default_rng(1).standard_normal((problem.x0.size, runs))
    return problem.x0[:, None] + 0.3 * noise


def same(a: Any, b: Any) -> bool:
    """The same bits, NaN for NaN."""
    return a is b is None or np.array_equal(a, b, equal_nan=True)


def same_state(a: Any, b: Any) -> bool:
    """The same bits in every array and number of two states."""
    return len(_leaves(a)) == len(_leaves(b)) and all(map(same, _leaves(a), _leaves(b)))


def _leaves(tree: Any) -> list[Any]:
    return [leaf for branch in tree for leaf in _leaves(branch)] if isinstance(tree, tuple) else [tree]


def _freeze(*trees: Any) -> None:
    """Make every array of a state read-only, so that changing one in place raises."""
    for leaf in _leaves(trees):
        if isinstance(leaf, np.ndarray):
            leaf.flags.writeable = False


def _counted(problem: Problem, seen: dict[str, int]) -> Problem:
    """The same problem, which notes every question, and its samples do too."""

    class Counter:
        """A function that notes every question."""

        def __init__(self, function: Function) -> None:
            self.function = function

        def f(self, x: Array) -> Array:
            seen["f"] += 1
            return self.function.f(x)

        def grad(self, x: Array) -> Array:
            seen["grad"] += 1
            return self.function.grad(x)

        def hessian(self, x: Array) -> Array:
            seen["hessian"] += 1
            return self.function.hessian(x)

    class Counted(type(problem)):  # type: ignore[misc]
        """The problem itself, asked through the counter."""

        def sample(self, rng: np.random.Generator, step: int) -> Function:
            return Counter(problem.sample(rng, step))

    for name in ("f", "grad", "hessian"):
        setattr(Counted, name, staticmethod(getattr(Counter(problem), name)))
    return cast(Problem, Counted(**{name: getattr(problem, name) for name in fields_of(type(problem))}))
