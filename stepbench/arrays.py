"""The few array verbs that operators do not cover, for NumPy arrays and torch tensors alike.

Shapes: a point is (d, R), parameters on axis 0 and runs on the last axis; a per-run scalar is (R,).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""A NumPy array or a torch tensor (or, where it broadcasts, a float)."""

Points: TypeAlias = Any
"""Points, directions or gradients, (d, R): parameters on axis 0, runs on the last axis."""

PerRun: TypeAlias = Any
"""One number per run, (R,), such as values of f or step sizes; or a float, which stands for all of them."""


def _library(*arrays: Array) -> Any:
    """The module that the arrays belong to: torch where one of them is a tensor, NumPy otherwise."""
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(a, torch.Tensor) for a in arrays):
        return torch
    return np


def _tensors(torch: Any, *arrays: Array) -> tuple[Array, ...]:
    """The arrays and numbers as tensors of the one dtype and device that the tensors among them have."""
    like = next(a for a in arrays if isinstance(a, torch.Tensor) and a.is_floating_point())
    return tuple(torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in arrays)


def sqrt(a: Array) -> Array:
    """Square root, element by element."""
    return _library(a).sqrt(a)


def exp(a: Array) -> Array:
    """Exponential, element by element."""
    return _library(a).exp(a)


def log(a: Array) -> Array:
    """Natural logarithm, element by element."""
    return _library(a).log(a)


def power(base: Array, exponent: Array) -> Array:
    """base ** exponent, element by element; unlike ``**``, a number and an array of it give the same bits."""
    library = _library(base, exponent)
    return np.power(base, exponent) if library is np else library.pow(*_tensors(library, base, exponent))


def cos(a: Array) -> Array:
    """Cosine, element by element."""
    return _library(a).cos(a)


def where(condition: Array, a: Array, b: Array) -> Array:
    """``a`` where the condition holds and ``b`` elsewhere; a condition that is one truth takes one of them whole."""
    if isinstance(condition, bool | np.bool_):
        return a if condition else b
    return _library(condition, a, b).where(condition, a, b)


def maximum(a: Array, b: Array) -> Array:
    """The larger of the two, element by element; NaN where either is NaN."""
    library = _library(a, b)
    return np.maximum(a, b) if library is np else library.maximum(*_tensors(library, a, b))


def minimum(a: Array, b: Array) -> Array:
    """The smaller of the two, element by element; NaN where either is NaN."""
    library = _library(a, b)
    return np.minimum(a, b) if library is np else library.minimum(*_tensors(library, a, b))


def mix(keep: Array, old: Array, new: Array) -> Array:
    """keep · old + (1 − keep) · new: one step of an exponential moving average."""
    library = _library(old, new)
    if library is np:
        return keep * old + (1 - keep) * new
    return library.lerp(new, old, keep)  # in one pass over memory, where the sum takes three


def repeat(attempt: Callable[..., Sequence[Array]], searching: Array, *tried: Array) -> list[Array]:
    """What an attempt comes to that is made again, from what it came to before, while any run is searching.

    ``attempt(searching, *tried)`` gives ``(searching, *tried)``: the mask (R,) of the runs that go on, and what they
    come to. It is made at least once. A run whose search has ended must come to the same again.
    """
    while True:
        searching, *tried = attempt(searching, *tried)  # type: ignore[assignment]
        if not searching.any():
            return list(tried)


def isfinite(a: Array) -> Array:
    """True where a number is neither infinite nor NaN."""
    return _library(a).isfinite(a)


def zeros_like(a: Array) -> Array:
    """Zeros in the shape of ``a``."""
    return np.zeros(a.shape, a.dtype) if type(a) is np.ndarray else _library(a).zeros_like(a)


def stack(entries: Any, w: Array) -> Array:
    """A list, or a list of rows, of numbers and per-run scalars (R,), as one array (…, R) like the points ``w``."""
    if isinstance(w, np.ndarray):
        return _filled(entries, w)
    if isinstance(entries, list):
        return _library(w).stack([stack(entry, w) for entry in entries])
    return zeros_like(w[0]) + entries


def _filled(entries: Any, w: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """``stack`` for NumPy: it writes into one array, which is many times as fast as stacking rows of rows."""
    shape, first = [], entries
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0]
    whole = np.empty((*shape, *w.shape[1:]), w.dtype).view(type(w))

    def fill(into: Any, entries: Any) -> None:
        for k, entry in enumerate(entries):
            if isinstance(entry, list):
                fill(into[k], entry)
            else:
                into[k] = entry

    fill(whole[None], [entries])
    return whole


def per_run(value: Array, w: Array) -> Array:
    """A per-run scalar of shape (R,) that holds ``value``, for points ``w`` of shape (d, R)."""
    return zeros_like(w[0]) + value


def ratio(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0."""
    library, is_zero = _library(b), b == 0
    return library.where(is_zero, 0.0, a / library.where(is_zero, 1.0, b))


def dot(a: Array, b: Array) -> Array:
    """The inner product of each run: (d, R), (d, R) -> (R,)."""
    ab = a * b
    return np.add.reduce(ab, axis=0) if isinstance(ab, np.ndarray) else ab.sum(0)


def dot_per_tensor(sizes: Sequence[int], a: Array, b: Array) -> Array:
    """The inner product of each run's tensors, whose numbers of components are ``sizes``: (d, R).

    A tensor's inner product stands at each of its components.
    """
    runs = (a * b).T  # the components of a run lie side by side in memory, and must do so in what is returned
    library = _library(runs)
    if library is np:
        sums = np.stack([part.sum(1) for part in np.split(runs, np.cumsum(sizes)[:-1], axis=1)], 1)
        return np.repeat(sums, sizes, axis=1).T
    sums = library.stack([part.sum(1) for part in runs.split(tuple(sizes), 1)], 1)
    return sums.repeat_interleave(library.tensor(sizes, device=sums.device), 1).T


def like(constant: np.ndarray[Any, Any], w: Array) -> Array:
    """A constant array as an array of the library, dtype and device of the points ``w``."""
    library = _library(w)
    if library is np:
        return constant
    if isinstance(constant, np.ndarray) and not constant.flags.writeable:
        constant = constant.copy()  # torch knows no read-only memory
    return library.as_tensor(constant, dtype=w.dtype, device=w.device)


def as_numpy(a: Array) -> np.ndarray[Any, Any]:
    """An array or a number as a NumPy array, wherever it is."""
    return np.asarray(a if _library(a) is np else a.detach().cpu())


def contract(subscripts: str, constant: np.ndarray[Any, Any], w: Array) -> Array:
    """einsum of a constant array and an array of points.

    Not ``@``: a BLAS may round a column differently according to the columns beside it, and a run must have the
    same bits in every batch.
    """
    return _library(w).einsum(subscripts, like(constant, w), w)


def diagonal(H: Array) -> Array:
    """The diagonals of matrices (d, d, R), as (d, R)."""
    return _library(H).einsum("iir->ir", H)
