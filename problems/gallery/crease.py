"""Nesterov's nonsmooth Chebyshev-Rosenbrock function."""

import numpy as np

from stepbench import Problem


class Crease(Problem):
    """Rosenbrock's valley with a kink along its floor.

    f(w) = ¼ (w₁ − 1)² + |w₂ − 2w₁² + 1|

    The floor is the parabola of Chebyshev's polynomial T₂. A step that lands beside it is thrown across: only very
    short steps advance. At the kink the gradient takes the sign as 0, which is a subgradient.
    """

    smoothness = "C⁰"
    x0 = (-1.0, 1.0)
    x_star = (1.0, 1.0)
    f_star = 0.0
    view = ((-1.6, 1.6), (-1.4, 1.8))
    source = "Gürbüzbalaban & Overton, On Nesterov's nonsmooth Chebyshev-Rosenbrock functions, 2012"

    def f(self, w):
        """A slope along the floor, and a roof upside down across it."""
        w1, w2 = w
        return 0.25 * (w1 - 1) * (w1 - 1) + np.abs(w2 - 2 * w1 * w1 + 1)

    def grad(self, w):
        """The absolute value contributes its sign."""
        w1, w2 = w
        side = np.sign(w2 - 2 * w1 * w1 + 1)
        return np.stack([0.5 * (w1 - 1) - 4 * w1 * side, side])
