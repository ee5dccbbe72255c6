"""The three-hump camel."""

import numpy as np

from stepbench import Problem


class ThreeHumpCamel(Problem):
    """The deepest of three basins, between two traps.

    f(w) = 2w₁² − 1.05w₁⁴ + w₁⁶/6 + w₁w₂ + w₂²
    """

    x0 = (-2.0, -2.0)
    x_star = (0.0, 0.0)
    f_star = 0.0
    local_minima = (0.29863844223685982,)  # at ±(1.7476, −0.8738), where w₁⁴ − 4.2w₁² + 3.5 = 0
    view = ((-2.4, 2.4), (-2.4, 2.4))
    source = "Branin 1972; Dixon & Szegő, Towards global optimisation, 1975"

    def f(self, w):
        """A polynomial of degree six along w₁, in a bowl along w₂."""
        w1, w2 = w
        q = w1 * w1
        return q * (2 - q * (1.05 - q / 6)) + w1 * w2 + w2 * w2

    def grad(self, w):
        """Odd in w, as f is even."""
        w1, w2 = w
        q = w1 * w1
        return np.stack([w1 * (4 - q * (4.2 - q)) + w2, w1 + 2 * w2])
