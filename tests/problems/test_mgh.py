"""The Moré-Garbow-Hillstrom set against its paper, and against SciPy's solver."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import least_squares, minimize

import stepbench
from stepbench import catalog
from tests.problems.one_point import lone


class Published(NamedTuple):
    """What is published of one problem: its number, n, m, f at the start, and every minimum.

    One value that the paper gives as a minimum is that of a saddle.
    """

    number: int
    n: int
    m: int
    start: float
    minima: tuple[float, ...]
    saddle: float | None = None


# The minima are those of the paper's §3. The values at the starts are the squares of the initial norms that
# MINPACK's own tests print (Argonne report ANL-80-74), which came from another implementation than ours.
FIRST = {
    "mgh/rosenbrock": Published(1, 2, 2, 4.9193496**2, (0.0,)),
    "mgh/freudenstein-roth": Published(2, 2, 2, 20.012496**2, (0.0, 48.98425)),
    "mgh/jennrich-sampson": Published(6, 2, 10, 64.585650**2, (124.362,)),
    "mgh/helical-valley": Published(7, 3, 3, 50.0**2, (0.0,)),
    "mgh/bard": Published(8, 3, 15, 6.4561363**2, (8.21487e-3, 17.4286)),
    "mgh/meyer": Published(10, 3, 16, 41153.467**2, (87.9458,)),
    "mgh/box-3d": Published(12, 3, 10, 32.111584**2, (0.0,)),
    "mgh/powell-singular": Published(13, 4, 4, 215.0, (0.0,)),
    "mgh/kowalik-osborne": Published(15, 4, 11, 0.072891510**2, (3.07505e-4, 1.02734e-3)),
    "mgh/brown-dennis": Published(16, 4, 20, 2815.4384**2, (85822.2,)),
    "mgh/osborne-1": Published(17, 5, 33, 0.93756402**2, (5.46489e-5,)),
    "mgh/osborne-2": Published(19, 11, 65, 1.4468654**2, (4.01377e-2,)),
    "mgh/watson": Published(20, 6, 31, 5.4772256**2, (2.28767e-3,)),
    "mgh/watson:dim=9": Published(20, 9, 31, 5.4772256**2, (1.39976e-6,)),
    "mgh/watson:dim=12": Published(20, 12, 31, 5.4772256**2, (4.72238e-10,)),
    # These are not among MINPACK's: their values at the start are those that the tests of Gonum (Go) state.
    "mgh/powell-badly-scaled": Published(3, 2, 2, 1.13526171734838, (0.0,)),
    "mgh/brown-badly-scaled": Published(4, 2, 3, 999998000003.0, (0.0,)),
    "mgh/beale": Published(5, 2, 3, 14.203125, (0.0,)),
    "mgh/gaussian": Published(9, 3, 15, 3.88810699116688e-06, (1.12793e-8,)),
    "mgh/gulf": Published(11, 3, 99, 12.11070582556949, (0.0,)),
    "mgh/wood": Published(14, 4, 6, 19192.0, (0.0,)),
    "mgh/biggs-exp6": Published(18, 6, 13, 0.77907007565597, (0.0,), 5.65565e-3),
}
SECOND = {
    "mgh/extended-powell-singular:dim=4": Published(22, 4, 4, 14.662878**2, (0.0,)),
    "mgh/extended-powell-singular": Published(22, 12, 12, 3 * 14.662878**2, (0.0,)),
    "mgh/trigonometric": Published(26, 10, 10, 0.084117534**2, (0.0, 2.79506e-5)),
    "mgh/brown-almost-linear": Published(27, 10, 10, 16.530216**2, (0.0,)),
    "mgh/brown-almost-linear:dim=30": Published(27, 30, 30, 83.476044**2, (0.0,)),
    "mgh/brown-almost-linear:dim=40": Published(27, 40, 40, 128.02636**2, (0.0,)),
    "mgh/discrete-boundary-value": Published(28, 10, 10, 0.028080582**2, (0.0,)),
    "mgh/discrete-integral-equation:dim=1": Published(29, 1, 1, 0.12792969**2, (0.0,)),
    "mgh/discrete-integral-equation": Published(29, 10, 10, 0.25182701**2, (0.0,)),
    "mgh/broyden-tridiagonal": Published(30, 10, 10, 4.5825757**2, (0.0,)),
    "mgh/broyden-banded": Published(31, 10, 10, 18.973666**2, (0.0,)),
    "mgh/linear-full-rank:dim=5,m=10": Published(32, 5, 10, 5.0**2, (5.0,)),
    "mgh/linear-full-rank:dim=5,m=50": Published(32, 5, 50, 8.0622577**2, (45.0,)),
    "mgh/linear-rank-1:dim=5,m=10": Published(33, 5, 10, 291.52187**2, (1.4638501**2,)),
    "mgh/linear-rank-1:dim=5,m=50": Published(33, 5, 50, 3101.6004**2, (3.4826302**2,)),
    "mgh/linear-rank-1-zero:dim=5,m=10": Published(34, 5, 10, 126.03968**2, (1.9097274**2,)),
    "mgh/linear-rank-1-zero:dim=5,m=50": Published(34, 5, 50, 1748.9500**2, (3.6917294**2,)),
    "mgh/chebyquad:dim=5": Published(35, 5, 5, 0.22570657**2, (0.0,)),
    "mgh/chebyquad:dim=6": Published(35, 6, 6, 0.21547198**2, (0.0,)),
    "mgh/chebyquad:dim=7": Published(35, 7, 7, 0.18376789**2, (0.0,)),
    "mgh/chebyquad": Published(35, 8, 8, 0.19651386**2, (3.51687e-3,)),
    "mgh/chebyquad:dim=9": Published(35, 9, 9, 0.16994993**2, (0.0,)),
    # The paper's is a local minimum: CUTEst states a lower one.
    "mgh/chebyquad:dim=10": Published(35, 10, 10, 0.18374783**2, (4.772713e-3, 6.50395e-3)),
    # Not among MINPACK's, or not as a sum of squares: these values at the start are those that Gonum's tests state.
    "mgh/penalty-1:dim=4": Published(23, 4, 5, 885.06264, (2.24997e-5,)),
    "mgh/penalty-1": Published(23, 10, 11, 148032.56535, (7.08765e-5,)),
    "mgh/penalty-2:dim=4": Published(24, 4, 8, 2.34000880546302, (9.37629e-6,)),
    "mgh/penalty-2": Published(24, 10, 20, 162.65277656596712, (2.93660e-4,)),
    "mgh/variably-dimensioned:dim=3": Published(25, 3, 5, 497.60493827160514, (0.0,)),
    "mgh/variably-dimensioned:dim=4": Published(25, 4, 6, 3222.1875, (0.0,)),
    "mgh/trigonometric:dim=5": Published(26, 5, 5, 0.0116573789904718, (0.0,)),
    # By hand, from the paper's formulas.
    "mgh/extended-rosenbrock": Published(21, 10, 10, 121.0, (0.0,)),
    "mgh/extended-rosenbrock:dim=4": Published(21, 4, 4, 48.4, (0.0,)),
    "mgh/variably-dimensioned": Published(25, 10, 12, 3.85 + 38.5**2 + 38.5**4, (0.0,)),
    "mgh/linear-full-rank": Published(32, 10, 20, 50.0, (10.0,)),
    "mgh/linear-rank-1": Published(33, 10, 20, 8658670.0, (4.634146,)),
    "mgh/linear-rank-1-zero": Published(34, 10, 20, 4067996.0, (6.135135,)),
}
PUBLISHED = FIRST | SECOND

every_problem = pytest.mark.parametrize("spec", PUBLISHED)


@every_problem
def test_the_dimensions_and_the_value_at_the_start_are_the_published_ones(spec):
    problem, told = stepbench.problem(spec), PUBLISHED[spec]
    r = lone(problem.residuals, problem.x0)
    assert problem.x0.shape == (told.n,)
    assert r.shape == (told.m,)
    assert lone(problem.jacobian, problem.x0).shape == (told.m, told.n)
    assert r @ r == pytest.approx(told.start, rel=1e-6)
    assert f"no. {told.number}" in problem.source


@every_problem
def test_the_minima_are_the_published_ones(spec):
    problem, told = stepbench.problem(spec), PUBLISHED[spec]
    known = sorted({problem.f_star, *problem.local_minima} - {None})
    assert known == pytest.approx(sorted(told.minima), rel=1e-5, abs=1e-12)


@every_problem
def test_scipy_reaches_a_published_minimum_from_the_start(spec):
    problem, told = stepbench.problem(spec), PUBLISHED[spec]
    options = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 3000}
    # Biggs' Jacobian is singular at the start, where MINPACK's code in SciPy 1.17 stops in one process of ten.
    options["method"] = "lm" if spec != "mgh/biggs-exp6" else "trf"
    found = least_squares(partial(lone, problem.residuals), problem.x0, partial(lone, problem.jacobian), **options)
    f = 2 * found.cost
    assert min(abs(f - minimum) for minimum in told.minima) <= 1e-5 * f + 1e-9


def test_what_the_paper_gives_for_biggs_is_a_saddle():
    problem, told = stepbench.problem("mgh/biggs-exp6"), PUBLISHED["mgh/biggs-exp6"]
    options = {"jac": partial(lone, problem.grad), "method": "BFGS", "options": {"gtol": 1e-10}}
    w = minimize(partial(lone, problem.f), problem.x0, **options).x
    assert w[[0, 2]] == pytest.approx(w[[4, 5]], rel=1e-6)
    assert lone(problem.f, w) == pytest.approx(told.saddle, rel=1e-5)
    assert np.linalg.eigvalsh(lone(problem.hessian, w))[0] < -1e-3


@pytest.mark.parametrize("n", [10, 30])
def test_what_the_paper_gives_for_brown_besides_0_is_no_minimum(n):
    problem = stepbench.problem("mgh/brown-almost-linear", dim=n)
    along = [np.array([*[c] * (n - 1), n + 1 - n * c]) for c in (0.0, 0.5, 0.7, 0.9)]
    values = [lone(problem.f, w) for w in along]
    assert values[0] == 1.0
    assert (np.diff(values) < 0).all()


def test_all_35_are_there():
    names = [name for name in catalog.names("problems") if name.startswith("mgh/")]
    assert len(names) == 35
    assert {told.number for told in PUBLISHED.values()} == set(range(1, 36))
