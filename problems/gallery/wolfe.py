"""Wolfe's kinked function."""

import numpy as np

from stepbench import Problem


class Wolfe(Problem):
    """Steepest descent stops at a kink, far from the minimum.

    f(w) = 5 √(9w₁² + 16w₂²) for w₁ ≥ |w₂|, 9w₁ + 16|w₂| for 0 < w₁ < |w₂|, and 9w₁ + 16|w₂| − w₁⁹ for w₁ ≤ 0

    From the start, steepest descent with exact line searches zigzags to the origin, where f falls along −w₁. f is
    convex. On the kink, w₂ = 0, the gradient is taken as the mean of those on both sides.
    """

    smoothness = "C⁰"
    x0 = (5.0, 4.0)
    x_star = (-1.0, 0.0)
    f_star = -8.0
    view = ((-2.0, 6.0), (-4.5, 4.5))
    source = "Wolfe, A method of conjugate subgradients for minimizing nondifferentiable functions, 1975"

    def f(self, w):
        """A cone in front, a roof behind, and at the roof's far end a wall of degree nine."""
        w1, w2 = w
        up = np.sign(w2.real) * w2
        roof = 9 * w1 + 16 * up - np.where(w1.real < 0, w1, 0) ** 9
        return np.where(w1.real >= up.real, 5 * np.sqrt(9 * w1 * w1 + 16 * w2 * w2), roof)

    def grad(self, w):
        """The gradients of the three pieces; at the origin that of the roof."""
        w1, w2 = w
        side = np.sign(w2.real)
        cone = (w1.real >= side * w2.real) & (w1.real > 0)
        root = np.sqrt(np.where(cone, 9 * w1 * w1 + 16 * w2 * w2, 1))
        g1 = np.where(cone, 45 * w1 / root, 9 - 9 * np.where(w1.real < 0, w1, 0) ** 8)
        return np.stack([g1, np.where(cone, 80 * w2 / root, 16 * side)])
