"""The Brown-Dennis function, no. 16."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class BrownDennis(LeastSquares):
    """Residuals of degree two that are large at the minimum.

    r_i = (w₁ + t_i w₂ − exp(t_i))² + (w₃ + w₄ sin(t_i) − cos(t_i))²,  with t_i = i/5,  i = 1, …, m

    The minimum is known for m = 20.
    """

    m: int = param(20, "m", "number of residuals", "[4, 500]")

    x0 = (25.0, 5.0, -5.0, -1.0)
    source = "Moré, Garbow & Hillstrom 1981, no. 16; Brown & Dennis 1971"

    @property
    def x_star(self):
        """Known with m = 20 only."""
        # polished by Newton's method; the paper gives f only
        known = np.array([-11.594439904762165, 13.203630051207204, -0.40343948817685954, 0.2367787744557363])
        return known if self.m == 20 else None

    @property
    def f_star(self):
        """Known with m = 20 only."""
        return 85822.20162635634 if self.m == 20 else None

    def residuals(self, w):
        """One per time t_i."""
        t = np.arange(1, self.m + 1)[:, None] / 5
        return (w[0] + t * w[1] - np.exp(t)) ** 2 + (w[2] + np.sin(t) * w[3] - np.cos(t)) ** 2

    def jacobian(self, w):
        """Column by column."""
        t = np.arange(1, self.m + 1)[:, None] / 5
        a, b = 2 * (w[0] + t * w[1] - np.exp(t)), 2 * (w[2] + np.sin(t) * w[3] - np.cos(t))
        return np.stack([a, t * a, b, np.sin(t) * b], axis=1)
