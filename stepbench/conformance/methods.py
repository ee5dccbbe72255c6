"""What holds for every method on every problem: the contracts that everything else stands on."""

from __future__ import annotations

import contextlib
import dataclasses
import pickle
from typing import Any, cast

import numpy as np

from stepbench.arrays import Array
from stepbench.catalog import files
from stepbench.conformance import Nonconformance, require
from stepbench.contracts import Function, Method, Oracle, Problem, Vector, values_of, varying, with_values
from stepbench.engine.running import run_quietly
from stepbench.fields import Field, InputError

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
    w = starts(problem, 5)
    s = method.init(w)
    oracle = Oracle(problem, horizon=STEPS, per=method.vector)
    for k in range(8):
        _freeze(w, s)
        oracle.advance()
        given = w, s
        before = pickle.dumps(given)
        replay = pickle.loads(pickle.dumps((w, oracle, s)))
        try:
            w, s = method.step(w, oracle, s)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            lines = files.users_lines(error)
            place = method if lines is None else lines[0]
            raise Nonconformance(f"{place}: it writes into an array that it was given") from None
        require(pickle.dumps(given) == before, f"{problem}: step {k + 1} changes the state that it was given")
        require(np.shape(w) == (problem.x0.size, 5), f"w has shape {np.shape(w)} after a step, not (d, R)")
        require(w.dtype == np.float64, f"w is {w.dtype} after a step, not float64")
        for leaf in _leaves(s):
            require(
                isinstance(leaf, np.ndarray | np.number | int | float | None),
                f"its state holds a {type(leaf).__name__}: keep arrays and numbers in a NamedTuple",
            )
        alpha = np.shape(getattr(s, "alpha", 0.0))
        try:
            shape = np.broadcast_shapes(alpha, w.shape)
        except ValueError:
            shape = alpha
        require(
            shape == w.shape, f"alpha has shape {alpha}, and must be one per run, (R,), or one per component, (d, R)"
        )
        w_again, s_again = method.step(*replay)
        require(same(w, w_again), f"{problem}: step {k + 1} gives another w when it is taken again")
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
            # A part is recorded until the last of its runs ends, which may be earlier than the whole batch ends.
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
    many, as_set = varying(method), values_of(method)
    for key, field in many.items():
        values = _values_around(field, as_set[key])
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
    questions = {"f": 0, "grad": 0, "hessian": 0}
    oracle = Oracle(_counted(problem, questions), horizon=STEPS, per=method.vector)
    w = np.repeat(problem.x0[:, None] + 0.1, 2, axis=1)
    s = method.init(w)
    for _ in range(STEPS):
        oracle.advance()
        w, s = method.step(w, oracle, s)
    products = questions["hessian"] if "hvp" in method.needs else 0
    for what, counted, asked in (
        ("gradients", oracle.evals, questions["grad"] + products),
        ("values of f", oracle.fevals, questions["f"]),
    ):
        require(
            np.all(counted == asked),
            f"{problem}: the oracle counted {np.max(counted)} {what}, and the problem was asked for {asked}",
        )
    return f"{np.max(oracle.evals)} ∇f and {np.max(oracle.fevals)} f in {STEPS} steps"


def pickling(method: Method, problem: Problem) -> str:
    """A run goes on with the same bits after its state was pickled"""
    w = starts(problem, 3)
    begin = pickle.dumps((w, Oracle(problem, noise=0.1, horizon=STEPS, per=method.vector), method.init(w)))

    def on(state: tuple[Any, Any, Any], n: int) -> tuple[Any, Any, Any]:
        w, oracle, s = state
        for _ in range(n):
            oracle.advance()
            w, s = method.step(w, oracle, s)
        return w, oracle, s

    through, counted, _ = on(pickle.loads(begin), 14)
    resumed, counted_on, _ = on(pickle.loads(pickle.dumps(on(pickle.loads(begin), 7))), 7)
    require(same(through, resumed), f"{problem}: 7 steps, a pickle and 7 more do not end where 14 steps do")
    require(
        np.array_equal(counted.evals, counted_on.evals) and np.array_equal(counted.fevals, counted_on.fevals),
        f"{problem}: after a pickle the counts differ",
    )
    return "pickled after 7 steps of 14"


CHECKS = (purity, batch, numbers, counts, pickling)


def _values_around(field: Field, value: float | None) -> Vector:
    """Four values of a hyper-parameter within its bounds, near the value that is set, or near some other."""
    centres = [value] if value else [0.3, 1.5, 3.0, 30.0, -0.3]
    for centre in centres:
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
    if a is None and b is None:
        return True
    return np.array_equal(a, b, equal_nan=True)


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


def _counted(problem: Problem, questions: dict[str, int]) -> Problem:
    """The same problem; it counts every question that it or one of its samples is asked."""

    class Counter:
        """A function that counts every question."""

        def __init__(self, function: Function) -> None:
            self.function = function

        def f(self, w: Array) -> Array:
            questions["f"] += 1
            return self.function.f(w)

        def grad(self, w: Array) -> Array:
            questions["grad"] += 1
            return self.function.grad(w)

        def hessian(self, w: Array) -> Array:
            questions["hessian"] += 1
            return self.function.hessian(w)

    class Counted(type(problem)):  # type: ignore[misc]
        """The problem itself, whose samples are asked through a counter."""

        def sample(self, rng: np.random.Generator, step: int) -> Function:
            return Counter(problem.sample(rng, step))

    for name in ("f", "grad", "hessian"):
        setattr(Counted, name, staticmethod(getattr(Counter(problem), name)))
    return cast(Problem, Counted(**{f.name: getattr(problem, f.name) for f in dataclasses.fields(problem) if f.init}))
