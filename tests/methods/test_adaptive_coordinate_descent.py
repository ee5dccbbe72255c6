"""Adaptive coordinate descent, beside its authors' code, and where it stops."""

import numpy as np
import pytest

import stepbench


def by_the_authors_code(f, m, sigma, evaluations):
    """The best value after each pair of evaluations, in the order of the published MATLAB code.

    Everything in it is changed in place, as there: the archive of points, the axes and the covariance matrix. As in the
    bench, the axes begin as the coordinates', and f(m) is asked for first. In more than two dimensions C begins with
    equal eigenvalues, whose eigenvectors are any.
    """
    d, counted, firstAE, better = len(m), 1, True, False
    best = f(np.array(m, dtype=float))
    m, sigma = np.array(m, dtype=float), np.full(d, sigma)
    B, invB, C, pc, mean = np.eye(d), np.eye(d), np.eye(d), np.zeros(d), None
    allx, allf, ix, history = np.zeros((d, 2 * d)), np.zeros(2 * d), -1, []
    while counted < evaluations:
        ix = (ix + 1) % d
        x1, x2 = m - sigma[ix] * B[:, ix], m + sigma[ix] * B[:, ix]
        fit1, fit2, success = f(x1), f(x2), False
        counted += 2
        if fit1 < best:
            best, m, success = fit1, x1, True
        if fit2 < best:
            best, m, success = fit2, x2, True
        sigma[ix] *= 2.0 if success else 0.5
        better = better or success
        allx[:, 2 * ix], allf[2 * ix] = x1, fit1
        allx[:, 2 * ix + 1], allf[2 * ix + 1] = x2, fit2
        if ix == d - 1 and better:
            better = False
            popmean = allx[:, np.argsort(allf, kind="stable")[:d]] @ np.full(d, 1 / d)
            if firstAE:
                firstAE = False
            else:
                dpath = popmean - mean
                length = np.sqrt(np.sum((invB @ dpath) ** 2))
                z = 0 if length == 0 else np.sqrt(d) / length * dpath
                cc, c1 = 1 / np.sqrt(d), 0.5 / d
                pc = (1 - cc) * pc + np.sqrt(cc * (2 - cc)) * z
                C = (1 - c1) * C + c1 * np.outer(pc, pc)
                EV, Bo = np.linalg.eigh(C)
                B, invB = Bo @ np.diag(np.sqrt(EV)), np.diag(1 / np.sqrt(EV)) @ Bo.T
            mean = popmean
        history.append(best)
    return history


@pytest.mark.parametrize(
    ("problem", "start", "sigma"),
    [("rosenbrock", (-3.0, -4.0), 2.5), ("himmelblau", None, 1.0), ("quadratic", None, 0.5)],
)
def test_it_goes_the_way_of_the_authors_code(problem, start, sigma):
    r = stepbench.run(problem, f"adaptive-coordinate-descent:sigma={sigma}", start=start, budget=200)
    theirs = by_the_authors_code(lambda x: float(r.problem.f(x[:, None])[0]), r.x[0], sigma, 200)
    ours = np.array(theirs)[(r.fevals[1:] - 1) // 2 - 1]  # a record is made where m has moved
    np.testing.assert_allclose(r.f[1:], ours, rtol=1e-6)


def test_it_stops_where_rounding_leaves_no_axis():
    r = stepbench.run("booth", "adaptive-coordinate-descent", budget=100_000)
    assert r.status == "converged"
    assert r.fevals[-1] < 5_000
    assert r.error[-1] < 1e-15


@pytest.mark.parametrize("problem", ["mgh/gaussian", "mgh/wood", "mgh/box-3d", "absolute-valley", "rastrigin"])
def test_f_never_rises(problem):
    r = stepbench.run(problem, "adaptive-coordinate-descent:sigma=100", budget=2_000)
    assert np.isfinite(r.f).all()
    assert (np.diff(r.f) <= 0).all()
