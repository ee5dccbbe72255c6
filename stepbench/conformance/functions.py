"""What holds for every problem that is a function."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from stepbench import catalog, derivatives
from stepbench.conformance import Nonconformance, require
from stepbench.contracts import FiniteSum, Function, Problem, Vector
from stepbench.engine.vetting import vet_shapes
from stepbench.fields import InputError, show_point

TOLERANCE = 1e-8
"""How far a derivative may be from an independent one, beside its largest component."""


def points(problem: Problem, seed: int = 0, runs: int = 32) -> Vector:
    """Random points, (d, runs): near the start and around it, in the window, and up to 100 times as far away.

    All lie in the domain; taken out are those at which f or its gradient is not finite; there are always two.
    """
    rng = np.random.default_rng(seed)
    x0 = problem.x0[:, None]
    spread = np.maximum(1.0, np.abs(x0)) * rng.standard_normal((len(x0), runs))
    reach = np.repeat([0.01, 0.3, 3.0, 100.0], -(-runs // 4))[:runs]
    w = problem.moved_within(x0, reach * spread)
    if problem.view is not None:
        low, high = np.transpose(problem.view)
        w[:, : runs // 4] = rng.uniform(low[:, None], high[:, None], (2, runs // 4))
    w = w[:, problem.within(w)]
    with np.errstate(all="ignore"):
        fine = np.isfinite(problem.f(w)) & np.isfinite(problem.grad(w)).all(axis=0)
    return np.ascontiguousarray(w[:, fine] if fine.sum() >= 2 else np.repeat(x0, 2, axis=1))


def shapes(problem: Problem) -> str:
    """f and ∇f have the shapes of the contract, and are finite at the start"""
    try:
        vet_shapes(problem)
    except InputError as refusal:
        raise Nonconformance(str(refusal)) from None
    d = problem.x0.size
    for R in (2, 5):
        w = np.repeat(problem.x0[:, None], R, axis=1)
        for name, answer, shape in (("f", problem.f(w), (R,)), ("grad", problem.grad(w), (d, R))):
            require(answer.shape == shape, f"{name} of points ({d}, {R}) has shape {answer.shape}, not {shape}")
            require(answer.dtype == np.float64, f"{name} is {answer.dtype}, not float64")
            require(np.isfinite(answer).all(), f"{name} at the start is {answer[..., 0]}")
    return f"d = {d}, f(x0) = {problem.f(w)[0]:.9g}"


def gradient(problem: Problem) -> str:
    """∇f is the derivative of f"""
    w = points(problem)
    return compare(problem.f, problem.grad, w, problem, by_step="grad" not in problem.derived)


def hessian(problem: Problem) -> str:
    """∇²f is the derivative of ∇f"""
    if "hvp" not in problem.supplies or "hessian" in problem.derived:
        return ""
    w = points(problem)
    H = problem.hessian(w)
    d = len(w)
    require(H.shape == (d, *w.shape), f"it has shape {H.shape}, not {(d, *w.shape)}")
    skew = np.abs(H - H.transpose(1, 0, 2)).max(axis=(0, 1)) / np.abs(H).max(axis=(0, 1)).clip(1e-300)
    require(
        skew.max() < TOLERANCE,
        f"it is not symmetric at {show_point(w[:, skew.argmax()])}: off by {skew.max():.2g}",
    )
    return compare(problem.grad, problem.hessian, w, problem)


def compare(function: Any, derivative: Any, w: Vector, problem: Problem, by_step: bool = True) -> str:
    """Compare a derivative with an independent one, component by component.

    That is the complex step where the function can be followed, and SciPy's differences elsewhere. A component that is
    small beside the whole derivative, or beside those at the other points, may be off by what rounding makes of them.
    """
    given = derivative(w)
    way = derivatives.derived(function, problem.x0, problem.moved_within) if by_step else None
    if way is derivatives.complex_step:
        by, reference = "the complex step", derivatives.complex_step(function, w)
        doubt: Any = 0.0
    else:
        by, (reference, doubt) = "SciPy's differences", differences(function, w)
    axes = tuple(range(given.ndim - 1))
    size = np.abs(reference).max(axis=axes)
    beside = 1e-13 if by == "the complex step" else TOLERANCE  # differences round what is beside them too
    allowed = TOLERANCE * np.abs(reference) + beside * size + 1e-12 * np.median(size) + doubt
    off = np.abs(given - reference)
    judged = np.isfinite(allowed).all(axis=axes)
    require(judged.any(), f"differences of f do not converge at any of {w.shape[1]} points")
    excess = np.where(judged, off / np.maximum(allowed, 1e-300), 0.0)
    wrong = (excess > 1).any(axis=axes)
    if wrong.any():
        *axis, r = np.unravel_index(excess.argmax(), excess.shape)
        index = ", ".join(str(i + 1) for i in axis)
        raise Nonconformance(
            f"at {show_point(w[:, r])} component {index} is {given[(*axis, r)]:.9g} and by {by} "
            f"{reference[(*axis, r)]:.9g}; wrong at {wrong.sum()} of {judged.sum()} points"
        )
    worst = (off.max(axis=axes) / np.maximum(size, 1e-300))[judged].max()
    return f"{judged.sum()} points against {by}: off by {worst:.1g} at most"


def differences(function: Callable[[Vector], Vector], w: Vector) -> tuple[Vector, Vector]:
    """The derivative at each point by SciPy's adaptive differences of order 8, (d, R) -> (…, d, R), and its error.

    The error is infinite where they did not converge, as across a kink. Where the slope is 0, SciPy halves its steps to
    the last, since no error is small beside it: there the error may be what f's rounding makes of the last step.
    """
    from scipy.differentiate import jacobian

    def many(z: Any) -> Any:
        values = function(z.reshape(len(z), -1))
        return values.reshape(*np.shape(values)[:-1], *z.shape[1:])

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        size, tolerances = np.maximum(1.0, np.abs(w)), {"atol": 0.0, "rtol": 1e-11}
        one, other = (
            jacobian(many, w, initial_step=h * size, tolerances=tolerances, maxiter=20) for h in (0.1, 0.1 / 7)
        )
        # Where f oscillates within a step, what has converged need not be right: two sizes of steps must agree.
        error = np.fmax(one.error, np.abs(one.df - other.df)) + 0 * one.error
        rounding = 1e-14 * np.abs(function(w))[..., None, :] / size
        halved = 7 * 2.0 ** np.maximum(one.nit, other.nit)  # the smaller first step, in the units of the larger
        small = error <= 1e-3 * np.abs(one.df) + np.maximum(1e3, halved) * rounding
        return one.df, np.where(small, 10 * error + 1e3 * rounding, np.inf)


def minimum(problem: Problem) -> str:
    """f(x*) = f*, ∇f(x*) = 0, and no descent ends lower"""
    details = []
    if problem.f_star is not None:
        w, f, scale = _descend(problem)
        require(
            f >= problem.f_star - 1e-9 * max(scale, abs(problem.f_star)),
            f"f* = {problem.f_star:.9g} and f{show_point(w)} = {f:.9g} is lower",
        )
        details.append(f"f* = {problem.f_star:.9g}")
    if problem.x_star is not None:
        stars = np.reshape(problem.x_star, (problem.x0.size, -1))
        twice = np.repeat(stars, 2, axis=1)
        values, g = problem.f(twice)[::2], problem.grad(twice)[:, ::2]
        for star, value in zip(stars.T, values, strict=True):
            if problem.f_star is not None:
                require(
                    abs(value - problem.f_star) <= 1e-9 * max(1.0, abs(problem.f_star)),
                    f"f{show_point(star)} = {value:.9g} and not f* = {problem.f_star:.9g}",
                )
        steepest = np.median(np.abs(problem.grad(points(problem))).max(axis=0))
        k = np.abs(g).max(axis=0).argmax()
        require(
            np.abs(g).max() <= 1e-6 * max(1.0, steepest), f"∇f at {show_point(stars[:, k])} is {show_point(g[:, k])}"
        )
        details.append(f"‖∇f(x*)‖ = {np.linalg.norm(g, axis=0).max():.2g}")
    return ", ".join(details)


def _descend(problem: Problem) -> tuple[Vector, float, float]:
    """The lowest end of SciPy's L-BFGS from some of the points, its f, and the size of f at the points nearby."""
    from scipy.optimize import minimize

    def lone(w: Vector) -> tuple[float, Vector]:
        twice = np.repeat(w[:, None], 2, axis=1)
        return float(problem.f(twice)[0]), problem.grad(twice)[:, 0]

    w = points(problem)
    near = np.argsort(problem.f(w))[[0, 1, len(w[0]) // 4, len(w[0]) // 2]]
    ends = [minimize(lone, w[:, r], jac=True, method="L-BFGS-B", options={"maxiter": 300}) for r in near]
    lowest = min((end for end in ends if np.isfinite(end.fun)), key=lambda end: end.fun)
    return lowest.x, float(lowest.fun), float(min(np.abs(problem.f(w)).min(), 1.0))


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
    w = points(problem)
    whole = _answers(problem, w)
    n = w.shape[1]
    chunks = ([0, 0], [1, 1], range(n // 2), range(1, n), range(0, n, 2))  # a single point is asked for twice
    for chunk in map(list, chunks):
        for name, answer in _answers(problem, np.ascontiguousarray(w[:, chunk])).items():
            same = np.array_equal(answer, whole[name][..., chunk], equal_nan=True)
            require(same, f"{name} of {len(chunk)} points differs from the same points among {n}")
    many = np.resize(np.arange(n), min(4096, (1 << 20) // len(w) ** 2 + n))
    for name in ("f", "grad"):
        answer = getattr(problem, name)(np.ascontiguousarray(w[:, many]))
        same = np.array_equal(answer, whole[name][..., many], equal_nan=True)
        require(same, f"{name} of {many.size} points differs from the same points among {n}")
    return f"{n} points, alone and among up to {many.size}"


def purity(problem: Problem) -> str:
    """f, ∇f and ∇²f change nothing they are given, and answer twice alike"""
    w = points(problem)
    w.flags.writeable = False
    try:
        first = _answers(problem, w)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise Nonconformance(f"it writes into the points it is given ({error})") from None
    for name, answer in _answers(problem, w).items():
        require(np.array_equal(answer, first[name], equal_nan=True), f"{name} answers otherwise the second time")
        require(not np.shares_memory(answer, w), f"{name} returns the points' own memory")
    return "asked twice of read-only points"


def _answers(problem: Function, w: Vector) -> dict[str, Vector]:
    names = ["f", "grad"]
    if isinstance(problem, Problem) and "hvp" in problem.supplies:
        names.append("hessian")
    return {name: np.asarray(getattr(problem, name)(w)) for name in names}


def samples(problem: Problem) -> str:
    """What a step sees is drawn from its generator alone, averages to f, and has its own derivatives"""
    if not problem.stochastic or not problem.faithful:
        return ""
    w = points(problem, runs=8)
    step, number = 50, 400

    def draw(k: int) -> Function:
        return problem.sample(np.random.default_rng((0, k)), step)

    whole, drawn_once = problem.at(step - 1), [draw(k) for k in range(number)]
    for function in (draw(0), draw(1), whole):
        compare(function.f, function.grad, w, problem)
    for name in ("f", "grad"):
        first, again = (getattr(draw(0), name)(w) for _ in range(2))
        require(np.array_equal(first, again), f"{name} of step {step} differs when it is drawn again")
        answers = np.array([getattr(sample, name)(w) for sample in drawn_once])
        error = answers.std(axis=0) / np.sqrt(number)
        off = np.abs(answers.mean(axis=0) - getattr(whole, name)(w))
        size = np.abs(answers).max()
        require(
            (off <= 6 * error + 1e-9 * size).all(),
            f"the mean of {name} over {number} samples is {(off / (error + 1e-12 * size)).max():.1f} of its errors off",
        )
    if not isinstance(problem, FiniteSum):
        return f"the mean of {number} samples is f, within 6 standard errors"
    each = [problem.subset(np.array([i])) for i in range(problem.terms)]
    for name, all_terms in _answers(problem, w).items():
        mean = np.mean([getattr(term, name)(w) for term in each], axis=0)
        off = np.abs(mean - all_terms).max() / np.abs(all_terms).max()
        require(off < 1e-9, f"the mean of {name} over all {problem.terms} terms is off by {off:.2g}")
    return f"the mean over {problem.terms} terms is f, and so are its derivatives"


def pickling(problem: Problem) -> str:
    """It can be pickled, and built again from its spec"""
    again = pickle.loads(pickle.dumps(problem))
    require(again == problem and again.spec() == problem.spec(), f"pickled it is {again.spec()}, not {problem.spec()}")
    if problem._home is not None:
        require(catalog.problem(problem.spec()) == problem, f"{problem.spec()} builds another problem")
    return problem.spec()


CHECKS = (shapes, gradient, hessian, minimum, constants, batch, purity, samples, pickling)
