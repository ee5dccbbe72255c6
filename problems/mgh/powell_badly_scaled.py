"""Powell's badly scaled function, no. 3."""

from stepbench import LeastSquares
from stepbench.arrays import exp, stack


class PowellBadlyScaled(LeastSquares):
    """Parameters a million apart in size at the minimum.

    r = (10⁴ w₁ w₂ − 1, exp(−w₁) + exp(−w₂) − 1.0001)

    f is symmetric in its parameters, so that it has two minima.
    """

    x0 = (0.0, 1.0)
    # polished by Newton's method; the paper gives (1.098e-5, 9.106) only
    x_star = ((1.0981593296998175e-05, 9.106146739866524), (9.106146739866524, 1.0981593296998175e-05))
    f_star = 0.0
    view = ((-5e-5, 2e-4), (0.0, 10.0))
    source = "Moré, Garbow & Hillstrom 1981, no. 3; Powell 1970"

    def residuals(self, w):
        """Two: a hyperbola, and a sum of exponentials."""
        w1, w2 = w
        return stack([1e4 * w1 * w2 - 1, exp(-w1) + exp(-w2) - 1.0001], w)

    def jacobian(self, w):
        """Row by row."""
        w1, w2 = w
        return stack([[1e4 * w2, 1e4 * w1], [-exp(-w1), -exp(-w2)]], w)
