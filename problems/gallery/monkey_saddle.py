"""The monkey saddle."""

import numpy as np

from stepbench import Problem


class MonkeySaddle(Problem):
    """Three slopes leave a point that is flat to second order.

    f(w) = w₁³ − 3 w₁ w₂²

    A saddle for two legs and a tail. The Hessian vanishes at the origin, so that no second-order test tells it from a
    minimum. There is no least value.
    """

    x0 = (1.0, 0.03)
    view = ((-1.5, 1.5), (-1.5, 1.5))
    source = "Hilbert & Cohn-Vossen, Anschauliche Geometrie, 1932"

    def f(self, w):
        """The real part of (w₁ + i w₂)³."""
        w1, w2 = w
        return w1 * (w1 * w1 - 3 * w2 * w2)

    def grad(self, w):
        """Quadratic."""
        w1, w2 = w
        return np.stack([3 * (w1 * w1 - w2 * w2), -6 * w1 * w2])
