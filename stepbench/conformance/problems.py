"""What holds for every problem."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from stepbench import catalog, derivatives
from stepbench.conformance import Nonconformance, require
from stepbench.contracts import FiniteSum, Function, Problem, Vector

TOLERANCE = 1e-8
"""How far a derivative may be from an independent one, beside its largest component."""


def points(problem: Problem, seed: int = 0, runs: int = 32) -> Vector:
    """Random points, (d, runs): near the start and around it, in the window, and up to 100 times as far away.

    Those at which f or its gradient is not finite are left out, but there are always two.
    """
    rng = np.random.default_rng(seed)
    x0 = problem.x0[:, None]
    spread = np.maximum(1.0, np.abs(x0)) * rng.standard_normal((len(x0), runs))
    reach = np.repeat([0.01, 0.3, 3.0, 100.0], -(-runs // 4))[:runs]
    x = x0 + reach * spread
    if problem.view is not None:
        low, high = np.transpose(problem.view)
        x[:, : runs // 4] = rng.uniform(low[:, None], high[:, None], (2, runs // 4))
    with np.errstate(all="ignore"):
        fine = np.isfinite(problem.f(x)) & np.isfinite(problem.grad(x)).all(axis=0)
    return np.ascontiguousarray(x[:, fine] if fine.sum() >= 2 else np.repeat(x0, 2, axis=1))


def shown(x: Any) -> str:
    """A point or a vector, for a message."""
    x = np.ravel(np.asarray(x, dtype=float))
    return "(" + ", ".join(f"{value:.6g}" for value in x[:6]) + (", …" if x.size > 6 else "") + ")"


def shapes(problem: Problem) -> str:
    """f and ∇f have the shapes of the contract, and are finite at the start"""
    d = problem.x0.size
    require(problem.x0.shape == (d,) and d, f"x0 has shape {problem.x0.shape}, not (d,)")
    for R in (2, 5):
        x = np.repeat(problem.x0[:, None], R, axis=1)
        for name, answer, shape in (("f", problem.f(x), (R,)), ("grad", problem.grad(x), (d, R))):
            require(np.shape(answer) == shape, f"{name} of points ({d}, {R}) has shape {np.shape(answer)}, not {shape}")
            require(answer.dtype == np.float64, f"{name} is {answer.dtype}, not float64")
            require(np.isfinite(answer).all(), f"{name} at the start is {answer[..., 0]}")
    return f"d = {d}, f(x0) = {problem.f(x)[0]:.9g}"


def gradient(problem: Problem) -> str:
    """∇f is the derivative of f"""
    return _derivative(problem, problem.f, problem.grad, own="grad" not in problem.derived)


def hessian(problem: Problem) -> str:
    """∇²f is the derivative of ∇f"""
    if "hvp" not in problem.supplies or "hessian" in problem.derived:
        return ""
    x = points(problem)
    H = problem.hessian(x)
    d = len(x)
    require(H.shape == (d, *x.shape), f"it has shape {H.shape}, not {(d, *x.shape)}")
    skew = np.abs(H - H.transpose(1, 0, 2)).max(axis=(0, 1)) / np.abs(H).max(axis=(0, 1)).clip(1e-300)
    require(
        skew.max() < TOLERANCE,
        f"it is not symmetric at {shown(x[:, skew.argmax()])}: off by {skew.max():.2g}",
    )
    return _derivative(problem, problem.grad, problem.hessian, own=True)


def _derivative(problem: Problem, function: Any, derivative: Any, own: bool) -> str:
    """Compare a derivative with one that owes it nothing: the complex step where that can be, or differences."""
    x = points(problem)
    given = derivative(x)
    if own and derivatives.derived(function, problem.x0) is derivatives.complex_step:
        by, independent = "the complex step", derivatives.complex_step(function, x)
    else:
        by, independent = "SciPy's differences", differences(function, x)
    off = np.abs(given - independent)
    axes = tuple(range(off.ndim - 1))
    size = np.abs(independent).max(axis=axes)
    relative = off.max(axis=axes) / np.maximum(size, 1e-300)
    # What f itself is rounded by hides a derivative that is small beside it, but only where differences are taken.
    floor = 0.0 if by == "the complex step" else 1e-8
    least = np.abs(function(x)).max(axis=tuple(range(np.ndim(function(x)) - 1))) * floor
    wrong = np.flatnonzero((relative > TOLERANCE) & (off.max(axis=axes) > least + 1e-300))
    if wrong.size:
        r = wrong[relative[wrong].argmax()]
        axis = np.unravel_index(off[..., r].argmax(), off.shape[:-1])
        index = ", ".join(str(i + 1) for i in axis)
        raise Nonconformance(
            f"at {shown(x[:, r])} component {index} is {given[(*axis, r)]:.9g} and by {by} "
            f"{independent[(*axis, r)]:.9g}; wrong at {wrong.size} of {x.shape[1]} points"
        )
    return f"{x.shape[1]} points against {by}: off by {relative.max():.1g} at most"


def differences(function: Callable[[Vector], Vector], x: Vector) -> Vector:
    """The derivative at each point by SciPy's adaptive differences of order 8: (d, R) -> (…, d, R)."""
    from scipy.differentiate import jacobian

    steps = 0.1 * np.maximum(1.0, np.abs(x))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tolerances = {"atol": 0.0, "rtol": 1e-11}

        def many(z: Any) -> Any:
            return function(z.reshape(len(z), -1)).reshape(
                *np.shape(function(z.reshape(len(z), -1)))[:-1], *z.shape[1:]
            )

        return np.asarray(jacobian(many, x, initial_step=steps, tolerances=tolerances, maxiter=20).df)


