"""What the traces in plain floats share: scalars, lists and loops, written from the definitions.

The function is f(p, q) = (a − p)² + b (q − p²)², whose derivatives are spelled out here once more.
"""

import math
from dataclasses import dataclass

import numpy as np
from hypothesis import settings

from stepbench import Problem

thirty = settings(deadline=None, max_examples=30, derandomize=True)


class Valley:
    """f(p, q) = (a − p)² + b (q − p²)² in plain floats, and a start."""

    def __init__(self, p, q, a=1.0, b=1.0):
        self.start, self.a, self.b = [p, q], a, b

    @property
    def spec(self):
        return f"rosenbrock:a={self.a},b={self.b}"

    def f(self, w):
        return (self.a - w[0]) ** 2 + self.b * (w[1] - w[0] ** 2) ** 2

    def g(self, w):
        t = w[1] - w[0] ** 2
        return [-2 * (self.a - w[0]) - 4 * self.b * w[0] * t, 2 * self.b * t]

    def curvature(self, w):
        return [2 - 4 * self.b * w[1] + 12 * self.b * w[0] ** 2, 2 * self.b]


MILD = Valley(0.5, -0.3)
STEEP = Valley(-0.4, 0.3, b=10.0)
RIDGE = Valley(0.0, 0.9, a=3.0)
"""Concave along the gradient: H = diag(2 − 3.6, 2) and g = (−6, 1.8), so gᵀHg < 0."""


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def minus(w, alpha, u):
    """w − α u, for one α or a list of them."""
    alphas = alpha if isinstance(alpha, list) else [alpha] * len(w)
    return [x - a * y for x, a, y in zip(w, alphas, u, strict=True)]


def follows(r, points, rtol=1e-10):
    """Assert that a run's records are the start and these points."""
    points = list(points)
    assert len(points) == len(r.x) - 1
    for k, w in enumerate(points, 1):
        np.testing.assert_allclose(r.x[k], w, rtol=rtol, atol=1e-14, err_msg=f"step {k}")


@dataclass(frozen=True)
class Sphere(Problem):
    """½ L ‖x‖² + least, from (3, 4)."""

    L: float = 1.0
    f_star: float = 0.0
    x0 = np.array([3.0, 4.0])
    x_star = np.zeros(2)

    def f(self, x):
        return 0.5 * self.L * (x * x).sum(0) + self.f_star

    def grad(self, x):
        return self.L * x


def adam(beta1, beta2, eps, amsgrad=False, correct=True):
    """From the whole history: m = Σ (1 − β) β^(k−j) g_j, which is what the recursion unrolls to."""
    history = []

    def average(i, beta, power, k):
        return sum((1 - beta) * beta ** (k - j) * g[i] ** power for j, g in enumerate(history[:k], 1))

    def at(g, k):
        history.append(g)
        u = []
        for i in range(2):
            m, v = average(i, beta1, 1, k), average(i, beta2, 2, k)
            if amsgrad:
                v = max(average(i, beta2, 2, j) for j in range(1, k + 1))
            if correct:
                m, v = m / (1 - beta1**k), v / (1 - beta2**k)
            u.append(m / (math.sqrt(v) + eps))
        return u

    return at


def l4(v, steps, a=0.15, gamma=0.9, tau=1000.0, eps=1e-12, time=10.0):
    """On the gradient; the mean gradient is Σ β^(k−j) g_j / Σ β^(k−j) with β = 1 − 1/time, which 0⁰ = 1 allows."""
    w, F, history = v.start, None, []
    for _ in range(steps):
        f, g = v.f(w), v.g(w)
        history.append(g)
        weights = [(1 - 1 / time) ** j for j in range(len(history))]
        mean = [sum(b * h[i] for b, h in zip(weights, reversed(history), strict=True)) / sum(weights) for i in range(2)]
        F = 0.75 * f if F is None else min(F, f)
        alpha = a * (f - gamma * F) / (dot(mean, g) + eps)
        w = minus(w, alpha, g)
        F *= 1 + 1 / tau
        yield w, alpha
