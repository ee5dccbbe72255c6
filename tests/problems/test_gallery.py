"""The gallery against the literature: formulas as printed, minima as published, and a search of every window."""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.special import huber

import stepbench
from stepbench import catalog
from tests.problems.one_point import lone

NAMES = [name for name in catalog.names("problems") if name.startswith("gallery/")]


def gallery(spec):
    return stepbench.problem(f"gallery/{spec}")


def descend(problem, rate, steps):
    """Gradient descent from the start, in four lines of its own: every point, (steps + 1, d)."""
    w = [problem.x0]
    for _ in range(steps):
        w.append(w[-1] - rate * lone(problem.grad, w[-1]))
    return np.array(w)


# Formulas as they are printed: by Surjanovic & Bingham, Jamil & Yang 2013, or the source that the problem names


def ackley(x):
    d, c = len(x), np.cos(2 * np.pi * x)
    return -20 * np.exp(-0.2 * np.sqrt((x**2).sum(0) / d)) - np.exp(c.sum(0) / d) + 20 + np.e


def griewank(x):
    i = np.arange(1, len(x) + 1)[:, None]
    return (x**2 / 4000).sum(0) - np.cos(x / np.sqrt(i)).prod(0) + 1


def levy(x):
    w = 1 + (x - 1) / 4
    middle = (w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)
    return np.sin(np.pi * w[0]) ** 2 + middle.sum(0) + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)


def goldstein_price(x):
    a, b = x
    first = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    return first * (30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2))


