"""Derivatives of functions of many points at once, where nobody wrote them down."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Any], Any]
Derivative = Callable[[Function, Array], Array]

TINY = 2.0**-133
"""The imaginary step: its square vanishes, and no difference is taken, so that nothing is lost to rounding."""


def complex_step(function: Function, w: Array) -> Array:
    """The derivative of a function to rounding: Im f(w + ih e) / h for every unit vector e.

    ``function`` takes points (d, R) to values (…, R); the derivative is (…, d, R). Every operation of the function is
    followed, as ``Followed`` says. Where it does at these points what cannot be, differences are taken.

    Source: Squire & Trapp 1998, Using complex variables to estimate derivatives of real functions; for operations that
    are not analytic, Martins, Sturdza & Alonso 2003, The complex-step derivative approximation, section 3.
    """
    try:
        return _along_unit_vectors(partial(_followed, function), w, np.ones_like(w, dtype=float))
    except NotFollowed:
        return central_differences(function, w)


def central_differences(function: Function, w: Array) -> Array:
    """The derivative of any function by differences (f(w + h e) − f(w − h e)) / 2h, whose steps it chooses by itself.

    Shapes are as for ``complex_step``. A smooth function's derivative is good to about 1e-10. The steps depend on
    nothing but the point and the values around it, so that a point has the same derivative in every batch.
    """

    def at(h: Array) -> Array:
        return _along_unit_vectors(lambda points, step: where_defined(function, points + step, points), w, h)

    return _difference(at, w, _size(w))[0]


def _size(w: Array) -> Array:
    """The magnitude of numbers; 1 of those that are next to nothing."""
    return np.where(np.abs(w) > 1e-30, np.abs(w), 1.0)


RUNGS = 9
"""Steps that a difference is tried with. Their ratio is an eighth root, which takes square roots only."""


def _difference(at: Callable[[Array], Array], origin: Array, size: Array) -> tuple[Array, Array]:
    """The slope at h = 0 of values ``at(h)``, and about how far it may be off.

    ``h``, ``origin`` (what h is added to) and ``size`` (its magnitude, above 0) are of one shape, the last axes of the
    values. Steps go from a tenth of the size, or 0.1, down to a billionth of it, and each difference is freed of its
    error in h² by the one before it (Richardson). How much it differs from its neighbours tells how far it is off:
    larger steps by what f bends, or by a kink within them, smaller ones by what f is rounded. The surest is chosen of
    those that no smaller step contradicts, so that what is seen from afar never hides what is there.

    Source: the choice is Lepskii's 1991, On a problem of adaptive estimation in Gaussian white noise; the errors are as
    in Stepleman & Winarsky 1979, Adaptive numerical differentiation.
    """
    ratio = np.sqrt(np.sqrt(np.sqrt(1e-9 * size / (0.1 * np.maximum(1.0, size)))))
    h = 0.1 * np.maximum(1.0, size)
    slopes: list[Array] = []
    doubts: list[Array] = []
    last: Any = None
    for _ in range(RUNGS):
        step = (origin + h) - origin  # the difference that the rounded points will have
        above, below = (np.asarray(at(side * step), dtype=float) for side in (1, -1))
        slope = (above - below) / (2 * step)
        doubt = (_rounding(above) + _rounding(below)) / (2 * step)
        # Where so small a step changes nothing, f may be flat there, or be computed in single precision within.
        doubts.append(np.where((above == below) & (h < 1e-5 * size), math.inf, doubt))
        slopes.append(slope if last is None else slope + (slope - last[0]) / ((last[1] / step) ** 2 - 1))
        last = slope, step
        h = h * ratio
    tried, rounding = np.stack(slopes), np.stack(doubts)
    between = np.abs(np.diff(tried, axis=0))
    apart = np.concatenate([between[:1], np.maximum(between[:-1], between[1:]), between[-1:]])
    error = apart + rounding
    error = np.where(np.isnan(error), math.inf, error)
    contradicted = [
        (np.abs(tried[k] - tried[k + 1 :]) > 10 * (error[k] + error[k + 1 :])).any(axis=0) for k in range(RUNGS)
    ]
    best = np.where(contradicted, math.inf, error).argmin(axis=0)[None]
    chosen, doubt = (np.take_along_axis(values, best, axis=0)[0] for values in (tried, error))
    silent = (tried == 0) | np.isnan(tried)
    return np.where(silent.all(axis=0) & (tried == 0).any(axis=0), 0.0, chosen), doubt


def where_defined(function: Function, w: Array, origin: Array) -> Any:
    """The values at points w, (d, R) -> (…, R): NaN at those of them that the function refuses by an error.

    At ``origin``, (d, at least 2), it is defined.
    """
    try:
        return function(w)
    except Exception:
        none = np.full((*function(origin).shape[:-1], w.shape[1]), math.nan)
    for r in range(w.shape[1]):
        try:
            none[..., r] = function(np.repeat(w[:, [r]], 2, axis=1))[..., 0]
        except Exception:  # that of this point, and no longer of those beside it
            continue
    return none


def _rounding(values: Array) -> Array:
    """How far rounding may have moved each value, whatever precision it was computed in."""
    kinds = (np.float16, np.float32)
    with np.errstate(over="ignore"):
        known = [values.astype(kind) == values for kind in kinds]
    eps: Array = np.select(known, [float(np.finfo(kind).eps) for kind in kinds], np.finfo(float).eps)
    return np.abs(values) * eps


def _along_unit_vectors(ask: Callable[[Array, Array], Array], w: Array, lengths: Array) -> Array:
    """What is asked of the points w and a vector along each axis, of these lengths, (d, R) both: (…, d, R).

    ``ask`` gets n points and a vector for each, (d, n) both, and gives (…, n). A point must have the same derivative
    in every batch, but NumPy computes large arrays otherwise than small ones. So it is asked of few points; or, where
    their Jacobians are large anyway, always of equally many.
    """
    d, R = w.shape
    most, least = (32, 2) if d <= 8 else (2 * d, 2 * d)
    blocks = []
    for first in range(0, d * R, most):
        number = max(least, min(most, d * R - first))
        component, run = np.divmod(np.minimum(np.arange(first, first + number), d * R - 1), R)
        vectors = np.zeros((d, number))
        vectors[component, np.arange(number)] = lengths[component, run]
        blocks.append(ask(w[:, run].astype(float), vectors))
    values = np.concatenate(blocks, axis=-1)[..., : d * R]
    return values.reshape(*values.shape[:-1], d, R)


REACHES = (0.1, 1.0, 10.0, 100.0)
"""How far from a point it is tried whether a function can be followed, in units of max(1, |w_i|)."""


def derived(function: Function, near: Array, moved: Callable[[Array, Array], Array] = np.add) -> Derivative:
    """The complex step where every operation of the function can be followed, and central differences elsewhere.

    The arguments are as for ``obstacle``.
    """
    return central_differences if obstacle(function, near, moved) else complex_step


def obstacle(function: Function, near: Array, moved: Callable[[Array, Array], Array] = np.add) -> str:
    """Why a function cannot be followed, in words; "" where it can.

    It is tried at points around ``near``, (d,), and as far from it as the function is defined. ``moved`` gives the
    points, (d, R), that such ways from a point lead to.
    """
    rng = np.random.default_rng(0)
    size, spread = np.where(near == 0, 1.0, np.abs(near))[:, None], np.maximum(1.0, np.abs(near))[:, None]
    lengths = [0.1 * size, *(reach * spread for reach in REACHES)]
    ways = [length * rng.standard_normal((near.size, 4)) for length in lengths]
    with np.errstate(all="ignore"):
        for k, way in enumerate(ways):
            w = moved(near[:, None], way)
            try:
                plain = function(w)
            except Exception:
                if k == 0:
                    raise
                break  # the function is not defined so far away
            try:
                answer = function(Followed(w.copy(), np.ones_like(w)))
            except NotFollowed as why:
                return str(why)
            except Exception:  # whatever it is that the function makes of what stands for points
                return "it does what only plain arrays can"
            if not np.array_equal(_values(answer), plain, equal_nan=True):
                return "it treats what stands for points otherwise than plain arrays"  # or is no function of them alone
    return ""


def slopes(function: Function, w: Array, v: Array) -> tuple[Array | None, Array, Array]:
    """The derivative at points w along directions v, (d, R) both -> (…, R), in two ways.

    Returns that by the complex step, or None where the function cannot be followed; that by differences; and how far
    the differences may be off.
    """
    with np.errstate(all="ignore"):
        try:
            by_step = _followed(function, w, v)
        except Exception:
            by_step = None
        size = (_size(w) / np.maximum(np.abs(v), 1e-300)).min(axis=0)
        by_differences, doubt = _difference(lambda h: where_defined(function, w + h * v, w), np.zeros_like(size), size)
    return by_step, by_differences, 10 * doubt


# What follows a function ----------------------------------------------------------------------------------------------


class NotFollowed(TypeError):  # noqa: N818 - not an error: another way is taken
    """A function does with its points what cannot be followed, so that its derivative must be taken by differences."""


class Followed(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that stands for points, or for what is computed of them, and knows the slope of each of its numbers.

    The values are those of plain arrays, to the bit, and so is everything that a function decides by them. What is
    added, multiplied, or put through a common function has a rule for its slope, and an absolute value, a maximum or a
    choice too; that of any other analytic operation is the complex step's. Where an operation has a kink, its slope is
    the mean of both sides. What has no rule here raises NotFollowed, and so does all that would make a plain array of
    it and lose the slopes. Where the points are symbols, the rules are recorded with the function.
    """

    def __init__(self, value: Any, slope: Any) -> None:
        self.value, self.slope = _numbers(value), _numbers(slope)
        if self.value.dtype == object != self.slope.dtype:  # slopes that are known, of numbers that are not
            self.slope = self.slope.astype(object).view(type(self.value))

    @property
    def complex(self) -> Array:
        """The values, with the slopes as tiny imaginary parts."""
        if self.value.dtype == object:
            raise TypeError("what stands for numbers is not made complex")
        z = np.empty(self.value.shape, dtype=complex)
        z.real, z.imag = self.value, TINY * self.slope
        return z

    # As an array

    dtype = np.dtype(float)

    @property
    def shape(self) -> Any:
        """As an array's."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """As an array's."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """As an array's."""
        return self.value.size

    @property
    def T(self) -> Followed:
        """Transposed."""
        return Followed(self.value.T, self.slope.T)

    @property
    def real(self) -> Followed:
        """Itself: points are real."""
        return self

    @property
    def imag(self) -> Array:
        """0: points are real."""
        return np.zeros(self.shape)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> Followed:
        return Followed(self.value[key], self.slope[key])

    def __setitem__(self, key: Any, new: Any) -> None:
        self.value[key], self.slope[key] = _values(new), _slopes(new)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise NotFollowed(
            "the points are made a plain array, as by np.array([…]) or a loop that fills one: np.stack can be followed"
        )

    def __float__(self) -> float:
        raise NotFollowed("a number is taken out of the points")

    __int__ = __index__ = __complex__ = __float__

    def copy(self) -> Followed:
        """Another with the same numbers."""
        return Followed(self.value.copy(), self.slope.copy())

    def astype(self, kind: Any, **_: Any) -> Followed:
        """A copy in double precision; there is no other."""
        if np.dtype(kind) != self.dtype:
            raise NotFollowed(f"the points are made {np.dtype(kind)}")
        return self.copy()

    def reshape(self, *shape: Any, **options: Any) -> Followed:
        """In another shape."""
        return Followed(self.value.reshape(*shape, **options), self.slope.reshape(*shape, **options))

    def transpose(self, *axes: Any) -> Followed:
        """With its axes in another order."""
        return Followed(self.value.transpose(*axes), self.slope.transpose(*axes))

    def flatten(self) -> Followed:
        """In one row."""
        return self.reshape(-1).copy()

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        return partial(getattr(np, name), self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """What NumPy asks for, where an operation meets one of these."""
        if "out" in options:
            (into,) = options.pop("out")
            if not isinstance(into, Followed):
                raise NotFollowed("an operation writes into a plain array")
            into[...] = self.__array_ufunc__(ufunc, method, *inputs, **options)
            return into
        called = method == "__call__"
        if not options.keys() & UNKNOWN:
            if called and ufunc in STEPWISE:
                return ufunc(*_values(inputs))
            if rule := RULES.get(ufunc if called else (ufunc, method)):
                return rule(*inputs, **options)
            if ufunc in (ANALYTIC if called else SUMS):
                return _stepped(ufunc if called else getattr(ufunc, method), *inputs, **options)
        raise NotFollowed(f"np.{ufunc.__name__} is used as it cannot be followed")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """What NumPy asks for, where one of its functions that are no such operations meets one of these."""
        if function in ASKING:
            return function(*_values(args), **options)
        if rule := RULES.get(function):
            return rule(*args, **options)
        if function in LINEAR | BUILDING and not options.keys() & UNKNOWN:
            return (_alike if function in LINEAR else _stepped)(function, *args, **options)
        raise NotFollowed(f"np.{function.__name__} is used, which cannot be followed")


def _numbers(a: Any) -> Array:
    """An array of floats; one of objects that stand for them stays as it is."""
    return a if isinstance(a, np.ndarray) and a.dtype == object else np.asarray(a, dtype=float)


UNKNOWN = frozenset({"out", "where", "initial", "dtype"})
"""Arguments of NumPy's functions with which nothing is followed."""


