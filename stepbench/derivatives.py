"""Derivatives of functions of many points at once, taken without being told them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]
Derivative = Callable[[Function, Array], Array]

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
    h = np.cbrt(np.finfo(float).eps) * np.maximum(1.0, np.abs(x))
    h = (x + h) - x  # as the points will differ
    quotients: Array = (_along_every_axis(function, x, h) - _along_every_axis(function, x, -h)) / (2 * h)
    return quotients


def _along_every_axis(function: Function, x: Array, h: Any) -> Array:
    """The values at x + h e for every axis e, (…, d, R).

    Every call of the function is of as many points, whatever R is, and the last is filled up: NumPy computes large
    arrays otherwise than small ones, and a point must have the same derivative in every batch.
    """
    d, R = x.shape
    steps = np.broadcast_to(h, x.shape)
    n = min(256, max(2, (1 << 16) // (d * d)))  # so that a Jacobian of d rows fits the cache
    blocks = []
    for first in range(0, d * R, n):
        axis, run = np.divmod(np.minimum(np.arange(first, first + n), d * R - 1), R)
        points = x[:, run].astype(steps.dtype)
        points[axis, np.arange(n)] += steps[axis, run]
        blocks.append(function(points))
    values = np.concatenate(blocks, axis=-1)[..., : d * R]
    return values.reshape(*values.shape[:-1], d, R)


def derived(function: Function, near: Array) -> Derivative:
    """The complex step where the function admits it, and central differences where it does not.

    It does where both agree at random points around ``near``, (d,). An f that takes an absolute value, or a real part,
    is not analytic: the complex step would be wrong without a word.
    """
    x = near[:, None] + np.random.default_rng(0).standard_normal((near.size, 8)) * (0.1 + 0.1 * np.abs(near[:, None]))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")  # a cast that drops the imaginary part warns
        by_differences = central_differences(function, x)
        try:
            by_step = complex_step(function, x)
        except Exception:  # whatever it is that f cannot do with complex numbers
            return central_differences
        scale = np.abs(by_differences).max(axis=-2, keepdims=True)
        agree = np.abs(by_step - by_differences) <= 1e-5 * scale + 1e-8
        return complex_step if bool((agree | ~np.isfinite(by_differences)).all()) else central_differences


NAMES: dict[Derivative, str] = {complex_step: "the complex step", central_differences: "central differences"}
