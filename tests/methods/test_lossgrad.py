"""LossGrad."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest

from stepbench import Oracle, Problem, method, problem, run
from tests.methods.plain_floats import MILD, dot, follows, minus


def lossgrad(v, steps, lr, c, p=0.0):
    """The points and the α of each move, on a momentum p. A step promises that the loss falls by α ⟨g, u⟩."""
    w, alpha, u = v.start, lr, [0.0, 0.0]
    for _ in range(steps):
        g = v.g(w)
        u = [p * a + b for a, b in zip(u, g, strict=True)]
        promised = alpha * dot(g, u)
        ahead = minus(w, alpha, u)
        r = (v.f(ahead) - v.f(w) + promised) / promised
        used, alpha, w = alpha, alpha / c if r > 0.5 else alpha * c, ahead
        yield w, used


@pytest.mark.parametrize(("lr", "c", "p"), [(0.01, 1.05, 0.0), (0.09, 1.5, 0.0), (0.2, 1.2, 0.0), (0.09, 1.5, 0.5)])
def test_lossgrad(lr, c, p):
    """Its points, and its function values: two at the first step, and one at each later one, where f(w) is known."""
    expected = list(lossgrad(MILD, 8, lr, c, p))
    r = run(MILD.spec, f"momentum:p={p}+lossgrad:lr={lr},c={c}", start=MILD.start, steps=8)
    follows(r, [w for w, _ in expected])
    np.testing.assert_array_equal(r.evals, range(9))
    np.testing.assert_array_equal(r.fevals, [0, *range(2, 10)])


def test_lossgrad_both_grows_and_shrinks_in_the_traces():
    used = [alpha for _, alpha in lossgrad(MILD, 8, 0.09, 1.5)]
    assert {b > a for a, b in itertools.pairwise(used)} == {True, False}


@pytest.mark.parametrize(("part", "grows"), [(0.5, True), (0.999, True), (1.001, False), (3.0, False)])
@pytest.mark.parametrize("curvature", [1.0, 8.0])
def test_lossgrad_tends_to_one_over_the_curvature(curvature, part, grows):
    """On a quadratic f(w − αg) = f − α‖g‖² + ½α² gᵀHg, so r = ½ α gᵀHg/‖g‖²: it passes ½ at α = 1/curvature.

    Started on an axis, the curvature along g is that axis's eigenvalue; the second move shows the new α.
    """
    start = [0.0, 1.0] if curvature == 1 else [1.0, 0.0]
    axis = start.index(1.0)
    r = run("quadratic:kappa=8", f"lossgrad:lr={part / curvature},c=1.01", start=start, steps=2)
    alpha = 1 - r.x[1:, axis] / r.x[:-1, axis]  # α times the curvature, as x⁺ = (1 − α λ) x
    assert alpha[1] / alpha[0] == pytest.approx(1.01 if grows else 1 / 1.01, rel=1e-6)


@dataclass(frozen=True)
class Wall(Problem):
    """x² where |x| < 2, and beyond that nothing finite: infinite or NaN."""

    beyond: float = math.inf
    x0 = np.array([1.0])

    def f(self, x):
        return np.where(abs(x[0]) < 2, x[0] * x[0], self.beyond)

    def grad(self, x):
        return 2 * x


@pytest.mark.parametrize("beyond", [math.inf, math.nan])
def test_lossgrad_shrinks_where_the_loss_is_not_finite(beyond):
    made = method("lossgrad:lr=10,c=2")
    x = np.ones((1, 2))
    _, s = made.step(x, Oracle(Wall(beyond)), made.init(x))
    np.testing.assert_array_equal(s.rule.alpha_next, 5.0)


def test_lossgrad_shrinks_where_nothing_was_promised():
    """At a stationary point r = 0/0."""
    made = method("lossgrad:lr=0.5,c=2")
    x = np.zeros((2, 2))
    with np.errstate(invalid="ignore"):
        moved, s = made.step(x, Oracle(problem("quadratic")), made.init(x))
    np.testing.assert_array_equal(moved, 0.0)
    np.testing.assert_array_equal(s.rule.alpha_next, 0.25)


def test_lossgrad_shrinks_where_r_is_minus_infinity():
    """A direction that climbs promises a rise: with f infinite ahead, r = ∞ / −1."""

    x = np.ones((1, 2))
    rule = method("lossgrad:lr=1,c=2").rule
    oracle = Oracle(Wall(math.inf))
    s = rule.init(x)
    _, s = rule.move(x, -oracle.grad(x), oracle, s)
    np.testing.assert_array_equal(s.alpha_next, 0.5)
