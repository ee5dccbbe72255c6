"""Every operation on symbols, compiled, against NumPy's on arrays: to the last bit, signs of zero included."""

import ctypes
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stepbench.kernels.symbols import EXACT, ROUNDED, TRUTHS
from tests.kernels.lanes import carried_out

R = 17
NUMBERS = arrays(
    float, (2, R), elements=st.one_of(st.floats(), st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan]))
)
MODERATE = arrays(float, (2, R), elements=st.floats(-30, 30))
WHOLE = arrays(float, (2, R), elements=st.integers(-50, 50).map(float))

OF_ONE = {
    **{name: (lambda a, b, f=f: f(a)) for name, f in EXACT.items() if f.nin == 1},
    "sign": lambda a, b: np.sign(a),
    "square": lambda a, b: np.square(a),
    "reciprocal": lambda a, b: np.reciprocal(a),
    "power 2": lambda a, b: a**2,
    "power 0.5": lambda a, b: a**0.5,
    "power -1": lambda a, b: a**-1,
    "isinf": lambda a, b: np.isinf(a),
    "clip": lambda a, b: np.clip(a, -1.0, 2.0),
    "norm": lambda a, b: np.sqrt(a * a),
}
OF_TWO = {
    **{name: f for name, f in EXACT.items() if f.nin == 2},
    "remainder": np.remainder,
    "floor_divide": np.floor_divide,
    "true_divide": np.true_divide,
    "where": lambda a, b: np.where(a < b, a, -b),
    "where of truths": lambda a, b: np.where(a < b, a > 0, b > 0),
    "and": lambda a, b: (a > 0) & (b > 0),
    "or": lambda a, b: (a > 0) | (b > 0),
    "xor": lambda a, b: (a > 0) ^ (b > 0),
    "not": lambda a, b: ~(a > b),
    "operators": lambda a, b: -((a + 2 * b - b / 3) ** 2) - 1 / (1.5 - a),
    "counts": lambda a, b: (a > 0) + 1.0 * (b > 0),
}


def agree(function, ab, *, zeros=True):
    """Compiled and by NumPy the function gives the same numbers."""
    with np.errstate(all="ignore"):
        wanted = np.asarray(function(*ab), dtype=float)
    got = carried_out(function, *ab)
    np.testing.assert_array_equal(got, wanted)
    if zeros:
        known = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(wanted)[known])


@pytest.mark.one_in(11)
@pytest.mark.parametrize("name", [*OF_ONE, *OF_TWO])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_an_exact_operation_is_numpys(name, data):
    """On any numbers; of two zeros NumPy's own maximum may be either, by the processor."""
    function = (OF_ONE | OF_TWO)[name]
    ab = data.draw(st.one_of(NUMBERS, MODERATE, WHOLE))
    agree(function, ab, zeros=name not in ("maximum", "minimum", "clip"))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", sorted(ROUNDED))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_rounded_function_is_the_c_librarys_and_next_to_numpys(name, data):
    """To the last bit the one, and to a few last places the other."""
    ab = data.draw(st.one_of(NUMBERS, MODERATE))
    n = 2 if name in ("power", "arctan2") else 1
    called = {"arctan2": "atan2", "power": "pow"}.get(name, name.replace("arc", "a"))
    library = getattr(ctypes.CDLL(None), called)
    library.restype, library.argtypes = ctypes.c_double, [ctypes.c_double] * n
    got = carried_out(ROUNDED[name], *ab[:n])
    wanted = np.array([library(*map(float, row)) for row in ab[:n].T])
    np.testing.assert_array_equal(got, wanted)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(got, ROUNDED[name](*ab[:n]), rtol=4e-15, atol=1e-300)


SHAPES = [(1,), (2,), (3, 4), (9, 2), (33, 3), (5, 8), (130, 1)]


@pytest.mark.one_in(13)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("runs", [1, 2, 16, 33])
def test_sums_go_in_numpys_order(shape, runs):
    """Sums over the axes before the runs', products of them, means and norms, in shapes up to many entries."""
    a = np.random.default_rng(len(shape) + runs).standard_normal((*shape, runs)) * 10 ** np.linspace(-3, 3, runs)
    if runs == 1:
        a = np.repeat(a, 2, axis=-1)  # the engine makes no array of one run
    for axis in range(a.ndim - 1):
        for function in (np.sum, np.prod, np.mean, np.max, np.min, np.cumsum):
            agree(lambda a, function=function, axis=axis: function(a, axis=axis), (a,))
        agree(lambda a, axis=axis: np.linalg.norm(a, axis=axis), (a,))
        agree(lambda a, axis=axis: a.sum(axis) - a.mean(axis), (a,))


@pytest.mark.parametrize(("subscripts", "shape"), [("nd,dr->nr", (7, 3)), ("nd,nr->dr", (7, 3)), ("d,dr->r", (40,))])
def test_an_einsum_with_a_constant_goes_in_numpys_order(subscripts, shape):
    """As problems over data have it: each sum from its first term to its last."""
    rng = np.random.default_rng(3)
    A = rng.standard_normal(shape)
    for runs in (2, 5, 16, 100):
        w = rng.standard_normal((A.shape[subscripts.split(",")[0].index(subscripts.split(",")[1][0])], runs))
        agree(lambda w: np.einsum(subscripts, A, w), (w,))


def test_truths_are_known_by_their_operations():
    """What gives a truth in NumPy is a truth here."""
    for name in EXACT:
        args = (1.5,) * EXACT[name].nin
        assert (np.asarray(EXACT[name](*args)).dtype == bool) == (name in TRUTHS)