def _followed(function: Function, w: Array, v: Array) -> Array:
    """The slopes of a function at points w along directions v, (d, n) both -> (…, n)."""
    answer = function(Followed(w.copy(), v.copy()))
    return answer.slope if isinstance(answer, Followed) else np.zeros(np.shape(answer))  # it does not depend on w


def _values(a: Any) -> Any:
    """The values of what is followed, also inside of lists; anything else as it is."""
    return _each(a, lambda x: x.value)


def _reals(a: Any) -> Any:
    """The values, as floats: of short whole numbers NumPy takes squares and logarithms in their own precision."""
    value = _values(a)
    whole = isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biu"
    return value.astype(float) if whole else value


def _slopes(a: Any) -> Any:
    return a.slope if isinstance(a, Followed) else 0.0


def _each(a: Any, part: Callable[[Followed], Any], beside: Callable[[Any], Any] = lambda a: a) -> Any:
    """Something with a part of what is followed in its place, and something else for what stands in a list with it."""
    if isinstance(a, Followed):
        return part(a)
    if type(a) not in (list, tuple):
        return a
    parts = [_each(x, part, beside) for x in a]
    if all(new is old for new, old in zip(parts, a, strict=True)):
        return a
    return type(a)([beside(new) if new is old else new for new, old in zip(parts, a, strict=True)])


