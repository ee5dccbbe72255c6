"""A bowl with a flat bottom."""

import numpy as np

from stepbench import Problem


class FlatBottom(Problem):
    """A quartic floor: the error falls like 1/k², not faster.

    f(w) = ½ w₁² + ¼ w₂⁴

    Along w₁ gradient descent gains a constant factor per step. Along w₂ it
    follows w₂' = −w₂³, and after k steps w₂ is about 1/√(2αk).
    """

    x0 = (-1.5, 1.5)
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-2.0, 2.0), (-2.0, 2.0))
    source = "made for this gallery"

    def f(self, w):
        """A parabola and a quartic."""
        p, q = w * w
        return 0.5 * p + 0.25 * q * q

    def grad(self, w):
        """Each component depends on its own parameter alone."""
        return np.stack([w[0], w[1] * w[1] * w[1]])
