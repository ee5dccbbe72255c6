"""Rosenbrock's function as published, no. 1."""

from stepbench import LeastSquares
from stepbench.arrays import stack


class Rosenbrock(LeastSquares):
    """Rosenbrock's curved valley, from the published start.

    r = (10 (w₂ − w₁²), 1 − w₁)
    """

    x0 = (-1.2, 1.0)
    x_star = (1.0, 1.0)
    f_star = 0.0
    view = ((-1.8, 1.8), (-0.8, 1.8))
    source = "Moré, Garbow & Hillstrom 1981, no. 1; Rosenbrock 1960"

    def residuals(self, w):
        """Two: across the valley, and along it."""
        w1, w2 = w
        return stack([10 * (w2 - w1 * w1), 1 - w1], w)

    def jacobian(self, w):
        """Row by row."""
        return stack([[-20 * w[0], 10.0], [-1.0, 0.0]], w)
