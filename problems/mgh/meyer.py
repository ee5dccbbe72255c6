"""Meyer's function, no. 10."""

import numpy as np

from stepbench import LeastSquares
from stepbench.arrays import exp

T = 45 + 5 * np.arange(1.0, 17.0)[:, None]
Y = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]
Y = np.array(Y, dtype=float)[:, None]


class Meyer(LeastSquares):
    """A thermistor's resistance by its temperature.

    r_i = w₁ exp(w₂ / (t_i + w₃)) − y_i,  with t_i = 45 + 5i,  i = 1, …, 16

    At the minimum the Hessian's condition number is 10¹⁶.
    """

    x0 = (0.02, 4000.0, 250.0)
    # polished by Newton's method; the paper gives f only
    x_star = (0.005609636471028053, 6181.346346286372, 345.2236346241365)
    f_star = 87.94585517085112
    source = "Moré, Garbow & Hillstrom 1981, no. 10; Meyer 1970"

    def residuals(self, w):
        """One per temperature."""
        return w[0] * exp(w[1] / (T + w[2])) - Y

    def jacobian(self, w):
        """Column by column."""
        denominator = T + w[2]
        curve = exp(w[1] / denominator)
        slope = w[0] * curve / denominator
        return np.stack([curve, slope, -w[1] * slope / denominator], axis=1)
