"""Derivatives that nobody wrote down: against closed forms, and where each way must not be trusted."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepbench import Problem, run
from stepbench.derivatives import central_differences, complex_step, derived

fifty = settings(deadline=None, max_examples=50, derandomize=True)
seeds = st.integers(0, 10_000)


def points(seed, d=3, R=5, reach=3.0):
    return np.random.default_rng(seed).uniform(-reach, reach, (d, R))


def smooth(x):
    return np.sin(x[0] * x[1]) * np.exp(-x[2]) + np.sqrt(1 + x[0] * x[0])


def its_gradient(x):
    a, b, c = x
    e, s = np.exp(-c), np.sqrt(1 + a * a)
    return np.stack([b * np.cos(a * b) * e + a / s, a * np.cos(a * b) * e, -np.sin(a * b) * e])


@fifty
@given(seeds)
def test_the_complex_step_is_exact_to_rounding(seed):
    x = points(seed)
    g = its_gradient(x)
    np.testing.assert_allclose(complex_step(smooth, x), g, rtol=1e-13, atol=1e-13 * np.abs(g).max())


@fifty
@given(seeds)
def test_central_differences_are_good_to_a_part_in_a_billion(seed):
    x = points(seed)
    g = its_gradient(x)
    np.testing.assert_allclose(central_differences(smooth, x), g, rtol=1e-8, atol=1e-8 * np.abs(g).max())


@pytest.mark.parametrize("way", [complex_step, central_differences])
def test_the_derivative_of_a_vector_is_its_jacobian(way):
    x, A = points(0, d=4), points(1, d=6, R=4)
    J = way(lambda z: np.einsum("mi,ir->mr", A, z * z), x)
    assert J.shape == (6, 4, 5)
    np.testing.assert_allclose(J, 2 * A[:, :, None] * x[None], rtol=1e-7, atol=1e-8)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("way", [complex_step, central_differences])
@pytest.mark.parametrize("d", [3, 200])
def test_a_point_has_the_same_derivative_in_every_batch(way, d):
    def f(x):
        return (np.sin(x) * x).sum(0)

    x = points(2, d=d, R=64)
    whole = way(f, x)
    for part in ([0, 0], [5, 9, 11], list(range(64))[::3]):
        np.testing.assert_array_equal(way(f, x[:, part]), whole[..., part])


FOLLOWED = {
    "smooth": smooth,
    "choice": lambda x: np.where(x[0] > 0, x[0] ** 3, x[1]),
    "maximum": lambda x: np.maximum(x, 0).sum(0),
    "rational": lambda x: np.log(1 + x[0] ** 2) + x[1] / (2 + np.cos(x[2])),
    "oscillating": lambda x: np.sin(30 * x).sum(0),
    "absolute": lambda x: np.abs(x).sum(0),
    "fabs": lambda x: np.fabs(x).sum(0),
    "modulus": lambda x: np.sqrt((np.abs(x) ** 2).sum(0)),
    "norm": lambda x: np.linalg.norm(x, axis=0) ** 3,
    "norm of order 1": lambda x: np.linalg.norm(x, ord=1, axis=0),
    "largest norm": lambda x: np.linalg.norm(x, ord=np.inf, axis=0),
    "real": lambda x: (x.real**2).sum(0) + np.real(x[0]),
    "conjugate": lambda x: (x * np.conj(x)).real.sum(0),
    "choice of kinks": lambda x: np.where(x[0] > 0, np.abs(x[1]), x[1] ** 2),
    "Huber": lambda x: np.where(np.abs(x) < 0.5, x * x / 2, 0.5 * np.abs(x) - 0.125).sum(0),
    "sign": lambda x: (np.sign(x) * x**3).sum(0),
    "clip": lambda x: (np.clip(x, -1, 1) ** 2).sum(0) + x.clip(0, None).sum(0),
    "minimum": lambda x: np.minimum(x[0], np.fmax(x[1], x[2])),
    "largest": lambda x: x.max(0) - np.min(np.abs(x), axis=0) + np.maximum.reduce(x * x),
    "sorted": lambda x: (np.sort(x, axis=0) * np.arange(1, 4)[:, None]).sum(0),
    "variance": lambda x: x.var(0) + np.std(x, axis=0, ddof=1),
    "angle": lambda x: np.arctan2(x[0], x[1]) * np.hypot(x[1], x[2]),
    "remainder": lambda x: (x % 0.7).sum(0) * x[0],
    "softplus": lambda x: np.logaddexp(0, x).sum(0),
    "roots": lambda x: np.cbrt(x).sum(0) + np.sqrt(np.abs(x[0])),
    "powers": lambda x: np.abs(x[0]) ** x[1] + 2.0 ** x[2] + np.power(x[1], 3.0) + x[2] ** -2,
    "high powers": lambda x: np.power(x / 3, 101.0).sum(0),  # whose complex power would go through a logarithm
    "products": lambda x: np.prod(x, axis=0) + np.cumprod(x, axis=0).sum(0) + np.einsum("ir,ir->r", x, x),
    "in place": lambda x: _in_place(x),
    "by component": lambda x: sum(xi**2 * (k + 1) for k, xi in enumerate(x)),
    "differences": lambda x: (np.diff(x, axis=0) ** 2).sum(0) + (np.roll(x, 1, axis=0) * x).sum(0),
    "stacked": lambda x: (np.stack([x[0] * x[1], np.tanh(x[2])]) ** 2).sum(0),
    "constant": lambda x: 0 * x[0] + 3.0,
    "no part in it": lambda x: np.full(x.shape[1], 3.0),
    "staircase": lambda x: np.floor(x / 9 + 0.5).sum(0) + np.sign(x[0] + 7),
}


def _in_place(x):
    total = np.zeros_like(x[0])
    for xi in x:
        total += xi * xi
    total[...] = total / 2
    total *= 3.0
    return total


@pytest.mark.parametrize("f", FOLLOWED.values(), ids=FOLLOWED)
def test_what_is_followed_has_the_derivative_of_its_values(f):
    assert derived(f, np.array([0.3, -0.2, 0.1])) is complex_step
    w = points(3, R=8)
    g = complex_step(f, w)
    np.testing.assert_allclose(g, central_differences(f, w), rtol=1e-6, atol=1e-7 * max(1.0, np.abs(g).max()))


@pytest.mark.parametrize(
    "name",
    ["exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsin", "arccos"],
)
def test_a_rule_is_what_complex_numbers_give(name):
    """Of functions of one number, where they are defined, to the last places."""
    function = getattr(np, name)
    x = np.linspace(0.02, 0.98, 49)[None]
    g = complex_step(lambda w: function(w[0]), x)
    np.testing.assert_allclose(g[0], function(x + 1e-200j).imag[0] * 1e200, rtol=1e-14)


@fifty
@given(seeds, st.sampled_from(["absolute", "maximum", "clip", "Huber", "largest", "norm of order 1", "real", "sorted"]))
def test_a_kink_beside_a_large_term_loses_nothing(seed, name):
    w = points(seed)
    kinked, e = FOLLOWED[name], np.array([1.0, -2.0, 3.0])[:, None]
    both = complex_step(lambda x: kinked(x) + 1e9 * (e * x).sum(0) ** 2, w)
    large = 2e9 * (e * w).sum(0) * e
    np.testing.assert_allclose(both - large, complex_step(kinked, w), rtol=0, atol=1e-15 * np.abs(large).max() + 1e-12)


NOT_FOLLOWED = {
    "plain numbers": lambda x: np.array([float(v) ** 2 for v in x[0]]) + x[1] ** 2,
    "an array of rows": lambda x: (np.array([x[0] ** 2, x[1]]) ** 2).sum(0),
    "a plain array": lambda x: (np.asarray(x) ** 2).sum(0),
    "written into a plain array": lambda x: _written(x),
    "a plain imaginary part": lambda x: (np.abs(np.asarray(x) + 0j)).sum(0),
    "no rule": lambda x: np.sinc(x).sum(0) + np.interp(x[0], [-9, 0, 9], [2, 0, 1]),
}


def _written(x):
    rows = np.empty((2, x.shape[1]))
    rows[0], rows[1] = x[0] * x[1], np.sin(x[1])
    return rows.sum(0)


@pytest.mark.parametrize("f", NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
def test_what_cannot_be_followed_is_differenced(f):
    assert derived(f, np.array([0.3, 0.2])) is central_differences
    x = points(3, d=2) + 0.01
    p = type("P", (Problem,), {"x0": (0.3, 0.2), "f": lambda self, x: f(x)})()
    h = 1e-5
    for i in range(2):
        e = np.zeros((2, 1))
        e[i] = h
        np.testing.assert_allclose(p.grad(x)[i], (f(x + e) - f(x - e)) / (2 * h), rtol=1e-5, atol=1e-5)
    assert p.derivation("grad").startswith("central differences (")


def test_what_cannot_be_followed_at_some_points_only_is_differenced_there():
    def f(x):
        far = np.abs(x).max() > 1e4  # beyond where it is tried whether f can be followed
        return (np.asarray(x) ** 2).sum(0) if far else (x * x).sum(0)

    assert derived(f, np.array([0.3, 0.2])) is complex_step
    for w in (points(3, d=2), 1e5 * points(3, d=2)):
        np.testing.assert_allclose(complex_step(f, w), 2 * w, rtol=1e-9, atol=1e-9 * np.abs(w).max())


def test_a_large_constant_costs_nothing():
    w = points(4)
    np.testing.assert_array_equal(complex_step(lambda x: 1e10 + (x * x).sum(0), w), 2 * w)


@pytest.mark.parametrize("way", [complex_step, central_differences])
@pytest.mark.parametrize("scale", [1e-15, 1e-9, 1e-3, 1.0, 1e6, 1e12])
def test_parameters_of_any_size_are_differentiated(way, scale):
    def f(x):
        return np.abs(x[0] / scale - 1) + (x[1] / scale - 2) ** 2

    w = scale * np.array([[3.0, 0.4, 7.0], [5.0, -2.0, 1.5]])
    right = np.array([[1.0, -1.0, 1.0], [6.0, -8.0, -1.0]]) / scale
    np.testing.assert_allclose(way(f, w), right, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "given"),
    [(k, g) for k in (np.float32, np.float16) for g in ("values", "values, made double")] + [(np.float32, "points")],
)
def test_a_function_of_lower_precision_has_the_derivative_that_its_precision_allows(kind, given):
    def f(x):
        low = x.astype(kind)
        low = low.astype(float) if given == "points" else low
        value = 100 + (low[0] - 1) ** 2 + (low[1] + 2) ** 2
        return value if given == "values" else value.astype(float)

    assert derived(f, np.array([-1.0, 2.0])) is central_differences
    w = np.array([[1.3, -1.0, 5.0], [-1.9, 2.0, 0.3]])
    # Of values rounded by eps |f|, a difference over a tenth of the point's size is off by 10 eps |f|.
    off = 10 * float(np.finfo(kind).eps) * 150
    np.testing.assert_allclose(central_differences(f, w), 2 * (w - [[1.0], [-2.0]]), rtol=0, atol=off)


@pytest.mark.parametrize("way", [complex_step, central_differences])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sqrt(x[0] ** 2 + x[1] ** 2),
        lambda x: np.linalg.norm(x, axis=0),
        lambda x: np.hypot(x[0], x[1]),
        lambda x: (x[0] ** 2 + x[1] ** 2) ** 0.5,
        lambda x: np.abs(x).sum(0),
        lambda x: np.abs(x).max(0),
        lambda x: np.sqrt(np.abs(x)).sum(0),
    ],
)
def test_where_f_has_a_peak_or_a_pit_its_slope_is_the_mean_of_both_sides(way, f):
    np.testing.assert_array_equal(way(f, np.zeros((2, 3))), 0.0)


def test_half_of_a_hinge_is_its_slope_at_the_kink():
    w = np.zeros((1, 2))
    for way in (complex_step, central_differences):
        np.testing.assert_allclose(way(lambda x: np.maximum(x, 0).sum(0), w), 0.5, rtol=1e-12)


def test_an_infinite_slope_is_not_made_finite():
    assert np.isinf(complex_step(lambda x: np.sqrt(x).sum(0), np.zeros((1, 2)))).all()


def test_a_difference_does_not_depend_on_what_the_points_beside_it_are_refused():
    def f(x):
        if (x[0] < 0.5).any():
            raise ValueError("out of the domain")
        return np.array([float(v) for v in np.log(x[0] - 0.4)])  # by differences

    w = np.array([[0.55, 0.9, 3.0, 0.51, 0.500001]])
    together = central_differences(f, w)
    np.testing.assert_allclose(together[0], 1 / (w[0] - 0.4), rtol=1e-6)
    for r in range(w.shape[1]):
        np.testing.assert_array_equal(central_differences(f, w[:, [r, r]])[:, 0], together[:, r])
    with pytest.raises(ValueError, match="out of the domain"):
        central_differences(f, np.array([[0.3, 0.3]]))


def test_a_function_that_refuses_far_points_is_not_asked_there():
    def f(x):
        if np.abs(x).max() > 5:
            raise ValueError("out of the domain")
        return (x * x).sum(0)

    assert derived(f, np.array([0.3, 0.2])) is complex_step
    with pytest.raises(ValueError, match="out of the domain"):
        derived(f, np.array([7.0, 0.2]))


def test_the_derived_hessian_is_the_derivative_of_the_given_gradient():
    p = type(
        "P", (Problem,), {"x0": (0.3, -0.2, 0.1), "f": lambda _, x: smooth(x), "grad": lambda _, x: its_gradient(x)}
    )()
    H = p.hessian(points(4))
    np.testing.assert_allclose(H, H.transpose(1, 0, 2), rtol=1e-12, atol=1e-12)
    a, b, c = points(4)
    np.testing.assert_allclose(H[1, 1], -a * a * np.sin(a * b) * np.exp(-c), rtol=1e-12, atol=1e-12)
    assert p.derived == ("hessian",)
    assert p.conditioning is None


def test_warnings_and_threads_are_left_as_they_were():
    before = list(warnings.filters)

    class Talks(Problem):
        x0 = (1.0, 2.0)

        def f(self, x):
            warnings.warn("my own note", stacklevel=1)
            return np.abs(x).sum(0)

    with pytest.warns(UserWarning, match="my own note"):
        run(Talks(), "gd", budget=3)
    quiet = type("Quiet", (Problem,), {"x0": (1.0, 2.0), "f": lambda self, x: np.abs(x).sum(0)})
    errors = []

    def work():
        try:
            for _ in range(10):
                run(quiet(), "gd", budget=3)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [entry for entry in warnings.filters if entry[0] == "error"] == [e for e in before if e[0] == "error"]


def test_a_right_gradient_beside_a_large_constant_is_not_refused():
    fields = {"x0": (1.0, 2.0), "f": lambda self, x: 1e10 + (x * x).sum(0), "grad": lambda self, x: 2 * x}
    assert run(type("High", (Problem,), fields)(), "gd:lr=0.1", budget=100).gradient_norm[-1] < 1e-8
    fields["f"] = lambda self, x: 1e10 + np.abs(x * x).sum(0)
    run(type("HighAndRough", (Problem,), fields)(), "gd:lr=0.1", budget=10)


def _rebuilt(w, scale):
    rows = np.array([w[0] / scale - 1, w[1] / scale * w[0] / scale])
    return (rows * rows).sum(0)


def _filled(w, scale):
    rows = np.empty((2, w.shape[1]))
    rows[0], rows[1] = w[0] / scale - 1, w[1] / scale * w[0] / scale
    return (rows * rows).sum(0)


@pytest.mark.parametrize("f", [_rebuilt, _filled])
@pytest.mark.parametrize("scale", [1e-20, 1e-12, 1e-6, 1.0, 1e6, 1e12, 1e100])
def test_rows_that_are_put_together_are_differenced_right_at_every_scale(f, scale):
    """With v = w/s the function is (v₁ − 1)² + v₁² v₂², whose gradient is (2 (v₁ − 1) + 2 v₁ v₂², 2 v₁² v₂)/s."""
    p = type("P", (Problem,), {"x0": (1.3 * scale, 2.1 * scale), "f": lambda self, w: f(w, scale)})()
    v = np.array([[1.3, -0.4], [2.1, 0.7]])
    right = np.array([2 * (v[0] - 1) + 2 * v[0] * v[1] ** 2, 2 * v[0] ** 2 * v[1]]) / scale
    np.testing.assert_allclose(p.grad(v * scale), right, rtol=1e-8)
    assert "made a plain array, as by np.array" in p.derivation("grad")
    assert "np.stack" in p.derivation("grad")


@pytest.mark.parametrize("kind", [np.uint8, bool, int])
def test_what_is_taken_away_may_be_truths_or_numbers_without_a_sign(kind):
    y = np.array([[1], [0]], dtype=kind)
    w = np.array([[0.5], [2.0]])
    np.testing.assert_array_equal(complex_step(lambda z: ((z - y) ** 2).sum(0), w), [[-1.0], [4.0]])
    np.testing.assert_array_equal(complex_step(lambda z: ((y - z) ** 2).sum(0), w), [[-1.0], [4.0]])


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda z: np.array([20], dtype=np.uint8) ** z[0], lambda z: 20.0**z * np.log(20.0)),
        (lambda z: np.arctan2(z[0], np.array([20], dtype=np.uint8)), lambda z: 20 / (400 + z * z)),
        (lambda z: np.arctan2(np.array([20], dtype=np.int8), z[0]), lambda z: -20 / (400 + z * z)),
        (lambda z: np.hypot(z[0], np.array([20], dtype=np.uint8)), lambda z: z / np.sqrt(400 + z * z)),
        (lambda z: np.logaddexp(z[0], np.array([3], dtype=np.uint8)), lambda z: 1 / (1 + np.exp(3 - z))),
    ],
)
def test_short_whole_numbers_beside_what_is_followed_cost_no_precision(function, slope):
    np.testing.assert_allclose(complex_step(function, np.array([[0.7]]))[0], slope(np.array([0.7])), rtol=1e-14)