def minimum(problem: Problem) -> str:
    """f(x*) = f*, ∇f(x*) = 0, and nothing seen is lower"""
    x = points(problem)
    f = problem.f(x)
    said = []
    if problem.f_star is not None:
        scale = 1e-12 * float(np.median(np.abs(f))) + 1e-12 * abs(problem.f_star)
        lower = f.argmin()
        require(
            f[lower] >= problem.f_star - scale,
            f"f* = {problem.f_star:.9g} and f{shown(x[:, lower])} = {f[lower]:.9g} is lower",
        )
        said.append(f"f* = {problem.f_star:.9g}")
    if problem.x_star is not None:
        stars = np.reshape(problem.x_star, (problem.x0.size, -1))
        at = np.repeat(stars, 2, axis=1)
        values, g = problem.f(at)[::2], problem.grad(at)[:, ::2]
        for k, value in enumerate(values):
            if problem.f_star is not None:
                require(
                    abs(value - problem.f_star) <= 1e-9 * max(1.0, abs(problem.f_star)),
                    f"f{shown(stars[:, k])} = {value:.9g} and not f* = {problem.f_star:.9g}",
                )
        steepest = np.median(np.abs(problem.grad(x)).max(axis=0))
        require(
            np.abs(g).max() <= 1e-6 * max(1.0, steepest),
            f"∇f at {shown(stars[:, np.abs(g).max(axis=0).argmax()])} is {shown(g[:, np.abs(g).max(axis=0).argmax()])}",
        )
        said.append(f"‖∇f(x*)‖ = {np.linalg.norm(g, axis=0).max():.2g}")
    return ", ".join(said)


def constants(problem: Problem) -> str:
    """The Hessian's eigenvalues lie between μ and L"""
    if "hvp" not in problem.supplies or (problem.mu is None and problem.L is None):
        return ""
    H = problem.hessian(points(problem, runs=8))
    eigenvalues = np.linalg.eigvalsh(H.transpose(2, 0, 1))
    low, high = float(eigenvalues.min()), float(eigenvalues.max())
    slack = 1e-9 * high
    require(problem.mu is None or low >= problem.mu - slack, f"μ = {problem.mu} and an eigenvalue is {low:.9g}")
    require(problem.L is None or high <= problem.L + slack, f"L = {problem.L} and an eigenvalue is {high:.9g}")
    return f"seen between {low:.4g} and {high:.4g}"


def batch(problem: Problem) -> str:
    """A point has the same bits alone and in any batch"""
    x = points(problem)
    whole = _answers(problem, x)
    n = x.shape[1]
    chunks = ([0, 0], [1, 1], range(n // 2), range(1, n), range(0, n, 2))  # a lone run travels with a twin
    for chunk in map(list, chunks):
        for name, answer in _answers(problem, np.ascontiguousarray(x[:, chunk])).items():
            same = np.array_equal(answer, whole[name][..., chunk], equal_nan=True)
            require(same, f"{name} of {len(chunk)} points differs from the same points among {n}")
    return f"{n} points, in {len(chunks)} ways"


def purity(problem: Problem) -> str:
    """f, ∇f and ∇²f change nothing they are given, and answer twice alike"""
    x = points(problem)
    x.flags.writeable = False
    try:
        first = _answers(problem, x)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise Nonconformance(f"it writes into the points it is given ({error})") from None
    for name, answer in _answers(problem, x).items():
        require(np.array_equal(answer, first[name], equal_nan=True), f"{name} answers otherwise the second time")
        require(not np.shares_memory(answer, x), f"{name} returns the points' own memory")
    return "asked twice of read-only points"


def _answers(problem: Function, x: Vector) -> dict[str, Vector]:
    known = ["f", "grad"] + ["hessian"] * (isinstance(problem, Problem) and "hvp" in problem.supplies)
    return {name: np.asarray(getattr(problem, name)(x)) for name in known}


def samples(problem: Problem) -> str:
    """What a step sees is drawn from its generator alone, and averages to f"""
    if not problem.stochastic:
        return ""
    x = points(problem, runs=8)

    def seen(step: int) -> dict[str, Vector]:
        sample = problem.sample(np.random.default_rng((0, step)), step)
        return {"f": sample.f(x), "grad": sample.grad(x)}

    for step in (1, 2, 50):
        for name, answer in seen(step).items():
            again = seen(step)[name]
            require(np.array_equal(answer, again), f"{name} of step {step} differs when it is drawn again")
    if not isinstance(problem, FiniteSum):
        return "drawn twice alike"
    each = [problem.subset(np.array([i])) for i in range(problem.terms)]
    for name, whole in _answers(problem, x).items():
        mean = np.mean([getattr(term, name)(x) for term in each], axis=0)
        off = np.abs(mean - whole).max() / np.abs(whole).max()
        require(off < 1e-9, f"the mean of {name} over all {problem.terms} terms is off by {off:.2g}")
    return f"the mean over {problem.terms} terms is f, and its derivatives"


def pickling(problem: Problem) -> str:
    """It can be pickled, and built again from its spec"""
    again = pickle.loads(pickle.dumps(problem))
    require(again == problem and again.spec() == problem.spec(), f"pickled it is {again.spec()}, not {problem.spec()}")
    if problem._home is not None:
        require(catalog.problem(problem.spec()) == problem, f"{problem.spec()} builds another problem")
    return problem.spec()


CHECKS = (shapes, gradient, hessian, minimum, constants, batch, purity, samples, pickling)
