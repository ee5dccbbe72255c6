"""Beale's function, no. 5."""

from stepbench import LeastSquares
from stepbench.arrays import stack


class Beale(LeastSquares):
    """A flat curved valley between steep corners.

    r_i = y_i − w₁ (1 − w₂^i),  i = 1, 2, 3,  with y = (1.5, 2.25, 2.625)

    Along w₂ = 1, f is constant. Just above, a valley falls towards 0.4520 as w₁ goes to −∞.
    """

    x0 = (1.0, 1.0)
    x_star = (3.0, 0.5)
    f_star = 0.0
    view = ((-4.5, 4.5), (-4.5, 4.5))
    source = "Moré, Garbow & Hillstrom 1981, no. 5; Beale 1958"

    def residuals(self, w):
        """Three, for the powers 1, 2 and 3 of w₂."""
        w1, w2 = w
        return stack([1.5 - w1 * (1 - w2), 2.25 - w1 * (1 - w2 * w2), 2.625 - w1 * (1 - w2 * w2 * w2)], w)

    def jacobian(self, w):
        """Row by row."""
        w1, w2 = w
        return stack([[w2 - 1, w1], [w2 * w2 - 1, 2 * w1 * w2], [w2 * w2 * w2 - 1, 3 * w1 * w2 * w2]], w)
