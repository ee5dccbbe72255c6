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

SOLVER = {"solver": "CLARABEL", "tol_gap_rel": 1e-12, "tol_gap_abs": 1e-14, "tol_feas": 1e-13}
"""The solver and its tolerances: as far as it comes, for the worst case falls geometrically under strong convexity."""

TRUSTED = 1e-4
"""How far apart the two ends may be between which the solver has the worst case, relative to it."""


MOST = 100
"""The most steps: 40 take a minute, and the time grows with their third power or faster."""


class Inexact(Exception):  # noqa: N818 - no error: the rows before it stand
    """The solver does not come to the worst case; the message says how far it came."""


class Row(NamedTuple):
    """The worst case after so many steps, which ask for so many gradients; infinite where nothing bounds it."""

    steps: int
    evals: int
    worst: float
    known: ClosedForm | None
    seconds: float


@dataclass(frozen=True)
class Guarantee:
    """The worst case of a method, under ‖w_0 − w*‖² ≤ 1, after 1, 2, … steps; it grows with ‖w_0 − w*‖².

    Where the solver cannot tell it to a ten-thousandth, the rows end before, and ``ended`` says why.
    """

    method: str
    mu: float
    L: float
    criterion: Criterion
    rows: tuple[Row, ...]
    ended: str = ""


def check_steps(name: str, steps: int) -> None:
    """Refuse a number of steps, the option of this name, that no worst case is found of."""
    if not 1 <= steps <= MOST:
        raise InputError(f"{name}={steps} must be an integer in [1, {MOST}]: the worst case of 40 steps takes a minute")


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

    ``mu`` lies in [0, L), and 0 stands for convex; ``steps`` lies in [1, 100]. ``horizon`` is the number of steps that
    the method is told of, ``steps`` where none is given. Raises InputError for other numbers, where PEPit is not
    installed, and for a method whose text does more than add vectors times fixed numbers, or whose first worst case the
    solver cannot tell.
    """
    if criterion not in get_args(Criterion):
        raise InputError(f"criterion={criterion} must be one of {', '.join(get_args(Criterion))}")
    if not (0 <= mu < L < math.inf):
        raise InputError(f"mu={mu:g} and L={L:g} must be numbers with 0 ≤ mu < L")
    check_steps("steps", steps)
    need_pepit()
    import_module("PEPit")  # which takes seconds that are no row's
    runner = catalog.method(method)
    rows: list[Row] = []
    ended = ""
    for n in range(1, steps + 1):
        began = time.perf_counter()
        try:
            worst, evals = _worst(runner, mu, L, n, criterion, horizon or steps)
        except Inexact as why:
            ended = f"{catalog.label(runner)}: the worst case after {n} steps cannot be told: {why}"
            if not rows:
                raise InputError(ended) from None
            break
        known = closed_form(runner, mu, L, n, criterion)
        rows.append(Row(n, evals, worst, known, time.perf_counter() - began))
        if progress is not None:
            progress(n, steps)
    return Guarantee(catalog.label(runner), mu, L, criterion, tuple(rows), ended)


def _worst(method: Runnable, mu: float, L: float, steps: int, criterion: Criterion, horizon: int) -> tuple[float, int]:
    """The worst case after so many steps, and the gradients that they ask for."""
    from PEPit import PEP

    pep = PEP()
    oracle = Answers(pep, mu, L, horizon)
    pep.set_initial_condition((oracle.start - oracle.least) ** 2 <= 1)
    end = _run(method, oracle, steps)
    evals = oracle.evals
    if criterion == "f":
        metric, size = oracle.error(end), L
    elif criterion == "distance":
        metric, size = (end - oracle.least) ** 2, 1.0
    else:
        metric, size = oracle.gradient(end) ** 2, L * L
    pep.set_performance_metric(metric / size)  # of middling size, whatever L is
    return size * _solved(pep), evals


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
    except Exception as error:  # of text that looks at types or shapes, too
        why = str(error) if isinstance(error, Unholdable | InputError) else f"{type(error).__name__}: {error}"
        raise InputError(
            f"{catalog.label(method)} has no guarantee of this kind, which is for steps that only add vectors times "
            f"fixed numbers: {why}"
        ) from error


def _solved(pep: Any) -> float:
    """The value of the programme; infinite where it is unbounded. Raises Inexact where the solver falls short."""
    from cvxpy.error import SolverError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it may be inaccurate, which the two ends tell
            upper = pep.solve(verbose=0, **SOLVER)
    except SolverError:
        raise Inexact("the solver fails") from None
    if upper is None:
        return math.inf
    lower = float(pep.objective.eval())
    if not abs(upper - lower) <= TRUSTED * abs(upper):
        raise Inexact(f"of its own numbers the solver has one between {lower:.4g} and {upper:.4g}")
    return float(upper)
