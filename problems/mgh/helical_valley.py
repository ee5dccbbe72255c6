"""Fletcher and Powell's helical valley, no. 7."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import ratio, stack


class HelicalValley(LeastSquares):
    """A valley that winds up a cylinder like a staircase.

    r = (10 (w₃ − 10 θ), 10 (√(w₁² + w₂²) − 1), w₃), with θ = arctan(w₂/w₁) / 2π where w₁ > 0, and ½ more where w₁ < 0

    θ is the angle around the axis, in turns. It jumps from ¾ to −¼, and f with it, where w₁ = 0 and w₂ < 0; and it is
    undefined on the axis w₁ = w₂ = 0.
    """

    x0 = (-1.0, 0.0, 0.0)
    x_star = (1.0, 0.0, 0.0)
    f_star = 0.0
    smoothness = "C⁻¹"
    source = "Moré, Garbow & Hillstrom 1981, no. 7; Fletcher & Powell 1963"

    def residuals(self, w):
        """Three: from the helix, from the cylinder, and the height."""
        w1, w2, w3 = w
        turns = np.arctan(ratio(w2, w1)) / (2 * np.pi) + np.where(w1.real < 0, 0.5, 0.0)
        # Where w₁ = 0, its limit from the right; to first order in w₁, which the complex step asks for.
        theta = np.where(w1.real == 0, np.sign(w2.real) / 4 - ratio(w1, w2) / (2 * np.pi), turns)
        return stack([10 * (w3 - 10 * theta), 10 * (np.sqrt(w1 * w1 + w2 * w2) - 1), w3], w)

    def jacobian(self, w):
        """Row by row."""
        w1, w2, _ = w
        square = w1 * w1 + w2 * w2
        turn, radius = 2 * np.pi * square, np.sqrt(square)
        return stack(
            [[100 * w2 / turn, -100 * w1 / turn, 10.0], [10 * w1 / radius, 10 * w2 / radius, 0.0], [0.0, 0.0, 1.0]], w
        )
