"""The Gulf Research and Development function, no. 11."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param
from stepbench.arrays import exp, log, power, ratio


@dataclass(frozen=True)
class Gulf(LeastSquares):
    """A Weibull curve fitted to its own values; kinked.

    r_i = exp(−|y_i − w₂|^w₃ / w₁) − t_i,  with t_i = i/100 and y_i = 25 + (−50 ln t_i)^⅔,  i = 1, …, m

    Where w₂ is one of the y_i, the absolute value leaves a kink, or a cusp if w₃ < 1, as at the start.
    """

    m: int = param(99, "m", "number of residuals", "[3, 100]")

    x0 = (5.0, 2.5, 0.15)
    x_star = (50.0, 25.0, 1.5)
    f_star = 0.0
    smoothness = "C⁰"
    source = "Moré, Garbow & Hillstrom 1981, no. 11; Cox 1969"

    @cached_property
    def data(self):
        """The t_i and the y_i, as columns."""
        t = np.arange(1, self.m + 1)[:, None] / 100
        return t, 25 + (-50 * np.log(t)) ** (2 / 3)

    def residuals(self, w):
        """One per point of the curve."""
        t, y = self.data
        apart = np.where(y > w[1].real, y - w[1], w[1] - y)
        return exp(-power(apart, w[2]) / w[0]) - t

    def jacobian(self, w):
        """Column by column; at a kink the derivative with respect to w₂ is taken as 0."""
        _, y = self.data
        w1, w2, w3 = w
        apart = np.where(y > w2.real, y - w2, w2 - y)
        rise = power(apart, w3) / w1
        fall = rise * exp(-rise)
        logarithm = log(np.where(apart == 0, 1.0, apart))  # 0^w₃ ln 0 is 0
        return np.stack([fall / w1, -w3 * ratio(fall, w2 - y), -fall * logarithm], axis=1)