def _stepped(operation: Any, *inputs: Any, **options: Any) -> Any:
    """An analytic operation: the values are its own, and the slopes come by the complex step."""
    value = operation(*_values(inputs), **options)
    with np.errstate(all="ignore"):
        z = operation(*_each(inputs, lambda x: x.complex), **options)
    if isinstance(value, list | tuple):
        return [Followed(v, part.imag / TINY) for v, part in zip(value, z, strict=True)]
    if value.dtype != np.float64:
        raise NotFollowed(f"the points are made {value.dtype}")
    return Followed(value, z.imag / TINY)


def _alike(operation: Any, *inputs: Any, **options: Any) -> Any:
    """An operation that is linear in all that is followed: of the slopes it gives the slope."""
    value = operation(*_values(inputs), **options)
    slope = operation(*[_each(a, lambda x: x.slope, np.zeros_like) for a in inputs], **options)
    if isinstance(value, list | tuple):
        return [Followed(*parts) for parts in zip(value, slope, strict=True)]
    return Followed(value, slope)


def _ruled(value: Any, *terms: tuple[Any, Any]) -> Followed:
    """A value, and its slope by the chain rule: Σ factor · slope; 0 where a slope is, be the factor infinite."""
    total: Any = np.zeros(np.shape(value))
    for factor, slope in terms:
        total = total + np.where(slope == 0, 0.0, factor * slope)
    return Followed(value, total)


