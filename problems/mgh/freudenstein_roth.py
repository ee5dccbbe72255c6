"""The Freudenstein-Roth function, no. 2."""

from stepbench import LeastSquares
from stepbench.arrays import stack


class FreudensteinRoth(LeastSquares):
    """A root, and a local minimum where most methods end.

    r = (−13 + w₁ + ((5 − w₂) w₂ − 2) w₂, −29 + w₁ + ((w₂ + 1) w₂ − 14) w₂)

    The root is (5, 4). The local minimum lies at ((53 − 4√22)/3, (2 − √22)/3), about (11.41, −0.8968).
    """

    x0 = (0.5, -2.0)
    x_star = (5.0, 4.0)
    f_star = 0.0
    local_minima = (48.98425367924002,)  # polished by Newton's method; the paper gives 48.9842
    view = ((-3.0, 15.0), (-3.5, 5.5))
    source = "Moré, Garbow & Hillstrom 1981, no. 2; Freudenstein & Roth 1963"

    def residuals(self, w):
        """Two cubics in w₂."""
        w1, w2 = w
        return stack([-13 + w1 + ((5 - w2) * w2 - 2) * w2, -29 + w1 + ((w2 + 1) * w2 - 14) * w2], w)

    def jacobian(self, w):
        """Row by row."""
        w2 = w[1]
        return stack([[1.0, (10 - 3 * w2) * w2 - 2], [1.0, (3 * w2 + 2) * w2 - 14]], w)
