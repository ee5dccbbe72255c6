"""IDBD."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from stepbench import Problem, run
from tests.methods.plain_floats import MILD, dot, follows, minus


@pytest.mark.parametrize("lr", [0.01, 0.2])
def test_idbd(lr):
    """Its update in plain floats; with the large step 1 − αc is negative, so that the trace is cut at 0."""
    theta, w, h, cut, points, sizes = 0.05, MILD.start, [0.0, 0.0], 0, [], []
    beta = [math.log(lr)] * 2
    for _ in range(6):
        g, c = MILD.g(w), MILD.curvature(w)
        beta = [beta[i] - theta * g[i] * h[i] for i in range(2)]
        alpha = [math.exp(b) for b in beta]
        w = minus(w, alpha, g)
        cut += sum(1 - alpha[i] * c[i] < 0 for i in range(2))
        h = [h[i] * max(0.0, 1 - alpha[i] * c[i]) - alpha[i] * g[i] for i in range(2)]
        points.append(w)
        sizes.append(alpha)
    assert (cut > 0) == (lr == 0.2)
    r = run(MILD.spec, f"idbd:lr={lr},theta={theta}", start=MILD.start, steps=6)
    follows(r, points)
    np.testing.assert_allclose(r.step_size[1:], sizes, rtol=1e-10)
    np.testing.assert_array_equal(r.evals, range(7))


@dataclass(frozen=True)
class Stream(Problem):
    """Supervised examples one at a time: each step sees ½ (y − wᵀx)² of one (x, y), kept in ``seen``."""

    seen: list = field(default_factory=list)
    x0 = np.zeros(3)
    w = np.array([1.0, -2.0, 0.5])
    stochastic = True

    def sample(self, rng, step):
        x = rng.standard_normal(3)
        self.seen.append((x.tolist(), float(self.w @ x)))
        return Example(*self.seen[-1])

    def f(self, x):  # the expectation over x ~ N(0, I)
        return 0.5 * ((x - self.w[:, None]) ** 2).sum(0)

    def grad(self, x):
        return x - self.w[:, None]

    def hessian(self, x):
        return np.repeat(np.eye(3)[:, :, None], x.shape[-1], axis=2)


class Example:
    """½ (y − wᵀx)² as a function of w."""

    def __init__(self, x, y):
        self.x, self.y = np.array(x)[:, None], y

    def f(self, w):
        return 0.5 * (self.y - (self.x * w).sum(0)) ** 2

    def grad(self, w):
        return -(self.y - (self.x * w).sum(0)) * self.x

    def hessian(self, w):
        return np.repeat((self.x * self.x.T)[:, :, None], w.shape[-1], axis=2)


def test_idbd_is_suttons_lms():
    """Sutton 1992, Figure 2, in his signs: β += θ δ x h; α = e^β; w += α δ x; h = h [1 − α x²]⁺ + α δ x."""
    stream = Stream()
    r = run(stream, "idbd:lr=0.05,theta=0.02", steps=40, seed=3)
    examples = stream.seen[-40:]  # one more was drawn before the run, to see what samples have
    assert len(stream.seen) == 41
    w, beta, h, points = [0.0] * 3, [math.log(0.05)] * 3, [0.0] * 3, []
    for x, y in examples:
        delta = y - dot(w, x)
        w = list(w)
        for i in range(3):
            beta[i] += 0.02 * delta * x[i] * h[i]
            alpha = math.exp(beta[i])
            w[i] += alpha * delta * x[i]
            h[i] = h[i] * max(1 - alpha * x[i] ** 2, 0) + alpha * delta * x[i]
        points.append(w)
    follows(r, points)
    assert r.f[-1] < 0.1 * r.f[0]
