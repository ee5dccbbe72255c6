"""Derivatives of functions of many points at once, taken without being told them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]
Derivative = Callable[[Function, Array], Array]

H = float(np.cbrt(np.finfo(float).eps))
"""The step of a difference, where truncating and rounding are off by alike."""

TINY = 1e-40
"""The imaginary step: its square vanishes, and no difference is taken, so nothing is rounded away."""


def complex_step(function: Function, x: Array) -> Array:
    """The derivative of an analytic function to rounding: Im f(x + ih e) / h for every axis e.

    ``function`` takes points (d, R) to values (…, R), and complex points too; the derivative is (…, d, R).

    Source: Squire & Trapp 1998, Using complex variables to estimate derivatives of real functions.
    """
    values = _along_every_axis(function, x, 1j * TINY)
    return values.imag / TINY


def central_differences(function: Function, x: Array) -> Array:
    """The derivative of any function, to about 1e-9: (f(x + h e) − f(x − h e)) / 2h, with h = ∛ε max(1, |x_i|).

    Shapes as for ``complex_step``. The step is fixed, and every point stands for itself, so that it has the same
    derivative in every batch.
    """
    h = H * np.maximum(1.0, np.abs(x))
    h = (x + h) - x  # as the points will differ
    quotients: Array = (_along_every_axis(function, x, h) - _along_every_axis(function, x, -h)) / (2 * h)
    return quotients


def _along_every_axis(function: Function, x: Array, h: Any) -> Array:
    """The values at x + h e for every axis e, (…, d, R).

    A point must have the same derivative in every batch, and NumPy computes large arrays otherwise than small ones.
    So the function is called with few points, or, where their Jacobians are large anyway, always with equally many.
    """
    d, R = x.shape
    steps = np.broadcast_to(h, x.shape)
    most, least = (32, 2) if d <= 8 else (2 * d, 2 * d)
    blocks = []
    for first in range(0, d * R, most):
        number = max(least, min(most, d * R - first))
        axis, run = np.divmod(np.minimum(np.arange(first, first + number), d * R - 1), R)
        points = x[:, run].astype(steps.dtype)
        points[axis, np.arange(number)] += steps[axis, run]
        blocks.append(function(points))
    values = np.concatenate(blocks, axis=-1)[..., : d * R]
    return values.reshape(*values.shape[:-1], d, R)


REACHES = (0.1, 1.0, 10.0, 100.0)
"""How far from a point it is asked whether a function is analytic, in units of max(1, |x_i|)."""


def derived(function: Function, near: Array) -> Derivative:
    """The complex step where the function admits it, and central differences where it does not.

    It does where both agree along random lines around ``near``, (d,), and as far from it as the function can be asked.
    An f that takes an absolute value, or a real part, is not analytic: the complex step would be wrong without a word.
    """
    rng = np.random.default_rng(0)
    spread = np.maximum(1.0, np.abs(near))[:, None]
    for reach in REACHES:
        x = near[:, None] + reach * spread * rng.standard_normal((near.size, 4))
        try:
            stepped, differenced, doubt = slopes(function, x, spread * rng.standard_normal(x.shape))
        except Exception:
            if reach == REACHES[0]:
                raise
            break  # it is not defined so far away
        if stepped is None:
            return central_differences
        differ = np.abs(stepped - differenced) > doubt + 1e-6 * np.abs(differenced)
        if bool((differ & np.isfinite(doubt)).any()):
            return central_differences
    return complex_step


def slopes(function: Function, x: Array, v: Array) -> tuple[Array | None, Array, Array]:
    """The derivative at points x along directions v, (d, R) both -> (…, R), in two ways.

    By the complex step, None where the function cannot take it; by differences; and how far those may be off.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)  # f drops the imaginary part, as will be seen
        f = function(x)
        fine, coarse = ((function(x + h * v) - function(x - h * v)) / (2 * h) for h in (H, 2 * H))
        try:
            stepped = np.imag(function(x + 1j * TINY * v)) / TINY
        except Exception:  # whatever it is that f cannot do with complex numbers
            stepped = None
        # Differences are off by a third of what halving h changes, and by what f is rounded by.
        doubt = 10 * np.abs(fine - coarse) + 100 * np.finfo(float).eps * np.abs(f) / H
    return stepped, fine, doubt


NAMES: dict[Derivative, str] = {complex_step: "the complex step", central_differences: "central differences"}
