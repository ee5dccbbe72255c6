"""A plateau around a bowl."""

import numpy as np

from stepbench import Problem


class Plateau(Problem):
    """The gradient fades with the distance from the bowl.

    f(w) = 1 − exp(−½‖w‖²)

    The Hessian's eigenvalues, (1 − ‖w‖²) exp(−½‖w‖²) and exp(−½‖w‖²), lie between −2 exp(−3/2) and 1.
    """

    x0 = (-2.6, 1.4)
    x_star = (0.0, 0.0)
    f_star = 0.0
    L = 1.0
    view = ((-4.0, 4.0), (-4.0, 4.0))
    source = "the loss of Dennis & Welsch, Techniques for nonlinear least squares and robust regression, 1978"

    def f(self, w):
        """A bell upside down."""
        return -np.expm1(-0.5 * (w * w).sum(0))

    def grad(self, w):
        """w times the bell."""
        return w * np.exp(-0.5 * (w * w).sum(0))
