"""SciPy's solvers, which own their loop: how they are counted, and what they refuse."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

import stepbench
from stepbench import InputError


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


@pytest.mark.parametrize("options", [{"noise": 0.1}, {}])
def test_a_peer_refuses_what_it_would_not_see(options):
    problem = "quadratic" if options else "linear-regression:batch=10"
    with pytest.raises(InputError, match="needs exact values of f"):
        stepbench.run(problem, "scipy:bfgs", **options)
