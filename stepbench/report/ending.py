"""How a run ended, in words."""

from __future__ import annotations

import math

import numpy as np

from stepbench import catalog
from stepbench.contracts import values_of
from stepbench.engine.result import Result
from stepbench.fields import InputError


def ending(r: Result) -> str:
    """How a run ended: its error and its cost, or why it diverged or failed."""
    if r.status == "diverged":
        return _divergence(r)
    return f"failed: {r.detail}" if r.status == "failed" else outcome_line(r)


def outcome_line(result: Result) -> str:
    """The end of a run, short enough for a title."""
    value, name = result.value[-1], "f" if result.error is None else "error"
    if result.problem.f_means:
        value, name = result.f[-1], result.problem.f_means
    line = f"{result.status} · {name} {value:.2g} · {result.evals[-1]:,} ∇f"
    if result.fevals[-1]:
        line += f" and {result.fevals[-1]:,} f"
    if result.noise:
        line += f" · noise {result.noise:g}"
    return line


def _divergence(r: Result) -> str:
    """When it diverged, and with which step size.

    Where the steps are α ∇f, and L is known or can be measured, it names the limit 2/L that the step size passed.
    """
    k = len(r.f) - 1 - int(np.argmin(r.f[::-1]))  # the last record at which f was least: from there on it only rose
    at = f"at step {int(r.steps) + 1:,}" if (np.diff(r.iteration) == 1).all() else f"after step {int(r.steps):,}"
    when = f"diverged {at}"
    size = _size_after(r, k)
    if size is None:
        return f"{when}: f rose from step {int(r.iteration[k]):,} on"
    L = _curvature(r, k) if r.plain else None
    if L and size > 2 / L:
        origin = "" if r.problem.L else f", the largest curvature at step {int(r.iteration[k]):,}, from where f rose"
        return f"{when}: α = {size:.3g} is above 2/L = {2 / L:.2g} (L = {L:.4g}{origin})"
    return f"{when}: f rose from step {int(r.iteration[k]):,} on, with step size α = {size:.3g}"


def _size_after(r: Result, k: int) -> float | None:
    """The step size of the step after record k; the largest where there are several."""
    if r.step_size is None or len(r.f) < 2:
        return _given_size(r)
    sizes = np.atleast_1d(r.step_size[min(k + 1, len(r.f) - 1)])
    return float(sizes[np.argmax(np.abs(sizes))]) if np.isfinite(sizes).all() else _given_size(r)


def _given_size(r: Result) -> float | None:
    """The step size that the method was given, for a run that recorded none."""
    try:
        lr = values_of(catalog.method(r.method)).get("lr")
    except InputError:  # a class of the user's own, or a batch
        return None
    return lr if isinstance(lr, float) else None


def _curvature(r: Result, k: int) -> float | None:
    """The smoothness that the problem declares, or the Hessian's largest eigenvalue at record k."""
    if r.problem.L:
        return r.problem.L
    if r.x is None or r.problem.stochastic:
        return None
    with np.errstate(all="ignore"):
        H = r.problem.hessian(np.repeat(r.x[k][:, None], 2, axis=1))[:, :, 0]
    if not np.isfinite(H).all():
        return None
    largest = float(np.abs(np.linalg.eigvalsh(H)).max())
    return largest if 0 < largest < math.inf else None