def _where(condition: Any, a: Any, b: Any) -> Followed:
    condition = _values(condition)
    value = np.where(condition, _values(a), _values(b))
    return Followed(value, np.where(condition, _slopes(a), _slopes(b)) + np.zeros(value.shape))


def _absolute(a: Any) -> Followed:
    return Followed(np.abs(a.value), np.sign(a.value) * a.slope)


def _sqrt(a: Any) -> Followed:
    value = np.sqrt(a.value)
    with np.errstate(all="ignore"):
        return _ruled(value, (0.5 / value, a.slope))


def _power(a: Any, b: Any) -> Followed:
    x, y = _reals(a), _reals(b)
    value = x**y
    with np.errstate(all="ignore"):
        terms = [(y * x ** np.asarray(y - 1.0), _slopes(a))]
        if isinstance(b, Followed):
            terms.append((value * np.log(x), b.slope))
        return _ruled(value, *terms)


def _larger(a: Any, b: Any, choose: Any = np.maximum) -> Followed:
    x, y = _values(a), _values(b)
    value = choose(x, y)
    share = np.where(x == y, 0.5, np.where(value == x, 1.0, 0.0))
    return _ruled(value, (share, _slopes(a)), (1 - share, _slopes(b)))


def _largest(a: Any, axis: Any = None, keepdims: bool = False, choose: Any = np.max) -> Any:
    value = choose(a.value, axis=axis, keepdims=True)
    share = a.value == value
    slope = np.where(share, a.slope, 0.0).sum(axis=axis, keepdims=True) / share.sum(axis=axis, keepdims=True)
    result = Followed(value, slope)
    return result if keepdims else np.squeeze(result, axis=axis)


