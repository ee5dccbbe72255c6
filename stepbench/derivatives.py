"""Numerical derivatives of functions of many points at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]
Derivative = Callable[[Function, Array], Array]

H = float(np.cbrt(np.finfo(float).eps))
"""The step of a difference, at which truncation and rounding cost about the same."""

TINY = 1e-40
"""The imaginary step: its square vanishes, and no difference is taken, so that nothing is lost to rounding."""


def complex_step(function: Function, w: Array) -> Array:
    """The derivative of an analytic function to rounding: Im f(w + ih e) / h for every unit vector e.

    ``function`` takes points (d, R) to values (…, R), and complex points too; the derivative is (…, d, R).

    Source: Squire & Trapp 1998, Using complex variables to estimate derivatives of real functions.
    """
    values = _along_unit_vectors(function, w, 1j * TINY)
    return values.imag / TINY


def central_differences(function: Function, w: Array) -> Array:
    """The derivative of any function, to about 1e-9: (f(w + h e) − f(w − h e)) / 2h, with h = ∛ε max(1, |w_i|).

    Shapes are as for ``complex_step``. The step depends on nothing but the point, so that a point has the same
    derivative in every batch.
    """
    h = H * np.maximum(1.0, np.abs(w))
    h = (w + h) - w  # the difference that the rounded points will have
    quotients: Array = (_along_unit_vectors(function, w, h) - _along_unit_vectors(function, w, -h)) / (2 * h)
    return quotients


def _along_unit_vectors(function: Function, w: Array, h: Any) -> Array:
    """The values at w + h e for every unit vector e, (…, d, R).

    A point must have the same derivative in every batch, but NumPy computes large arrays otherwise than small ones.
    So the function is called with few points; or, where their Jacobians are large anyway, always with equally many.
    """
    d, R = w.shape
    steps = np.broadcast_to(h, w.shape)
    most, least = (32, 2) if d <= 8 else (2 * d, 2 * d)
    blocks = []
    for first in range(0, d * R, most):
        number = max(least, min(most, d * R - first))
        component, run = np.divmod(np.minimum(np.arange(first, first + number), d * R - 1), R)
        points = w[:, run].astype(steps.dtype)
        points[component, np.arange(number)] += steps[component, run]
        blocks.append(function(points))
    values = np.concatenate(blocks, axis=-1)[..., : d * R]
    return values.reshape(*values.shape[:-1], d, R)


REACHES = (0.1, 1.0, 10.0, 100.0)
"""How far from a point a function is tested for being analytic, in units of max(1, |w_i|)."""


def derived(function: Function, near: Array) -> Derivative:
    """The complex step where the function admits it, and central differences where it does not.

    It does where both agree along random lines around ``near``, (d,), and as far from it as the function is defined.
    An f that takes an absolute value, or a real part, is not analytic: its complex step would be wrong silently.
    """
    rng = np.random.default_rng(0)
    spread = np.maximum(1.0, np.abs(near))[:, None]
    for reach in REACHES:
        w = near[:, None] + reach * spread * rng.standard_normal((near.size, 4))
        try:
            by_step, by_differences, doubt = slopes(function, w, spread * rng.standard_normal(w.shape))
        except Exception:
            if reach == REACHES[0]:
                raise
            break  # the function is not defined so far away
        if by_step is None:
            return central_differences
        differ = np.abs(by_step - by_differences) > doubt + 1e-6 * np.abs(by_differences)
        if bool((differ & np.isfinite(doubt)).any()):
            return central_differences
    return complex_step


def slopes(function: Function, w: Array, v: Array) -> tuple[Array | None, Array, Array]:
    """The derivative at points w along directions v, (d, R) both -> (…, R), in two ways.

    Returns that by the complex step, or None where the function cannot take it; that by differences; and how far the
    differences may be off.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # Where f drops the imaginary part, the two derivatives will differ.
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        f = function(w)
        fine, coarse = ((function(w + h * v) - function(w - h * v)) / (2 * h) for h in (H, 2 * H))
        try:
            by_step = np.imag(function(w + 1j * TINY * v)) / TINY
        except Exception:  # whatever it is that f cannot do with complex numbers
            by_step = None
        # Differences are off by a third of what halving h changes, and by the rounding of f.
        doubt = 10 * np.abs(fine - coarse) + 100 * np.finfo(float).eps * np.abs(f) / H
    return by_step, fine, doubt


NAMES: dict[Derivative, str] = {complex_step: "the complex step", central_differences: "central differences"}
