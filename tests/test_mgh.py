"""The Moré-Garbow-Hillstrom set against its paper, and against SciPy's solver."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import least_squares

import stepbench
from stepbench import catalog


class Published(NamedTuple):
    """What is published of one problem: its number, n, m, f at the start, and every minimum."""

    number: int
    n: int
    m: int
    start: float
    minima: tuple[float, ...]


# The minima are those of the paper's §3. The values at the starts are the squares of the initial norms that
# MINPACK's own tests print (Argonne report ANL-80-74), which came from another implementation than ours.
FIRST = {
    "mgh/powell-singular": Published(13, 4, 4, 215.0, (0.0,)),
}
SECOND = {
    "mgh/extended-rosenbrock": Published(21, 10, 10, 121.0, (0.0,)),
    "mgh/extended-rosenbrock:dim=4": Published(21, 4, 4, 48.4, (0.0,)),
}
PUBLISHED = FIRST | SECOND

every_problem = pytest.mark.parametrize("spec", PUBLISHED)


def lone(answer):
    """A function of one point, from one of points (d, R)."""
    return lambda w: answer(np.repeat(w[:, None], 2, axis=1))[..., 0]


@every_problem
def test_the_dimensions_and_the_value_at_the_start_are_the_published_ones(spec):
    problem, told = stepbench.problem(spec), PUBLISHED[spec]
    r = lone(problem.residuals)(problem.x0)
    assert problem.x0.shape == (told.n,)
    assert r.shape == (told.m,)
    assert lone(problem.jacobian)(problem.x0).shape == (told.m, told.n)
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
    found = least_squares(lone(problem.residuals), problem.x0, lone(problem.jacobian), method="lm", **options)
    f = 2 * found.cost
    assert min(abs(f - minimum) for minimum in told.minima) <= 1e-5 * f + 1e-9


def test_all_35_are_there():
    names = [name for name in catalog.names("problems") if name.startswith("mgh/")]
    assert len(names) == 35
    assert {told.number for told in PUBLISHED.values()} == set(range(1, 36))
