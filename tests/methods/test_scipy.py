"""SciPy's solvers, which own their loop: how they are counted, and what they refuse."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

import stepbench
from stepbench import InputError, Problem
from stepbench.methods.scipy import regular_simplex


def test_a_peer_is_counted_by_the_same_oracle_and_matches_scipy():
    r = stepbench.run("rosenbrock", "scipy:bfgs", start=[-1.2, 1.0])
    theirs = minimize(rosen, [-1.2, 1.0], jac=rosen_der, method="bfgs", tol=1e-15)
    assert r.error[-1] < 1e-20
    assert r.evals[-1] <= theirs.njev
    assert abs(r.steps - theirs.nit) <= 3
    simplex = stepbench.run("rosenbrock", "scipy:nelder-mead", budget=100)
    assert (simplex.evals == 0).all()
    assert 90 < simplex.fevals[-1] <= 100
    assert simplex.status == "budget"


@pytest.mark.parametrize("solver", ["nelder-mead", "bfgs", "l-bfgs-b", "cg", "newton-cg", "powell"])
def test_every_peer_reaches_the_minimum_of_a_quadratic(solver):
    r = stepbench.run("quadratic:kappa=10", f"scipy:{solver}", target=1e-8)
    assert r.status == "converged"
    assert (np.diff(r.evals) >= 0).all()
    assert r.evals[-1] + r.fevals[-1] > 0


class Quartic(Problem):
    """x⁴ − 3x² + x, whose minima are not known to the bench."""

    x0 = (2.5,)

    def f(self, w):
        return w[0] ** 4 - 3 * w[0] ** 2 + w[0]


class Corner(Problem):
    """|x| + |y| with a penalty on x + 2y = 3: its minimum, 1.5 − 1/(16·10⁶), is at a kink."""

    x0 = (10.0, 10.0)

    def f(self, w):
        return np.abs(w).sum(0) + 1e6 * (w[0] + 2 * w[1] - 3) ** 2


@pytest.mark.parametrize(
    ("solver", "start"),
    [(s, w) for s in ("bfgs", "newton-cg", "l-bfgs-b") for w in (-2.0, -0.5, 0.5, 2.5)] + [("cg", 2.5), ("cg", -1.0)],
)
def test_a_solver_that_rounding_stops_at_the_minimum_has_converged(solver, start):
    r = stepbench.run(Quartic(), f"scipy:{solver}", start=[start], budget=300)
    assert r.status == "converged"
    root = min(np.roots([4, 0, -6, 1]).real, key=lambda w: abs(w - r.x[-1, 0]))  # f′ = 4x³ − 6x + 1
    assert r.x[-1, 0] == pytest.approx(root, abs=1e-5)


def test_a_solver_that_cannot_go_on_elsewhere_stalls_and_its_f_counts():
    for r in (
        stepbench.run(Corner(), "scipy:bfgs", budget=400),
        stepbench.run(Quartic(), "scipy:cg", start=[0.0], budget=400),  # SciPy's line search finds nothing there
    ):
        assert r.status == "budget"
        assert r.detail.startswith("stalled at ‖∇f‖ = ")
        assert r.evals[-1] < 400
    [line] = stepbench.sweep("rosenbrock", "scipy:bfgs", ["w1=-1:1:3"], budget=300).sensitivities()
    assert np.isfinite(line.left).all()


def test_a_solver_ends_at_the_gradient_target():
    r = stepbench.run(Quartic(), "scipy:bfgs", budget=300, grad_target=1e-3)
    assert (r.status, r.detail) == ("converged", "gradient target met")
    assert r.gradient_norm[-1] <= 1e-3 < r.gradient_norm[-2]


@pytest.mark.parametrize("options", [{"noise": 0.1}, {}])
def test_a_peer_refuses_what_it_would_not_see(options):
    problem = "quadratic" if options else "linear-regression:batch=10"
    with pytest.raises(InputError, match="needs exact values of f"):
        stepbench.run(problem, "scipy:bfgs", **options)


@pytest.mark.parametrize("side", [1.0, 0.25])
@pytest.mark.parametrize("start", [(-1.0, 1.0), (1.0, 2.0, 3.0), (0.0,)])
def test_a_regular_simplex_has_edges_of_one_length(start, side):
    corners = regular_simplex(np.array(start), side)
    edges = [np.linalg.norm(a - b) for a, b in combinations(corners, 2)]
    np.testing.assert_allclose(edges, side, rtol=1e-12)
    np.testing.assert_array_equal(corners[0], start)


def test_only_nelder_and_meads_method_begins_with_a_simplex():
    with pytest.raises(InputError, match="scipy:bfgs begins with no simplex"):
        stepbench.run("rosenbrock", "scipy:bfgs,side=1")
    # the number that is told of the method, with a regular first simplex from (−1, 1): 185 evaluations to 1e-10
    r = stepbench.run("rosenbrock", "scipy:nelder-mead,side=1", start=(-1.0, 1.0), target=1e-10)
    assert r.fevals[-1] == 185


class Valley(Problem):
    """Rosenbrock's function, whose minimum is not known to the bench, so that solvers stop by themselves."""

    x0 = (-1.2, 1.0)

    def f(self, w):
        return (w[0] - 1) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2

    def grad(self, w):
        return np.stack([2 * (w[0] - 1) - 400 * w[0] * (w[1] - w[0] ** 2), 200 * (w[1] - w[0] ** 2)])


@pytest.mark.parametrize("start", [(-1.2, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("solver", ["nelder-mead", "bfgs", "l-bfgs-b", "cg", "newton-cg", "powell"])
def test_all_that_a_peer_asked_for_is_counted(solver, start):
    """Also where it tried on after its last iterate, or never left the start: as often as SciPy calls f and ∇f."""
    calls = {"f": 0, "grad": 0}

    def counted(name, x):
        calls[name] += 1
        return getattr(Valley(), name)(np.repeat(x[:, None], 2, axis=1))[..., 0]

    jacobian = {} if solver in ("nelder-mead", "powell") else {"jac": lambda x: counted("grad", x)}
    minimize(lambda x: counted("f", x), start, method=solver, tol=1e-15, options={"maxiter": 10_000}, **jacobian)
    r = stepbench.run(Valley(), f"scipy:{solver}", start=start)
    assert {"f": r.fevals[-1], "grad": r.evals[-1]} == calls
    assert r.status == "converged"
    assert (np.diff(r.iteration) == 1).all()
