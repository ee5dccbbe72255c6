"""Brown's badly scaled function, no. 4."""

from stepbench import LeastSquares
from stepbench.arrays import stack


class BrownBadlyScaled(LeastSquares):
    """One parameter ends at a million, one near zero.

    r = (w₁ − 10⁶, w₂ − 2·10⁻⁶, w₁ w₂ − 2)
    """

    x0 = (1.0, 1.0)
    x_star = (1e6, 2e-6)
    f_star = 0.0
    view = ((-2e5, 1.2e6), (-0.4, 1.2))
    source = "Moré, Garbow & Hillstrom 1981, no. 4; Brown, unpublished"

    def residuals(self, w):
        """Three: the two ends, and the product."""
        w1, w2 = w
        return stack([w1 - 1e6, w2 - 2e-6, w1 * w2 - 2], w)

    def jacobian(self, w):
        """Row by row."""
        w1, w2 = w
        return stack([[1.0, 0.0], [0.0, 1.0], [w2, w1]], w)