def _clip(a: Any, low: Any = None, high: Any = None) -> Any:
    a = a if low is None else _larger(a, low)
    return a if high is None else _larger(a, high, np.minimum)


def _remainder(a: Any, b: Any) -> Followed:
    x, y = _values(a), _values(b)
    return _ruled(np.remainder(x, y), (1.0, _slopes(a)), (-np.floor_divide(x, y), _slopes(b)))


def _arctan2(a: Any, b: Any) -> Followed:
    y, x = _reals(a), _reals(b)
    with np.errstate(all="ignore"):
        square = x * x + y * y
        return _ruled(np.arctan2(y, x), (x / square, _slopes(a)), (-y / square, _slopes(b)))


def _hypot(a: Any, b: Any) -> Followed:
    x, y = _reals(a), _reals(b)
    value = np.hypot(x, y)
    with np.errstate(all="ignore"):
        return _ruled(value, *((np.where(value == 0, 0.0, s / value), _slopes(c)) for s, c in ((x, a), (y, b))))


def _logaddexp(a: Any, b: Any) -> Followed:
    x, y = _reals(a), _reals(b)
    value = np.logaddexp(x, y)
    return _ruled(value, (np.exp(x - value), _slopes(a)), (np.exp(y - value), _slopes(b)))


def _norm(
    a: Any,
    ord: Any = None,  # noqa: A002 - as NumPy has it
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    if ord is None or (ord == 2 and (a.ndim == 1 or isinstance(axis, int))):
        return np.sqrt(np.sum(a * a, axis=axis, keepdims=keepdims))
    if a.ndim == 1 or isinstance(axis, int):
        if ord == 1:
            return np.sum(np.abs(a), axis=axis, keepdims=keepdims)
        if ord == math.inf:
            return np.max(np.abs(a), axis=axis, keepdims=keepdims)
    raise NotFollowed(f"np.linalg.norm of order {ord} is used, which cannot be followed")


def _var(a: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
    apart = a - np.mean(a, axis=axis, keepdims=True)
    of = a.size if axis is None else math.prod(np.take(a.shape, axis).reshape(-1).tolist())
    return np.sum(apart * apart, axis=axis, keepdims=keepdims) / (of - ddof)


def _sort(a: Any, axis: int = -1) -> Followed:
    order = np.argsort(a.value, axis=axis)
    return Followed(*(np.take_along_axis(part, order, axis=axis) for part in (a.value, a.slope)))


def _like(make: Any, a: Any, *rest: Any, **options: Any) -> Followed:
    value = make(_values(a), *rest, **options)
    return Followed(value, np.zeros_like(value))


def _multiply(a: Any, b: Any) -> Followed:
    x, y = _values(a), _values(b)
    return Followed(x * y, _slopes(a) * y + x * _slopes(b))


def _divide(a: Any, b: Any) -> Followed:
    y = _values(b)
    with np.errstate(all="ignore"):
        slope = (_slopes(a) - _values(a) / y * _slopes(b)) / y
    return Followed(_values(a) / y, slope)


def _sum_of(a: Any, b: Any) -> Followed:
    value = _values(a) + _values(b)
    return Followed(value, _slopes(a) + _slopes(b) + np.zeros(value.shape))


def _difference_of(a: Any, b: Any) -> Followed:
    value = _values(a) - _values(b)  # a + (−b) is something else where b are truths or numbers without a sign
    return Followed(value, _slopes(a) - _slopes(b) + np.zeros(value.shape))


def _products(a: Any, axis: Any) -> list[Any]:
    """The products of the first 1, 2, … entries along an axis, or of all entries in a row."""
    rows = a.reshape(-1) if axis is None else np.moveaxis(a, axis, 0)
    made = [rows[0]]
    for k in range(1, len(rows)):
        made.append(made[-1] * rows[k])
    return made


def _product(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    value = np.prod(a.value, axis=axis, keepdims=keepdims)
    return Followed(value, _products(a, axis)[-1].slope.reshape(value.shape))


def _cumprod(a: Any, axis: Any = None) -> Any:
    products: Any = np.stack(_products(a, axis), axis or 0)
    return Followed(np.cumprod(a.value, axis=axis), products.slope)


def _einsum(subscripts: str, *operands: Any, **options: Any) -> Any:
    """A product, whose slope is the sum of those with one factor's slope in place of the factor."""
    values = _values(list(operands))
    slope: Any = 0.0
    for k, factor in enumerate(operands):
        if isinstance(factor, Followed):
            slope = slope + np.einsum(subscripts, *values[:k], factor.slope, *values[k + 1 :], **options)
    return Followed(np.einsum(subscripts, *values, **options), slope)


def _by(operation: Any, derivative: Any) -> Callable[[Any], Followed]:
    """The rule of a function of one number."""

    def rule(a: Any) -> Followed:
        with np.errstate(all="ignore"):
            return _ruled(operation(a.value), (derivative(a.value), a.slope))

    return rule


RULES: dict[Any, Callable[..., Any]] = {
    np.add: _sum_of,
    np.subtract: _difference_of,
    np.negative: lambda a: Followed(-a.value, -a.slope),
    np.multiply: _multiply,
    np.divide: _divide,
    np.square: lambda a: Followed(np.square(a.value), 2 * a.value * a.slope),
    np.where: _where,
    np.absolute: _absolute,
    np.fabs: _absolute,
    np.sqrt: _sqrt,
    np.cbrt: lambda a: _ruled(np.cbrt(a.value), (1 / (3 * np.cbrt(a.value) ** 2), a.slope)),
    np.exp: _by(np.exp, np.exp),
    np.expm1: _by(np.expm1, np.exp),
    np.log: _by(np.log, lambda x: 1 / x),
    np.log1p: _by(np.log1p, lambda x: 1 / (1 + x)),
    np.sin: _by(np.sin, np.cos),
    np.cos: _by(np.cos, lambda x: -np.sin(x)),
    np.tan: _by(np.tan, lambda x: 1 + np.tan(x) ** 2),
    np.sinh: _by(np.sinh, np.cosh),
    np.cosh: _by(np.cosh, np.sinh),
    np.tanh: _by(np.tanh, lambda x: 1 / (np.cosh(x) * np.cosh(x))),
    np.arctan: _by(np.arctan, lambda x: 1 / (1 + x * x)),
    np.arcsin: _by(np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x))),
    np.arccos: _by(np.arccos, lambda x: -1 / np.sqrt((1 - x) * (1 + x))),
    np.einsum: _einsum,
    (np.add, "reduce"): partial(_alike, np.add.reduce),
    np.prod: _product,
    np.cumprod: _cumprod,
    (np.multiply, "reduce"): lambda a, axis=0, keepdims=False: _product(a, axis, keepdims),
    np.power: _power,
    np.float_power: _power,
    np.maximum: _larger,
    np.minimum: partial(_larger, choose=np.minimum),
    np.fmax: partial(_larger, choose=np.fmax),
    np.fmin: partial(_larger, choose=np.fmin),
    np.max: _largest,
    np.min: partial(_largest, choose=np.min),
    (np.maximum, "reduce"): lambda a, axis=0, keepdims=False: _largest(a, axis, keepdims),
    (np.minimum, "reduce"): lambda a, axis=0, keepdims=False: _largest(a, axis, keepdims, np.min),
    np.clip: _clip,
    np.remainder: _remainder,
    np.arctan2: _arctan2,
    np.hypot: _hypot,
    np.logaddexp: _logaddexp,
    np.linalg.norm: _norm,
    np.var: _var,
    np.std: lambda a, **options: np.sqrt(_var(a, **options)),
    np.sort: _sort,
    np.conjugate: lambda a: a,
    np.real: lambda a: a,
    np.zeros_like: partial(_like, np.zeros_like),
    np.empty_like: partial(_like, np.zeros_like),
    np.ones_like: partial(_like, np.ones_like),
    np.full_like: partial(_like, np.full_like),
}
"""What is not analytic, or what the complex numbers of NumPy do otherwise or slower than its real ones.

A rule is made of real operations, and so can be recorded by a kernel."""


def _named(names: str, of: Any = np) -> frozenset[Any]:
    return frozenset(getattr(of, name) for name in names.split())


ANALYTIC = _named("positive reciprocal matmul exp2 log2 log10 arcsinh arccosh arctanh")
"""Operations that NumPy takes of complex numbers, and that are analytic wherever they are defined."""

SUMS = frozenset({np.add, np.multiply})
"""Those that may also reduce an axis."""

STEPWISE = _named(
    "less less_equal greater greater_equal equal not_equal sign floor ceil rint trunc floor_divide heaviside signbit "
    "isfinite isinf isnan logical_and logical_or logical_not logical_xor"
)
"""Operations that are constant between their jumps, so that their values have no slope."""

ASKING = _named("shape ndim size iscomplexobj isrealobj argmax argmin argsort all any isclose allclose array_equal")
"""Functions that only ask something of the values."""

LINEAR = _named(
    "sum mean cumsum diff trace diagonal stack concatenate vstack hstack column_stack reshape ravel transpose moveaxis "
    "swapaxes squeeze expand_dims broadcast_to atleast_1d atleast_2d split array_split roll flip repeat tile take "
    "take_along_axis delete tril triu"
)
"""Functions that add and arrange numbers: their slopes are those of what they are given, added and arranged alike."""

BUILDING = _named("dot inner outer tensordot cross kron trapezoid append") | _named("solve inv det", np.linalg)
"""Functions that also multiply numbers, and so may be given complex ones."""

METHODS = frozenset(
    {"sum", "prod", "mean", "cumsum", "cumprod", "max", "min", "clip", "dot", "ravel", "squeeze", "swapaxes", "take"}
    | {"repeat", "trace", "diagonal", "std", "var", "argmax", "argmin", "argsort", "all", "any", "conjugate", "conj"}
)
"""Methods of an array that are functions of NumPy with the same arguments."""
