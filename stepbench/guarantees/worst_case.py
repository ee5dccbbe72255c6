"""The exact worst case of a method's own text, over all μ-strongly convex L-smooth functions in any dimension.

It is a semidefinite programme, which PEPit writes down and a solver solves: Taylor, Hendrickx & Glineur, Smooth
strongly convex interpolation and exact worst-case performance of first-order methods, Mathematical Programming 2017.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, get_args

from stepbench import catalog
from stepbench.contracts import Method, Runnable
from stepbench.fields import InputError
from stepbench.guarantees.closed_forms import ClosedForm, closed_form
from stepbench.guarantees.symbols import Answers, Unholdable, Vector

Criterion = Literal["f", "distance", "gradient"]
"""What is to be small after N steps: f(w_N) − f*, ‖w_N − w*‖² or ‖∇f(w_N)‖²."""

CRITERIA: dict[Criterion, str] = {
    "f": "f(w_N) − f*",
    "distance": "‖w_N − w*‖²",
    "gradient": "‖∇f(w_N)‖²",
}

SOLVER = {"solver": "CLARABEL", "tol_gap_rel": 1e-9, "tol_gap_abs": 1e-11, "tol_feas": 1e-10}
"""The solver and its tolerances: a strongly convex worst case falls geometrically, and is to have its digits still."""

TRUSTED = 1e-4
"""How far apart the two ends may be between which the solver has the worst case, relative to it."""


class Row(NamedTuple):
    """The worst case after so many steps, which ask for so many gradients; infinite where nothing bounds it."""

    steps: int
    evals: int
    worst: float
    known: ClosedForm | None
    seconds: float


@dataclass(frozen=True)
class Guarantee:
    """The worst case of a method, under ‖w_0 − w*‖² ≤ 1, after 1, 2, … steps; it grows with ‖w_0 − w*‖²."""

    method: str
    mu: float
    L: float
    criterion: Criterion
    rows: tuple[Row, ...]


def need_pepit() -> None:
    """Refuse where PEPit is not installed."""
    if find_spec("PEPit") is None:
        raise InputError('a guarantee is found by PEPit, which is not installed: pip install "stepbench[theory]"')


def rate(
    method: str | Runnable,
    *,
    mu: float = 0.0,
    L: float = 1.0,
    steps: int = 5,
    criterion: Criterion = "f",
    horizon: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Guarantee:
    """The worst case of a method over all functions of this μ and L after 1, 2, …, ``steps`` steps.

    ``mu`` lies in [0, L), and 0 stands for convex; ``horizon`` is the number of steps that the method is told of,
    ``steps`` where none is given. Raises InputError for other numbers, where PEPit is not installed, and for a method
    whose text does more than add vectors times fixed numbers.
    """
    if criterion not in get_args(Criterion):
        raise InputError(f"criterion={criterion} must be one of {', '.join(get_args(Criterion))}")
    if not (0 <= mu < L < math.inf):
        raise InputError(f"mu={mu:g} and L={L:g} must be numbers with 0 ≤ mu < L")
    if steps < 1:
        raise InputError(f"steps={steps} must be an integer of at least 1")
    need_pepit()
    import_module("PEPit")  # which takes seconds that are no row's
    runner = catalog.method(method)
    rows = []
    for n in range(1, steps + 1):
        began = time.perf_counter()
        worst, evals = _worst(runner, mu, L, n, criterion, horizon or steps)
        known = closed_form(runner, mu, L, n, criterion)
        rows.append(Row(n, evals, worst, known, time.perf_counter() - began))
        if progress is not None:
            progress(n, steps)
    return Guarantee(catalog.label(runner), mu, L, criterion, tuple(rows))


def _worst(method: Runnable, mu: float, L: float, steps: int, criterion: Criterion, horizon: int) -> tuple[float, int]:
    """The worst case after so many steps, and the gradients that they ask for."""
    from PEPit import PEP
    from PEPit.functions import SmoothStronglyConvexFunction

    pep = PEP()
    scaled = pep.declare_function(SmoothStronglyConvexFunction, mu=mu / L, L=1.0)
    least = scaled.stationary_point()
    start = pep.set_initial_point()
    pep.set_initial_condition((start - least) ** 2 <= 1)
    oracle = Answers(scaled, start, mu, L, horizon)
    end = _run(method, oracle, steps)
    evals = oracle.evals
    scales = {"f": L, "distance": 1.0, "gradient": L * L}
    metrics = {
        "f": lambda: scaled.value(end) - scaled.value(least),
        "distance": lambda: (end - least) ** 2,
        "gradient": lambda: scaled.gradient(end) ** 2,
    }
    pep.set_performance_metric(metrics[criterion]())
    return scales[criterion] * _solved(pep, method, steps), evals


def _run(method: Runnable, oracle: Answers, steps: int) -> Any:
    """Where the method's text takes the start in so many steps: PEPit's point."""
    if not isinstance(method, Method):
        raise InputError(f"{catalog.label(method)} has no guarantee of this kind: it owns its loop")
    try:
        w = Vector(oracle.start)
        s = method.init(w)
        for _ in range(steps):
            w, s = method.step(w, oracle, s)
        return oracle.place(w)
    except InputError:
        raise
    except Exception as error:  # of text that looks at types or shapes, too
        why = str(error) if isinstance(error, Unholdable) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{catalog.label(method)} has no guarantee of this kind, which is for steps that only add vectors times "
            f"fixed numbers: {why}"
        ) from error


def _solved(pep: Any, method: Runnable, steps: int) -> float:
    """The value of the programme; infinite where it is unbounded. Raises InputError where the solver fails."""
    from cvxpy.error import SolverError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it may be inaccurate, which the two ends tell
            upper = pep.solve(verbose=0, **SOLVER)
    except SolverError as error:
        raise InputError(f"{catalog.label(method)}, {steps} steps: {error}; take fewer steps") from None
    if upper is None:
        return math.inf
    lower = float(pep.objective.eval())
    if not abs(upper - lower) <= TRUSTED * abs(upper):
        raise InputError(
            f"{catalog.label(method)}: the solver has the worst case after {steps} steps only between {lower:.3g} and "
            f"{upper:.3g} of its own units: take fewer steps"
        )
    return float(upper)