def branin(x):
    a, b = x
    square = (b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2
    return square + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


@np.vectorize
def wolfe(a, b):
    if a >= abs(b):
        return 5 * math.sqrt(9 * a**2 + 16 * b**2)
    return 9 * a + 16 * abs(b) - (a**9 if a < 0 else 0)


@np.vectorize
def recurrent(w, b):
    h = 0.5
    for _ in range(50):
        h = w / (1 + math.exp(-h)) + b
    return (1 / (1 + math.exp(-h)) - 0.7) ** 2


def bent_canyon(x):
    a, b = x
    s, t = a + b, a - b
    return 50 * ((s - np.hypot(t, 0.5)) / 2) ** 2 + (t - 3 + 0.25 / 12) ** 2 / 2


def tilted_bowl(x):
    c, s = math.sqrt(3) / 2, 0.5
    R = np.array([[c, -s], [s, c]])
    Q = R @ np.diag([25.0, 1.0]) @ R.T
    return 0.5 * np.einsum("ir,ij,jr->r", x, Q, x)


def two_basins(x):
    left, right = 20 * ((x[0] + 1) ** 2 + x[1] ** 2) / 2, ((x[0] - 1) ** 2 + x[1] ** 2) / 2
    return (left**-2 + right**-2) ** -0.5


PRINTED = {
    "absolute-valley": lambda x: abs(x[0]) + 4 * abs(x[1]),
    "ackley": ackley,
    "ackley:dim=5": ackley,
    "beale": lambda x: sum((c - x[0] + x[0] * x[1] ** (i + 1)) ** 2 for i, c in enumerate((1.5, 2.25, 2.625))),
    "bent-canyon": bent_canyon,
    "bohachevsky": lambda x: (
        x[0] ** 2 + 2 * x[1] ** 2 - 0.3 * np.cos(3 * np.pi * x[0]) - 0.4 * np.cos(4 * np.pi * x[1]) + 0.7
    ),
    "booth": lambda x: (x[0] + 2 * x[1] - 7) ** 2 + (2 * x[0] + x[1] - 5) ** 2,
    "branin": branin,
    "cliff": lambda x: recurrent(*x),
    "crease": lambda x: (x[0] - 1) ** 2 / 4 + abs(x[1] - 2 * x[0] ** 2 + 1),
    "double-well": lambda x: (x[0] ** 2 - 1) ** 2 + x[1] ** 2,
    "drop-wave": lambda x: -(1 + np.cos(12 * np.hypot(*x))) / (0.5 * np.hypot(*x) ** 2 + 2),
    "easom": lambda x: -np.cos(x).prod(0) * np.exp(-((x[0] - np.pi) ** 2) - (x[1] - np.pi) ** 2),
    "flat-bottom": lambda x: x[0] ** 2 / 2 + x[1] ** 4 / 4,
    "goldstein-price": goldstein_price,
    "griewank": griewank,
    "griewank:dim=5": griewank,
    "himmelblau": lambda x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
    "huber-bowl": lambda x: huber(0.5, x[0]) + 5 * huber(0.5, x[1]),
    "levy": levy,
    "levy:dim=5": levy,
    "matyas": lambda x: 0.26 * (x[0] ** 2 + x[1] ** 2) - 0.48 * x[0] * x[1],
    "mccormick": lambda x: np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1,
    "monkey-saddle": lambda x: ((x[0] + 1j * x[1]) ** 3).real,
    "plateau": lambda x: 1 - np.exp(-(np.hypot(*x) ** 2) / 2),
    "rastrigin": lambda x: 10 * len(x) + (x**2 - 10 * np.cos(2 * np.pi * x)).sum(0),
    "rastrigin:dim=5": lambda x: 10 * len(x) + (x**2 - 10 * np.cos(2 * np.pi * x)).sum(0),
    "ring": lambda x: (np.hypot(*x) ** 2 - 1) ** 2 / 4,
    "saddle": lambda x: (x[0] - x[1]) * (x[0] + x[1]),
    "schaffer-2": lambda x: (
        0.5 + (np.sin(x[0] ** 2 - x[1] ** 2) ** 2 - 0.5) / (1 + 0.001 * (x[0] ** 2 + x[1] ** 2)) ** 2
    ),
    "sharp-and-flat": two_basins,
    "six-hump-camel": lambda x: (
        (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + (-4 + 4 * x[1] ** 2) * x[1] ** 2
    ),
    "styblinski-tang": lambda x: (x**4 - 16 * x**2 + 5 * x).sum(0) / 2,
    "styblinski-tang:dim=5": lambda x: (x**4 - 16 * x**2 + 5 * x).sum(0) / 2,
    "three-hump-camel": lambda x: 2 * x[0] ** 2 - 1.05 * x[0] ** 4 + x[0] ** 6 / 6 + x[0] * x[1] + x[1] ** 2,
    "tilted-bowl": tilted_bowl,
    "two-weights": lambda x: (x[0] * x[1] - 1) ** 2 / 2,
    "wolfe": lambda x: wolfe(*x),
    "zakharov": lambda x: (x**2).sum(0) + (0.5 * x[0] + 0.5 * 2 * x[1]) ** 2 + (0.5 * x[0] + 0.5 * 2 * x[1]) ** 4,
}


@pytest.mark.parametrize("spec", PRINTED)
def test_f_is_the_formula_as_it_is_printed(spec):
    problem = gallery(spec)
    low, high = np.transpose(problem.view or [(-5.0, 5.0)] * problem.x0.size)
    x = np.random.default_rng(0).uniform(low[:, None], high[:, None], (low.size, 200))
    printed = PRINTED[spec](x)
    assert problem.f(x) == pytest.approx(printed, rel=1e-12, abs=1e-12 * np.abs(printed).max())


def test_every_surface_is_here():
    assert len(NAMES) >= 26
    assert {f"gallery/{spec.partition(':')[0]}" for spec in PRINTED} == set(NAMES) == set(map(whole, PUBLISHED))


# Minima as they are published


def whole(spec):
    return f"gallery/{spec}"


class Published(NamedTuple):
    """What is told of a surface: values somewhere, the minimum, and the minimisers to the digits printed."""

    values: tuple[tuple[tuple[float, float], float], ...]
    f_star: float | None
    minimisers: tuple[tuple[float, float], ...] | None = ((0.0, 0.0),)
    digits: float = 1e-12


# Values are printed ones where there are any (Himmelblau's hill, Rastrigin's highest point on [-5.12, 5.12]²,
# Goldstein and Price at 0), and elsewhere worked out by hand from the formula, at points where that is easy.
PUBLISHED = {
    "absolute-valley": Published((((-1.8, 1.1), 6.2),), 0.0),
    "ackley": Published((((1, 1), 20 - 20 * math.exp(-0.2)),), 0.0),
    "beale": Published((((1, 1), 14.203125), ((0, 0), 14.203125)), 0.0, ((3, 0.5),)),
    "bent-canyon": Published((((0.25, 0.25), (3 - 1 / 48) ** 2 / 2),), 0.0, ((3, 1 / 48),)),
    "bohachevsky": Published((((1, 1), 3.6), ((100, 100), 30_000)), 0.0),
    "booth": Published((((0, 0), 74), ((10, 10), 1154)), 0.0, ((1, 3),)),
    "branin": Published(
        (((0, 0), 55.602113), ((np.pi, 3.275), 1.3978874)),
        0.397887,
        ((-3.141593, 12.275), (3.141593, 2.275), (9.42478, 2.475)),
        5e-6,
    ),
    "cliff": Published((((0, 0), 0.04), ((0, math.log(7 / 3)), 0.0)), 0.0, None),
    "crease": Published((((-1, 1), 1), ((0, 0), 1.25)), 0.0, ((1, 1),)),
    "double-well": Published((((0, 0), 1), ((2, 2), 13)), 0.0, ((-1, 0), (1, 0))),
    "drop-wave": Published((((np.pi / 12, 0), 0), ((np.pi / 6, 0), -2 / (np.pi**2 / 72 + 2))), -1.0),
    "easom": Published((((0, 0), -math.exp(-2 * np.pi**2)),), -1.0, ((np.pi, np.pi),)),
    "flat-bottom": Published((((2, 2), 6),), 0.0),
    "goldstein-price": Published((((0, 0), 600), ((1, 1), 1876), ((-2, 2), 20 * 47_830)), 3.0, ((0, -1),)),
    "griewank": Published((((np.pi, 0), 2 + np.pi**2 / 4000),), 0.0),
    "himmelblau": Published(
        (((0, 0), 170), ((-0.270845, -0.923039), 181.617)),
        0.0,
        ((3, 2), (-2.805118, 3.131312), (-3.779310, -3.283186), (3.584428, -1.848126)),
        1e-6,
    ),
    "huber-bowl": Published((((0.5, 0.5), 0.75), ((1.5, 0), 0.625)), 0.0),
    "levy": Published((((5, 5), 2 + 10 * math.sin(1) ** 2),), 0.0, ((1, 1),)),
    "matyas": Published((((1, 1), 0.04), ((-10, 10), 100)), 0.0),
    "mccormick": Published((((0, 0), 1), ((-0.54719, -1.54719), -1.9132229548822735)), None, None),
    "monkey-saddle": Published((((1, 1), -2), ((-1, 0), -1)), None, None),
    "plateau": Published((((1, 1), 1 - 1 / math.e),), 0.0),
    "rastrigin": Published((((0.5, 0.5), 40.5), ((4.52299366, 4.52299366), 80.70658039)), 0.0),
    "ring": Published((((0, 0), 0.25), ((0.6, -0.8), 0)), 0.0, None),
    "saddle": Published((((-1.5, 0.001), 2.249999),), None, None),
    "schaffer-2": Published((((math.sqrt(np.pi / 2), 0), 0.5 + 0.5 / (1 + 0.0005 * np.pi) ** 2),), 0.0),
    "sharp-and-flat": Published((((0, 0), 1 / math.sqrt(4.01)),), 0.0, ((-1, 0), (1, 0))),
    "six-hump-camel": Published(
        (((1, 1), 97 / 30), ((0, 1), 0)), -1.0316285, ((0.089842, -0.712656), (-0.089842, 0.712656)), 1e-6
    ),
    "styblinski-tang": Published((((0, 0), 0), ((1, 1), -10)), -78.332331, ((-2.903534, -2.903534),), 1e-6),
    "three-hump-camel": Published((((1, 1), 187 / 60), ((5, 5), 24_575 / 12)), 0.0),
    "tilted-bowl": Published((((math.sqrt(3) / 2, 0.5), 12.5), ((-0.5, math.sqrt(3) / 2), 0.5)), 0.0),
    "two-weights": Published((((0, 0), 0.5), ((2, 2), 4.5)), 0.0, None),
    "wolfe": Published((((5, 4), 5 * math.sqrt(481)), ((1, 2), 41), ((-2, 0), 494)), -8.0, ((-1, 0),)),
    "zakharov": Published((((1, 1), 2 + 2.25 + 5.0625), ((2, -1), 5)), 0.0),
}

every_surface = pytest.mark.parametrize("spec", PUBLISHED)


@every_surface
def test_the_values_and_the_minima_are_the_published_ones(spec):
    problem, told = gallery(spec), PUBLISHED[spec]
    for w, value in told.values:
        assert lone(problem.f, w) == pytest.approx(value, rel=5e-6), w
    assert problem.f_star == (None if told.f_star is None else pytest.approx(told.f_star, rel=2e-6, abs=1e-300))
    if told.minimisers is None:
        assert problem.x_star is None
        return
    listed = np.sort(problem.x_star.reshape(2, -1), axis=1)
    assert listed == pytest.approx(np.sort(np.transpose(told.minimisers), axis=1), abs=told.digits)


@every_surface
def test_the_start_and_the_minimisers_lie_in_the_window(spec):
    problem = gallery(spec)
    (left, right), (bottom, top) = problem.view
    shown = np.column_stack([problem.x0] if problem.x_star is None else [problem.x0, problem.x_star]).T
    margin = 0.02 * np.array([right - left, top - bottom])
    assert (shown - margin > np.array([left, bottom])).all()
    assert (shown + margin < np.array([right, top])).all()
    assert problem.f_star is None or lone(problem.f, problem.x0) > problem.f_star + 1e-3


# A search of every window


@cache
def search(spec):
    """Every end that bounded minimisation reaches from the 25 lowest dips of a grid and from 8 random points."""
    problem = gallery(spec)
    low, high = np.transpose(problem.view)
    axes = [np.linspace(a, b, 82) for a, b in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    f = np.pad(problem.f(grid.reshape(2, -1)).reshape(82, 82), 1, constant_values=np.inf)
    inner = f[1:-1, 1:-1]
    beside = [f[1 + i : 83 + i, 1 + j : 83 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    dips = grid[:, (inner <= np.min(beside, axis=0))]
    dips = dips[:, np.argsort(problem.f(dips), kind="stable")[:25]]
    rng = np.random.default_rng(1)
    starts = np.column_stack([dips, rng.uniform(low[:, None], high[:, None], (2, 8))])
    how = {"bounds": list(zip(low, high, strict=True))}
    if problem.smoothness == "C⁰":
        how |= {"method": "Nelder-Mead", "options": {"xatol": 1e-9, "fatol": 1e-12}}
    else:
        how |= {
            "method": "L-BFGS-B",
            "options": {"ftol": 0, "gtol": 1e-10, "maxiter": 100},
            "jac": lambda w: lone(problem.grad, w),
        }
    ends = [minimize(lambda w: lone(problem.f, w), w, **how).x for w in starts.T]
    return np.array(ends).T, problem.f(np.array(ends).T)


# A gradient of 1e-10 is 5e-4 from the minimum of a quartic, and Nelder and Mead stall on a crease that bends.
NEAR = {"flat-bottom": 1e-3, "crease": 1e-3}
MINIMA = [spec for spec, told in PUBLISHED.items() if told.f_star is not None]
KINKED = ("absolute-valley", "ackley", "crease", "wolfe")
MANY = ("ackley", "bohachevsky", "drop-wave", "easom", "griewank", "levy", "rastrigin", "schaffer-2", "cliff")
FEW = [spec for spec in PUBLISHED if spec not in (*KINKED, *MANY, "saddle", "monkey-saddle")]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("spec", MINIMA)
def test_no_search_finds_a_lower_point_and_one_finds_every_minimiser(spec):
    problem = gallery(spec)
    ends, f = search(spec)
    assert f.min() >= problem.f_star - 1e-13 * max(1, abs(problem.f_star))
    assert f.min() <= problem.f_star + 1e-8
    if problem.x_star is not None:
        for star in problem.x_star.reshape(2, -1).T:
            assert np.abs(ends - star[:, None]).max(axis=0).min() < NEAR.get(spec, 1e-5), star


@pytest.mark.parametrize("spec", FEW)
def test_the_local_minima_in_the_window_are_those_listed(spec):
    problem = gallery(spec)
    ends, f = search(spec)
    low, high = np.transpose(problem.view)
    inside = ((ends > low[:, None] + 1e-6) & (ends < high[:, None] - 1e-6)).all(axis=0)
    inside &= np.abs(problem.grad(ends)).max(axis=0) < 1e-6 * max(1, np.abs(problem.grad(ends)).max())
    listed = {problem.f_star, *problem.local_minima} - {None}
    if spec == "beale":
        listed = {0.0}  # the other is at infinity
    found = f[inside]
    for value in listed:
        assert np.abs(found - value).min() < 1e-9, value
    for value in found:
        assert min(abs(value - known) for known in listed) < 1e-6, value


BEALES_LIMIT = 14.203125 - 13.875**2 / 14


def test_beales_other_minimum_lies_at_infinity():
    problem = gallery("beale")
    assert problem.local_minima == (pytest.approx(BEALES_LIMIT, rel=1e-15),)
    far = -np.logspace(1, 7, 7)
    f = [
        minimize_scalar(lambda t, a=a: lone(problem.f, [a, 1 - t / a]), bounds=(0.5, 1.5), method="bounded").fun
        for a in far
    ]
    assert (np.diff(f) < 0).all()
    assert f[-1] == pytest.approx(BEALES_LIMIT, rel=1e-6)


@pytest.mark.parametrize(
    "spec", ["styblinski-tang:dim=5", "rastrigin:dim=5", "ackley:dim=5", "griewank:dim=5", "levy:dim=5"]
)
def test_in_more_parameters_the_minimiser_is_the_lowest_point_around(spec):
    problem = gallery(spec)
    assert problem.view is None
    assert lone(problem.f, problem.x_star) == pytest.approx(problem.f_star, rel=1e-14, abs=1e-300)
    around = problem.x_star[:, None] + np.random.default_rng(2).uniform(-8, 8, (5, 20_000))
    assert (problem.f(around) > problem.f_star).all()


def test_styblinski_tang_has_its_shallow_basins_in_every_dimension():
    problem = gallery("styblinski-tang:dim=3")
    shallow, deep = 2.746802770990837, -2.903534027771177
    x = np.array([[shallow] * k + [deep] * (3 - k) for k in (1, 2, 3)]).T
    assert problem.local_minima == pytest.approx(list(problem.f(x)), rel=1e-14)
    assert np.abs(problem.grad(x)).max() < 1e-12


# What the docstrings say


def test_mccormick_falls_by_pi_from_basin_to_basin():
    problem = gallery("mccormick")
    w = np.array([0.5 - np.pi / 3, -0.5 - np.pi / 3])
    for k in (-1, 0, 1):
        assert lone(problem.f, w + k * np.pi) == pytest.approx(-np.sqrt(3) / 2 - np.pi / 3 + k * np.pi, abs=1e-14)
        assert np.abs(lone(problem.grad, w + k * np.pi)).max() < 1e-14
    assert lone(problem.f, w - 1000 * np.pi) < -3000


def test_branins_valley_goes_on():
    problem = gallery("branin")
    for k in (-5, 4):
        a = (2 * k + 1) * np.pi
        w = [a, 5.1 / (4 * np.pi**2) * a**2 - 5 / np.pi * a + 6]
        assert lone(problem.f, w) == pytest.approx(problem.f_star, abs=1e-12)


def test_from_near_the_ridge_of_the_saddle_it_takes_seven_over_two_alpha_steps():
    path = descend(gallery("saddle"), 0.01, 400)
    assert np.argmax(np.abs(path[:, 1]) > 1) == pytest.approx(7 / 0.02, rel=0.02)
    assert abs(path[-1, 0]) < 1e-3


def test_on_the_flat_bottom_the_error_falls_like_one_over_k_squared():
    path = descend(gallery("flat-bottom"), 0.1, 4000)
    for k in (2000, 4000):
        assert path[k, 1] == pytest.approx(1 / np.sqrt(0.2 * k), rel=0.02)
    assert abs(path[300, 0]) < 1e-12


def test_steepest_descent_stops_where_wolfe_says():
    problem = gallery("wolfe")
    w = problem.x0
    for _ in range(12):
        g = lone(problem.grad, w)
        line = minimize_scalar(lambda a, w=w, g=g: lone(problem.f, w - a * g), bounds=(0, 1), options={"xatol": 1e-14})
        w = w - line.x * g
    assert np.linalg.norm(w) < 1e-5
    assert w[0] > abs(w[1])  # still on the cone, whose gradients all point away from the minimum
    assert lone(problem.f, [-1e-3, 0]) < 0 < lone(problem.f, w)


@pytest.mark.parametrize(("rate", "end"), [(1 / 20, -1), (1.9 / 20, -1), (4 / 20, 1), (5 / 20, 1)])
def test_the_step_size_decides_between_the_sharp_and_the_flat_minimum(rate, end):
    path = descend(gallery("sharp-and-flat"), rate, 300)
    assert path[-1] == pytest.approx([end, 0], abs=1e-6)


def test_above_two_over_kappa_gradient_descent_cannot_settle_in_the_sharp_minimum():
    path = descend(gallery("sharp-and-flat"), 2.1 / 20, 300)
    assert np.abs(path[200:] - [-1, 0]).max(axis=1).min() > 0.01


def test_on_absolute_values_a_constant_step_ends_in_a_cycle():
    path = descend(gallery("absolute-valley"), 0.03, 500)
    late = path[-10:]
    assert np.abs(late[:, 1]).max() >= 0.06 - 1e-9
    assert np.abs(late).max() <= 0.12


def test_a_step_too_long_for_hubers_bowl_oscillates_and_does_not_diverge():
    problem = gallery("huber-bowl")
    path = descend(problem, 3 / problem.L, 500)
    assert 0.1 < np.abs(path[-10:, 1]).max() < 3


def test_the_cliff_throws_gradient_descent_back():
    problem = gallery("cliff")
    path = descend(problem, 0.05, 200)
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert lengths.max() > 100 * np.median(lengths)
    across = np.array([np.full(20_001, 5.0), np.linspace(-2.7, -2.4, 20_001)])
    steepness = [np.abs(gallery(f"cliff:steps={T}").grad(across)).max() for T in (5, 20, 50)]
    assert steepness[1] > 5 * steepness[0]
    assert steepness[2] > 5 * steepness[1]


@pytest.mark.parametrize("kappa", [10.0, 1000.0])
def test_the_floor_of_the_bent_canyon_is_a_hyperbola_and_falls_all_the_way(kappa):
    problem = gallery(f"bent-canyon:kappa={kappa},radius=0.4")
    a = np.geomspace(0.01, 3, 50)
    floor = np.array([a, 0.04 / a])
    f = problem.f(floor)
    assert (np.diff(f) < 0).all()
    assert f[-1] == pytest.approx(0, abs=1e-25)
    # The same at every steepness: on the floor the walls give nothing.
    assert f == pytest.approx(0.5 * (a - 0.04 / a - (3 - 0.04 / 3)) ** 2, abs=1e-12)


def test_the_tilted_bowl_has_its_eigenvalues_along_the_turned_axes():
    problem = gallery("tilted-bowl:kappa=7,angle=20")
    c, s = math.cos(math.radians(20)), math.sin(math.radians(20))
    assert lone(problem.grad, [c, s]) == pytest.approx([7 * c, 7 * s], rel=1e-14)
    assert lone(problem.grad, [-s, c]) == pytest.approx([-s, c], rel=1e-14)
    assert (problem.mu, problem.L) == (1, 7)


@pytest.mark.parametrize("spec", ["drop-wave", "ackley", "wolfe", "absolute-valley", "crease"])
def test_a_gradient_at_a_kink_or_a_quotient_of_zeros_is_finite_and_silent(spec):
    problem = gallery(spec)
    stars = problem.x_star.reshape(2, -1)
    x = np.column_stack([stars, np.zeros((2, 3))])
    assert np.isfinite(problem.grad(x)).all()
    assert (problem.grad(np.repeat(stars, 2, axis=1)) == 0).all()
