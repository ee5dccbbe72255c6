"""The saddle."""

import numpy as np

from stepbench import Problem


class Saddle(Problem):
    """From near the ridge, gradient descent escapes slowly.

    f(w) = w₁² − w₂²

    Per step w₁ falls by the factor 1 − 2α and w₂ grows by 1 + 2α: from w₂ = 0.001 it takes 7/(2α) steps to leave, and
    from w₂ = 0 gradient descent ends in the saddle. There is no least value.
    """

    x0 = (-1.5, 0.001)
    L = 2.0
    view = ((-2.0, 2.0), (-2.0, 2.0))
    source = "Nesterov, Introductory lectures on convex optimization, 2004, example 1.2.2, with the quartic left out"

    def f(self, w):
        """Up along w₁, down along w₂."""
        w1, w2 = w
        return w1 * w1 - w2 * w2

    def grad(self, w):
        """Linear."""
        return np.stack([2 * w[0], -2 * w[1]])
