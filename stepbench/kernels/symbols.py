"""Symbols: what stands for numbers while the text of a method and of a problem is recorded.

A ``Node`` is one number per run that is not known yet: an input, or an operation on other nodes. ``Symbols`` is an
array of them that NumPy's functions accept, so that the text runs unchanged. Points have the shape (d, 1): the last
axis, that of the runs, has one entry, and what would mix the runs is refused.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

Kind = Literal["number", "truth"]


class Unrecordable(Exception):  # noqa: N818 - no error: such a run is made in NumPy
    """The text does what cannot be recorded; the message says what."""


class Decided(Unrecordable):
    """Python wanted the value of a node, as an ``if`` does: the inputs that it hangs on must be known."""

    def __init__(self, node: Node) -> None:
        super().__init__("Python needs the value of a number that each run has for itself")
        self.node = node


class Node:
    """One number, or one truth, per run: ``op`` of ``args``, which are nodes or Python's numbers.

    An input has the op "input", and as its one argument its name.
    """

    __slots__ = ("args", "kind", "op")

    def __init__(self, op: str, args: tuple[Any, ...], kind: Kind) -> None:
        self.op, self.args, self.kind = op, args, kind

    def __repr__(self) -> str:
        """As in a formula."""
        return f"{self.op}({', '.join(map(str, self.args))})"

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Every function of NumPy's, as on an array of one."""
        return NotImplemented if any(map(_knows_symbols, inputs)) else on_symbols(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Every other function of NumPy's that is recorded."""
        return by_symbols(function, args, options) if _OURS.issuperset(types) else NotImplemented

    def __bool__(self) -> bool:
        """Not known."""
        raise Decided(self)

    __float__ = __int__ = __index__ = __bool__


class Nonzero(Node):
    """A number of which it is known that it is not 0, as ``if not angle`` asks."""

    __slots__ = ()

    def __bool__(self) -> bool:
        """It is not 0."""
        return True


Number = Node | float
"""An entry of an array of symbols: a node, or a number that is known."""

_ALONE = (bool, int, float, np.bool_, np.integer, np.floating)


def _functions(names: str) -> dict[str, Callable[..., Any]]:
    return {name: getattr(np, name) for name in names.split()}


EXACT = _functions(
    "add subtract multiply divide negative absolute sqrt maximum minimum less less_equal greater greater_equal "
    "equal not_equal logical_and logical_or logical_not isfinite isnan floor ceil trunc rint fmod copysign"
)
"""The operations that IEEE arithmetic defines to the last bit."""

ROUNDED = _functions("exp expm1 log log1p sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh power")
"""Those whose last place may differ from one library to another."""

TRUTHS = _functions(
    "less less_equal greater greater_equal equal not_equal logical_and logical_or logical_not isfinite isnan"
)
"""The operations that give a truth."""

MOST = 50_000
"""How many nodes a recording may make, so that one that would be too large ends soon."""


class _Made(threading.local):
    """Every node of the thread's recording under way, so that the same operation on the same numbers is one node."""

    def __init__(self) -> None:
        self.nodes: dict[Any, Node] = {}


_made = _Made()


def begin() -> None:
    """Forget the nodes of the recording before."""
    _made.nodes = {}


def node(op: str, *args: Any, kind: Kind = "number") -> Node:
    """The one node of an operation on nodes and known numbers."""
    key = (op, *(id(a) if isinstance(a, Node) else (type(a).__name__, _text(a)) for a in args))
    found = _made.nodes.get(key)
    if found is None:
        if len(_made.nodes) >= MOST:
            raise Unrecordable(f"a step has more than {MOST:,} operations")
        found = _made.nodes[key] = Node(op, args, kind)
    return found


def _text(a: Any) -> str:
    return a.hex() if isinstance(a, float) else str(a)


def apply(op: str, *args: Any) -> Any:
    """An operation on nodes and numbers; on known numbers alone it is carried out."""
    args = tuple(_plain(a) for a in args)
    if not any(isinstance(a, Node) for a in args):
        with np.errstate(all="ignore"):
            answer = (EXACT.get(op) or ROUNDED[op])(*args)
        return bool(answer) if op in TRUTHS else float(answer)
    if op in ("logical_and", "logical_or", "logical_not"):
        return node(op, *(_truth(a) for a in args), kind="truth")
    return node(op, *(_number(a) for a in args), kind="truth" if op in TRUTHS else "number")


def _plain(a: Any) -> Any:
    """An entry of an array as a node, a float or a truth; raises Unrecordable for anything else."""
    if isinstance(a, Node):
        return a
    if isinstance(a, np.ndarray) and a.size == 1:
        return _plain(a.reshape(-1)[0])
    if isinstance(a, bool | np.bool_):
        return bool(a)
    if isinstance(a, _ALONE):
        return float(a)
    if not isinstance(a, np.ndarray) and hasattr(a, "__array__"):  # what all runs have in common (``seen.Shared``)
        return _plain(np.asarray(a, dtype=object))
    raise Unrecordable(f"a {type(a).__name__} stands among its numbers")


def _number(a: Any) -> Any:
    """A truth as the number 1 or 0."""
    if isinstance(a, Node) and a.kind == "truth":
        return node("select", a, 1.0, 0.0)
    return float(a) if isinstance(a, bool) else a


def _truth(a: Any) -> Any:
    """A number as the truth that it is not 0."""
    if isinstance(a, Node) and a.kind == "number":
        return node("not_equal", a, 0.0, kind="truth")
    return bool(a) if isinstance(a, float) else a


def select(condition: Any, a: Any, b: Any) -> Any:
    """``a`` where the condition holds and ``b`` elsewhere."""
    condition, a, b = _truth(_plain(condition)), _plain(a), _plain(b)
    if not isinstance(condition, Node):
        return a if condition else b
    kinds = {x.kind if isinstance(x, Node) else "truth" if isinstance(x, bool) else "number" for x in (a, b)}
    if kinds == {"truth"}:
        return apply("logical_or", apply("logical_and", condition, a), apply("logical_and", invert(condition), b))
    return node("select", condition, _number(a), _number(b))


def invert(a: Any) -> Any:
    """Not a."""
    return apply("logical_not", a)


def _sign(a: Any) -> Any:
    return select(apply("isnan", a), a, select(apply("greater", a, 0.0), 1.0, select(apply("less", a, 0.0), -1.0, 0.0)))


def _power(base: Any, exponent: Any) -> Any:
    """base ** exponent of arrays; for the exponents 1, 2, 0.5 and −1 NumPy takes products and roots.

    Of two lone numbers the power is the C library's, whatever the exponent.
    """
    exponent = _plain(exponent)
    if isinstance(exponent, Node):
        return apply("power", base, exponent)
    if exponent == 2.0:
        return apply("multiply", base, base)
    if exponent == 1.0:
        return _plain(base)
    if exponent == 0.5:
        return apply("sqrt", base)
    if exponent == -1.0:
        return apply("divide", 1.0, base)
    return apply("power", base, exponent)


def _remainder(a: Any, b: Any) -> Any:
    """The remainder with the sign of b, as NumPy has it; a counter modulo a number is its simplest case."""
    rest = apply("fmod", a, b)
    crossed = apply("not_equal", apply("less", b, 0.0), apply("less", rest, 0.0))
    signed = select(crossed, apply("add", rest, b), rest)
    return select(apply("equal", b, 0.0), rest, select(apply("equal", rest, 0.0), apply("copysign", 0.0, b), signed))


def _floor_divide(a: Any, b: Any) -> Any:
    """a divided by b, rounded down, as NumPy has it."""
    rest = apply("fmod", a, b)
    crossed = apply("not_equal", apply("less", b, 0.0), apply("less", rest, 0.0))
    crossed = apply("logical_and", crossed, apply("not_equal", rest, 0.0))
    quotient = apply("divide", apply("subtract", a, rest), b)
    quotient = select(crossed, apply("subtract", quotient, 1.0), quotient)
    down = apply("floor", quotient)
    near = apply("greater", apply("subtract", quotient, down), 0.5)
    down = select(near, apply("add", down, 1.0), down)
    zero = apply("copysign", 0.0, apply("divide", a, b))
    whole = select(apply("equal", quotient, 0.0), zero, down)
    return select(apply("equal", b, 0.0), apply("divide", a, b), whole)


_UFUNCS: dict[str, Callable[..., Any]] = {
    **{op: (lambda *args, op=op: apply(op, *args)) for op in (*EXACT, *ROUNDED)},
    "true_divide": lambda a, b: apply("divide", a, b),
    "square": lambda a: apply("multiply", a, a),
    "reciprocal": lambda a: apply("divide", 1.0, a),
    "positive": lambda a: _plain(a),
    "conjugate": lambda a: _plain(a),
    "fabs": lambda a: apply("absolute", a),
    "radians": lambda a: apply("multiply", a, math.pi / 180.0),
    "deg2rad": lambda a: apply("multiply", a, math.pi / 180.0),
    "bitwise_and": lambda a, b: apply("logical_and", a, b),
    "bitwise_or": lambda a, b: apply("logical_or", a, b),
    "bitwise_xor": lambda a, b: apply("not_equal", _number(_truth(_plain(a))), _number(_truth(_plain(b)))),
    "invert": invert,
    "isinf": lambda a: apply("equal", apply("absolute", a), math.inf),
    "sign": _sign,
    "remainder": _remainder,
    "floor_divide": _floor_divide,
    "power": _power,
    "float_power": _power,
    "clip": lambda a, low, high: apply("minimum", apply("maximum", a, low), high),
}
"""What NumPy's element-wise functions do with nodes."""


class Symbols(np.ndarray[Any, Any]):
    """An array of nodes and of known numbers, on which NumPy's functions and operators record what they do."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """An element-wise function, or a sum and the like over an axis that is not that of the runs."""
        return NotImplemented if any(map(_knows_symbols, inputs)) else on_symbols(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Another function of NumPy's."""
        return by_symbols(function, args, options) if _OURS.issuperset(types) else NotImplemented

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Symbols:
        """Truths as numbers; a number is one already."""
        if np.dtype(dtype).kind != "f":
            raise Unrecordable(f"numbers are made {np.dtype(dtype)}")
        numbers: Symbols = _each(_number, (self,))
        return numbers


_OURS = {Node, Nonzero, Symbols, np.ndarray}


def _knows_symbols(a: Any) -> bool:
    """Whether it has a way of its own with symbols beside it, as ``derivatives.Followed`` has."""
    return hasattr(a, "__array_ufunc__") and not isinstance(a, Node | np.ndarray | np.generic)


_MOVES = _functions(
    "append array_split atleast_1d atleast_2d broadcast_arrays broadcast_to column_stack concatenate copy "
    "cumprod cumsum diagonal diff expand_dims flip hstack max mean min moveaxis prod amax amin any all clip "
    "ravel repeat reshape roll split squeeze stack sum swapaxes take tile transpose vstack"
)
"""NumPy's functions that only move entries about, or are written in those that are recorded."""


FACTS = ("ndim", "shape", "size")
"""Those that tell what an array looks like."""


def by_symbols(function: Any, args: Any, options: Any) -> Any:
    """A function of NumPy's that is not element-wise, of what has symbols among it."""
    name = function.__name__
    if name in _FUNCTIONS:
        return _FUNCTIONS[name](*args, **options)
    if name not in (*_MOVES, *FACTS):
        raise Unrecordable(f"np.{name} cannot be recorded")
    args = tuple(symbols(_bare(a)) if isinstance(a, Node) else a for a in args)
    answer = np.ndarray.__array_function__(symbols(0.0), function, (Symbols,), args, options)
    if isinstance(answer, list | tuple) and name not in FACTS:
        return type(answer)(symbols(a) for a in answer)
    return symbols(answer) if isinstance(answer, np.ndarray) else answer


def symbols(a: Any) -> Symbols:
    """An array of numbers, nodes or both as symbols."""
    return np.asarray(a, dtype=object).view(Symbols)


def inputs(shape: Sequence[int], name: Callable[[int], str]) -> Symbols:
    """An array of inputs, named by their places in it."""
    made = np.empty(shape, dtype=object)
    made.reshape(-1)[:] = [node("input", name(k)) for k in range(made.size)]
    return made.view(Symbols)


def _bare(a: Any) -> np.ndarray[Any, Any]:
    """An array of entries without their class, so that NumPy handles it as an array of objects."""
    if isinstance(a, np.ndarray):
        return a.view(np.ndarray) if a.dtype == object else a.astype(object)
    if isinstance(a, Node):
        bare = np.empty((), dtype=object)
        bare[()] = a
        return bare
    if isinstance(a, list | tuple):
        return np.stack([_bare(entry) for entry in a])
    return np.asarray(a, dtype=object)


def _each(function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """A function of entries, on arrays that broadcast; one entry where all are single."""
    answer = np.frompyfunc(function, len(args), 1)(*map(_bare, args))
    return answer.view(Symbols) if isinstance(answer, np.ndarray) else answer


def on_symbols(ufunc: np.ufunc, method: str, args: Sequence[Any], options: dict[str, Any]) -> Any:
    """An element-wise function, or its sums, of what has symbols among it."""
    name = ufunc.__name__
    out = options.pop("out", None)
    if name not in _UFUNCS:
        raise Unrecordable(f"np.{name} cannot be recorded")
    if method == "__call__" and not options.keys() - {"casting", "subok"}:
        answer = _each(_UFUNCS[name], args)
    elif method == "reduce" and not options.keys() - {"axis", "keepdims", "dtype", "initial", "where"}:
        answer = _reduce(_UFUNCS[name], args, **options)
    elif method == "accumulate":
        answer = _accumulate(_UFUNCS[name], args[0], options.get("axis", 0))
    else:
        raise Unrecordable(f"np.{name}.{method} with {', '.join(options) or 'it'} cannot be recorded")
    if out is None or out[0] is None:
        return answer
    if not isinstance(out[0], Symbols):
        raise Unrecordable("it writes into an array that holds numbers")
    out[0][...] = answer
    return out[0]


def _reduce(
    function: Callable[..., Any],
    args: Sequence[Any],
    axis: Any = 0,
    dtype: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """A sum and the like, one entry after the other, as NumPy does where the last axis is that of the runs."""
    a = _bare(args[0])
    axes = tuple(range(a.ndim)) if axis is None else tuple(x % a.ndim for x in np.atleast_1d(axis))
    if where is not True or dtype not in (None, float) or (initial is not None and initial is not np._NoValue):
        raise Unrecordable("a sum over some entries only cannot be recorded")
    if a.ndim - 1 in axes:
        raise Unrecordable("it sums over the runs")
    kept = [x for x in range(a.ndim) if x not in axes]
    shape = [a.shape[x] for x in kept]
    rows = a.transpose([*axes, *kept]).reshape(-1, *shape)
    if not len(rows):
        raise Unrecordable("it sums nothing")
    total = rows[0]
    for row in rows[1:]:
        total = np.frompyfunc(function, 2, 1)(total, row)
    total = np.asarray(total, dtype=object)
    return symbols(np.expand_dims(total, axes) if keepdims else total)


def _accumulate(function: Callable[..., Any], a: Any, axis: int) -> Symbols:
    rows = np.moveaxis(_bare(a), axis, 0).copy()
    if axis % rows.ndim == rows.ndim - 1:
        raise Unrecordable("it sums over the runs")
    for k in range(1, len(rows)):
        rows[k] = np.frompyfunc(function, 2, 1)(rows[k - 1], rows[k])
    return symbols(np.moveaxis(rows, 0, axis))


def _filled(value: float) -> Callable[..., Symbols]:
    def made(like: Any, dtype: Any = None, shape: Any = None) -> Symbols:
        if dtype not in (None, float):
            raise Unrecordable("an array of other than numbers cannot be recorded")
        return symbols(np.full(np.shape(like) if shape is None else shape, value, dtype=object))

    return made


def _full_like(like: Any, value: Any, shape: Any = None) -> Symbols:
    made = _filled(0.0)(like, shape=shape)
    made[...] = value
    return made


def _where(condition: Any, a: Any, b: Any) -> Any:
    return _each(select, (condition, a, b))


def _einsum(subscripts: str, *operands: Any, **options: Any) -> Symbols:
    """A sum of products over the letters that the result lacks, one after the other, from 0, as NumPy's has it."""
    if options or "->" not in subscripts or "." in subscripts:
        raise Unrecordable("such an einsum cannot be recorded")
    taken, result = subscripts.replace(" ", "").split("->")
    terms = taken.split(",")
    arrays = [_bare(a) for a in operands]
    sizes = {letter: n for term, a in zip(terms, arrays, strict=True) for letter, n in zip(term, a.shape, strict=True)}
    summed = [letter for letter in sizes if letter not in result]
    if any(term[-1] in summed for term, a in zip(terms, operands, strict=True) if isinstance(a, Symbols)):
        raise Unrecordable("it sums over the runs")
    letters = [*result, *summed]
    spread = []
    for term, a in zip(terms, arrays, strict=True):
        if len(set(term)) < len(term):
            a = np.einsum(f"{term}->{''.join(dict.fromkeys(term))}", a)
            term = "".join(dict.fromkeys(term))
        places = [letters.index(letter) for letter in term]
        shape = [1] * len(letters)
        for place in places:
            shape[place] = sizes[letters[place]]
        spread.append(a.transpose(np.argsort(places)).reshape(shape))
    product = spread[0]
    for a in spread[1:]:
        product = np.frompyfunc(_UFUNCS["multiply"], 2, 1)(product, a)
    product = np.broadcast_to(product, [sizes[letter] for letter in letters])
    if not summed:
        return symbols(product.copy())
    flat = product.reshape(*product.shape[: len(result)], -1)
    total = np.full(flat.shape[:-1], 0.0, dtype=object)
    for k in range(flat.shape[-1]):
        total = np.frompyfunc(_UFUNCS["add"], 2, 1)(total, flat[..., k])
    return symbols(total)


def _norm(
    x: Any,
    ord: Any = None,  # noqa: A002
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    if ord not in (None, 2) or not isinstance(axis, int):
        raise Unrecordable("such a norm cannot be recorded")
    total: Any = np.add.reduce(x * x, axis=axis, keepdims=True)
    return np.sqrt(total if keepdims else total.squeeze(axis))


def _geomspace(first: Any, last: Any, num: int = 50) -> Symbols:
    """The two ends; what lies between them depends on a library's logarithm."""
    if num != 2:
        raise Unrecordable("numbers between the ends of a geomspace cannot be recorded")
    return symbols([_plain(first), _plain(last)])


def _round(a: Any, decimals: int = 0) -> Any:
    if decimals:
        raise Unrecordable("it rounds to decimals")
    return np.rint(a)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "round": _round,
    "geomspace": _geomspace,
    "zeros_like": _filled(0.0),
    "ones_like": _filled(1.0),
    "empty_like": _filled(math.nan),
    "full_like": _full_like,
    "where": _where,
    "einsum": _einsum,
    "norm": _norm,
}
"""NumPy's functions that need a form of their own."""


def _operator(name: str, ufunc: np.ufunc) -> None:
    def forward(a: Any, b: Any) -> Any:
        if _knows_symbols(b):
            return NotImplemented
        if name == "pow" and isinstance(b, Node | float | int):
            return apply("power", a, b)
        return on_symbols(ufunc, "__call__", (a, b), {})

    def backward(a: Any, b: Any) -> Any:
        return on_symbols(ufunc, "__call__", (b, a), {})

    setattr(Node, f"__{name}__", forward)
    setattr(Node, f"__r{name}__", backward)


OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
    "mod": np.remainder,
    "floordiv": np.floor_divide,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
"""Python's operators between two numbers or arrays, as NumPy's functions."""

for _name, _of in OPERATORS.items():
    _operator(_name, _of)
for _name, _one in {"neg": np.negative, "abs": np.absolute, "invert": np.invert, "pos": np.positive}.items():
    setattr(Node, f"__{_name}__", lambda a, of=_one: on_symbols(of, "__call__", (a,), {}))
Node.__hash__ = object.__hash__  # type: ignore[method-assign]


def node_or_number(entry: Any) -> Number:
    """An entry as a node or a float; a truth that is known as such."""
    plain: Number = _plain(entry)
    return plain


def as_truth(entry: Any) -> Any:
    """An entry as a truth."""
    return _truth(_plain(entry))


def as_number(count: Any) -> Any:
    """A count, be it a truth per run, as a number per run."""
    return _number(_plain(count))
