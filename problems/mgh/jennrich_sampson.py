"""The Jennrich-Sampson function, no. 6."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param
from stepbench.arrays import exp


@dataclass(frozen=True)
class JennrichSampson(LeastSquares):
    """Two equal exponentials that cannot fit a line.

    r_i = 2 + 2i − (exp(i w₁) + exp(i w₂)),  i = 1, …, m

    The minimum, with w₁ = w₂, is known for m = 10.
    """

    m: int = param(10, "m", "number of residuals", "[2, 500]")

    x0 = (0.3, 0.4)
    view = ((-0.2, 0.45), (-0.2, 0.45))
    source = "Moré, Garbow & Hillstrom 1981, no. 6; Jennrich & Sampson 1968"

    @property
    def x_star(self):
        """Both parameters are equal; known with m = 10 only."""
        # polished by Newton's method; the paper gives (0.2578, 0.2578) only
        return np.full(2, 0.2578252136703641) if self.m == 10 else None

    @property
    def f_star(self):
        """Known with m = 10 only."""
        return 124.36218235561485 if self.m == 10 else None

    def residuals(self, w):
        """One for every i."""
        i = np.arange(1, self.m + 1)[:, None]
        return 2 + 2 * i - (exp(i * w[0]) + exp(i * w[1]))

    def jacobian(self, w):
        """Column by column."""
        i = np.arange(1, self.m + 1)[:, None]
        return np.stack([-i * exp(i * w[0]), -i * exp(i * w[1])], axis=1)
