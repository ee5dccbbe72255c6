"""Branin's function."""

import numpy as np

from stepbench import Problem

CURVE, SLOPE, DAMPED = 5.1 / (4 * np.pi**2), 5 / np.pi, 10 * (1 - 1 / (8 * np.pi))


class Branin(Problem):
    """Three equal minima in one long bent valley.

    f(w) = (w₂ − 5.1w₁²/4π² + 5w₁/π − 6)² + 10 (1 − 1/8π) cos w₁ + 10

    The valley goes on outside the window, with a minimum wherever w₁ is an odd multiple of π.
    """

    x0 = (2.0, 12.0)
    x_star = ((-np.pi, np.pi, 3 * np.pi), (12.275, 2.275, 2.475))
    f_star = 0.39788735772973834  # 10/8π
    view = ((-5.0, 10.0), (-1.0, 15.0))
    source = "Branin, Widely convergent method for finding multiple solutions of simultaneous nonlinear equations, 1972"

    def f(self, w):
        """A parabola for a valley, and along it a cosine, written as 1 + cos w₁ = 2 cos² ½w₁, which rounds to 0."""
        w1, w2 = w
        t = w2 - CURVE * w1 * w1 + SLOPE * w1 - 6
        wave = np.cos(0.5 * w1)
        return t * t + 2 * DAMPED * wave * wave + self.f_star

    def grad(self, w):
        """The square gives 2t times the derivative of t."""
        w1, w2 = w
        t = w2 - CURVE * w1 * w1 + SLOPE * w1 - 6
        return np.stack([2 * t * (SLOPE - 2 * CURVE * w1) - DAMPED * np.sin(w1), 2 * t])
