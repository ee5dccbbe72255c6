"""A bowl with a flat bottom."""

import numpy as np

from stepbench import Problem


class FlatBottom(Problem):
    """A quartic floor: the error falls like 1/k², not faster.

    f(w) = ½ w₁² + ¼ w₂⁴

    Along w₁ gradient descent gains a constant factor a step. Along w₂ it solves w' = −w³: w falls like 1/√(2αk).
    """

    x0 = (-1.5, 1.5)
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-2.0, 2.0), (-2.0, 2.0))
    source = "made for this gallery"

    def f(self, x):
        """A parabola and a quartic."""
        p, q = x * x
        return 0.5 * p + 0.25 * q * q

    def grad(self, x):
        """Each parameter has its own."""
        return np.stack([x[0], x[1] * x[1] * x[1]])
