"""The same run by both engines, and where the two differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method
from stepbench.engine.engines import bits_of
from stepbench.engine.prepare import prepare
from stepbench.engine.result import Result
from stepbench.engine.running import run_quietly
from stepbench.options import RunOptions

WHOLE = ("iteration", "evals", "fevals", "steps", "status", "detail")
NUMBERS = ("x", "f", "error", "distance", "gradient_norm", "step_size")


def both(problem: Any, method: Any, **options: Any) -> tuple[Result, Result]:
    """The run as NumPy makes it, and as a kernel does."""
    numpy, kernel = (run_quietly(problem, method, engine=engine, **options) for engine in ("numpy", "kernel"))
    return numpy, kernel


def is_exact(problem: Any, method: Method, **options: Any) -> bool:
    """Whether every operation of the run is defined to the last bit."""
    options.pop("trace", None)
    return not bits_of("kernel", prepare(catalog.problem(problem), method, RunOptions(**options)))


def differences(one: Result, other: Result) -> list[str]:
    """What is not the same to the last bit, in words."""
    found = []
    for name in (*WHOLE, *NUMBERS):
        a, b = getattr(one, name), getattr(other, name)
        if a is None and b is None:
            continue
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            found.append(f"{name} has the shapes {a.shape} and {b.shape}")
        elif not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            at = tuple(int(k[0]) for k in np.nonzero(np.atleast_1d(~_same(a, b))))
            found.append(f"{name}{list(at)} is {np.atleast_1d(a)[at]} and {np.atleast_1d(b)[at]}")
    return found


def _same(a: Any, b: Any) -> Any:
    return (a == b) | ((a != a) & (b != b))


def apart(one: Result, other: Result, steps: int) -> float:
    """The largest relative difference of points and values over the first steps that both have."""
    most = 0.0
    for name in ("x", "f"):
        a, b = (np.asarray(getattr(r, name))[: steps + 1] for r in (one, other))
        n = min(len(a), len(b))
        a, b = a[:n], b[:n]
        ok = np.isfinite(a) & np.isfinite(b)
        size = np.maximum(np.abs(np.where(ok, a, 0.0)).max(initial=0.0), 1e-300)
        most = max(most, float(np.abs(np.where(ok, a - b, 0.0)).max(initial=0.0) / size))
    return most
