"""A valley with a kinked floor."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class AbsoluteValley(Problem):
    """A kinked valley: a constant step never settles in it.

    f(w) = |w₁| + κ|w₂|

    The gradient's length does not fall towards the minimum, so that a step of α κ jumps over the floor for ever. At
    a kink the slope is taken as 0, which is a subgradient.
    """

    kappa: float = param(4.0, "κ", "how much steeper it is across", "[1, 1e6]")

    smoothness = "C⁰"
    x0 = (-1.8, 1.1)
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-2.2, 2.2), (-1.6, 1.6))
    source = "after Shor, Minimization methods for non-differentiable functions, 1985"

    def f(self, w):
        """A roof upside down."""
        return np.abs(w[0]) + self.kappa * np.abs(w[1])

    def grad(self, w):
        """The signs."""
        return np.stack([np.sign(w[0]), self.kappa * np.sign(w[1])])
