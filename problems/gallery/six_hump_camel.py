"""The six-hump camel."""

import numpy as np

from stepbench import Problem


class SixHumpCamel(Problem):
    """Six basins in three pairs; only one pair is deepest.

    f(w) = (4 − 2.1w₁² + w₁⁴/3) w₁² + w₁w₂ + (4w₂² − 4) w₂²
    """

    x0 = (-1.4, -1.2)
    x_star = ((0.089842013100318062, -0.089842013100318062), (-0.71265640302073963, 0.71265640302073963))
    f_star = -1.0316284534898774
    local_minima = (-0.21546382438371764, 2.1042503103112583)  # at ±(1.7036, −0.7961) and ±(1.6071, 0.5687)
    view = ((-2.2, 2.2), (-1.4, 1.4))
    source = "Branin 1972; Dixon & Szegő, Towards global optimisation 2, 1978"

    def f(self, w):
        """Three basins along w₁, two along w₂, and a product that tilts them."""
        w1, w2 = w
        q, p = w1 * w1, w2 * w2
        return q * (4 - q * (2.1 - q / 3)) + w1 * w2 + 4 * p * (p - 1)

    def grad(self, w):
        """Odd in w, as f is even."""
        w1, w2 = w
        q, p = w1 * w1, w2 * w2
        return np.stack([w1 * (8 - q * (8.4 - 2 * q)) + w2, w1 + 8 * w2 * (2 * p - 1)])
