"""A sharp and a flat minimum."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class SharpAndFlat(Problem):
    """Two equal minima: the step size decides which will do.

    f(w) = a b/√(a² + b²), where a = ½κ‖w − (−1, 0)‖² and b = ½‖w − (1, 0)‖²

    The Hessian is κ at the one minimum and 1 at the other, times the identity: gradient descent with a step above
    2/κ cannot settle in the first, and with 4/κ it leaves it for the second.
    """

    kappa: float = param(20.0, "κ", "curvature of the sharp minimum", "(1, 1e6]")

    x0 = (-1.6, 0.9)
    x_star = ((-1.0, 1.0), (0.0, 0.0))
    f_star = 0.0
    view = ((-2.2, 2.6), (-1.8, 1.8))
    source = "made for this gallery, after Hochreiter & Schmidhuber, Flat minima, 1997"

    def f(self, w):
        """Two bowls joined so that each keeps its minimum: close to the lower of the two."""
        a, b = self._bowls(w)
        return a * b / np.sqrt(a * a + b * b)

    def grad(self, w):
        """Each bowl's gradient, κ (w₁ + 1, w₂) and (w₁ − 1, w₂), times (f/a)³ and (f/b)³."""
        a, b = self._bowls(w)
        root = np.sqrt(a * a + b * b)
        p, q = b / root, a / root
        sharp, flat = self.kappa * p * p * p, q * q * q
        return np.stack([sharp * (w[0] + 1) + flat * (w[0] - 1), (sharp + flat) * w[1]])

    def _bowls(self, w):
        left, right, up = w[0] + 1, w[0] - 1, w[1] * w[1]
        return 0.5 * self.kappa * (left * left + up), 0.5 * (right * right + up)
