"""Symbols of a worst-case analysis: what stands for points and numbers while a method's own text runs on them.

A ``Vector`` is a sum of PEPit's points, each times a number. Such sums are all that PEPit can hold, so that every other
operation is refused, by name, and no text is misread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Unholdable(Exception):  # noqa: N818 - no error: such a method has no guarantee of this kind
    """The text does what PEPit cannot hold; the message says what."""


class Symbol(NDArrayOperatorsMixin):
    """Something of a run that is not known beforehand; NumPy's functions and operators ask it what they come to."""

    what = "a number that depends on f"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Refuse an operation."""
        _refuse(ufunc.__name__, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Refuse another function of NumPy's."""
        _refuse(function.__name__, args)

    def __bool__(self) -> bool:
        """Refuse: a branch would hang on it."""
        raise Unholdable(f"its text branches on {self.what}")

    __float__ = __int__ = __index__ = __bool__


def _refuse(operation: str, operands: Sequence[Any]) -> NoReturn:
    names = [a.what if isinstance(a, Symbol) else "a number" for a in operands]
    raise Unholdable(f"its text computes {operation}({', '.join(names)})")


class Unknown(Symbol):
    """A number that only a run can tell: a value of f, an inner product, or a component of a vector."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """A zero of the same shape, by which a rule holds its step size, is a number."""
        return 0.0 if function is np.zeros_like else super().__array_function__(function, types, args, options)


class Vector(Symbol):
    """A point, a gradient, or a sum of such, each times a number: ``point`` is PEPit's."""

    what = "a vector"

    def __init__(self, point: Any) -> None:
        self.point = point

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Sums of vectors, and vectors times numbers."""
        match ufunc.__name__, inputs:
            case "add", (Vector() as a, Vector() as b):
                return Vector(a.point + b.point)
            case "subtract", (Vector() as a, Vector() as b):
                return Vector(a.point - b.point)
            case "negative", (Vector() as a,):
                return Vector(-a.point)
            case "positive", (Vector() as a,):
                return a
            case ("multiply", (Vector() as a, scale)) | ("multiply", (scale, Vector() as a)) if _known(scale):
                return Vector(float(scale) * a.point)
            case "divide", (Vector() as a, scale) if _known(scale):
                return Vector(a.point / float(scale))
        _refuse(ufunc.__name__, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """The zero vector; anything else is refused."""
        if function is np.zeros_like:
            return Vector(0.0 * self.point)
        return super().__array_function__(function, types, args, options)

    def __getitem__(self, key: Any) -> Unknown:
        """A component: a number that only a run can tell."""
        return Unknown("a component of a vector")


def _known(a: Any) -> bool:
    return isinstance(a, int | float | np.number) or (isinstance(a, np.ndarray) and a.ndim == 0)


class Answers:
    """The oracle of a worst-case analysis: every μ-strongly convex L-smooth function f at once, in a PEP of PEPit's.

    These f are (L − μ) h + ½ μ ‖w − w*‖² with h convex and of smoothness 1. PEPit is told of h, for its solver keeps
    its digits there, also where μ is near L or f far from 1.

    ``start`` is the first point and ``least`` w*, both PEPit's. ``evals`` counts the gradients asked for; one that is
    asked for twice at the same point counts once.
    """

    fraction = 1.0

    def __init__(self, pep: Any, mu: float, L: float, horizon: int) -> None:
        from PEPit.functions import SmoothConvexFunction

        self._h = pep.declare_function(SmoothConvexFunction, L=1.0)
        self.least, self.start = self._h.stationary_point(), pep.set_initial_point()
        self.mu, self.L, self.horizon = mu, L, horizon
        self.evals = 0
        self._at: Any = None
        self._g: Any = None

    @property
    def condition(self) -> float | None:
        """L/μ, where μ is above 0."""
        return self.L / self.mu if self.mu else None

    @property
    def f_star(self) -> Any:
        """Another number for each function."""
        return Unknown("the minimum of f")

    def error(self, point: Any) -> Any:
        """f − f* at a point of PEPit's."""
        above = self._h.value(point) - self._h.value(self.least)
        return (self.L - self.mu) * above + self.mu / 2 * (point - self.least) ** 2

    def gradient(self, point: Any) -> Any:
        """∇f at a point of PEPit's."""
        return (self.L - self.mu) * self._h.gradient(point) + self.mu * (point - self.least)

    def place(self, w: Any) -> Any:
        """PEPit's point of what stands for a point: a mean of the start and w*, and gradients of h.

        Any other multiple hangs on where 0 is, as under a weight decay, and ‖w_0 − w*‖ does not bound it.
        """
        if not isinstance(w, Vector):
            raise Unholdable(f"a {type(w).__name__} stands for a point")
        parts = w.point.decomposition_dict
        if abs(parts.get(self.start, 0.0) + parts.get(self.least, 0.0) - 1) > 1e-9:
            raise Unholdable("where it goes depends on where 0 is")
        return w.point

    def value(self, w: Vector, where: Any = None) -> Any:
        """f(w), which is another number for each function."""
        return Unknown("a value of f")

    def grad(self, w: Vector, where: Any = None) -> Vector:
        """The gradient at w."""
        if w is not self._at:
            self._at, self._g = w, Vector(self.gradient(self.place(w)))
            self.evals += 1
        return self._g  # type: ignore[no-any-return]

    def dot(self, a: Any, b: Any) -> Any:
        """The inner product, which is another number for each function."""
        return Unknown("an inner product")

    def curvature(self, w: Vector) -> NoReturn:
        """Refuse."""
        raise Unholdable("it asks for the Hessian")

    def hvp(self, w: Vector, v: Vector) -> NoReturn:
        """Refuse."""
        raise Unholdable("it asks for the Hessian")

    def gaussian(self, w: Vector, draw: int) -> NoReturn:
        """Refuse."""
        raise Unholdable("it draws random numbers")

    def another_start(self, w: Vector, draw: int) -> NoReturn:
        """Refuse."""
        raise Unholdable("it draws random numbers")

    def repeat(self, attempt: Callable[..., Sequence[Any]], searching: Any, *tried: Any) -> NoReturn:
        """Refuse."""
        raise Unholdable("it searches for its step size")

    def refuse(self, where: Any, why: str) -> None:
        """Refuse, unless it is known that no step is."""
        if where is not False:
            raise Unholdable("whether it can take a step depends on f")
