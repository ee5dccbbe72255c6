"""A problem. Draw a run on it: stepbench run ./FILE.py --method adam --plot FILE.png."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class Name(Problem):
    """A bowl that is steeper along one axis.

    f(w) = w₁² + κ w₂²
    """

    # A field is an option: ./FILE.py:kappa=30. It has a default, a symbol, a meaning and bounds.
    kappa: float = param(10.0, "κ", "steepness along w₂", "[1, 1e6]")

    x0 = (-1.0, 2.0)  # where a run starts

    # What is known of it; leave out what is not.
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-2.5, 2.5), (-2.5, 2.5))  # the window to draw: left and right, bottom and top
    # Where f is defined only between bounds: domain = ((0.0, math.inf), (-1.0, 1.0)), a pair for each parameter.
    source = "made for this file"

    def f(self, w):
        """One value per run. w has a row per parameter and a column per run, so w[0] is w₁ of every run.

        Sums over parameters need axis=0. With one_point_at_a_time = True in the class, w is a vector, and f a float.
        """
        return w[0] * w[0] + self.kappa * w[1] * w[1]

    # Leave this out, and the gradient is derived from f.
    def grad(self, w):
        """The gradient, in the shape of w."""
        return np.stack([2 * w[0], 2 * self.kappa * w[1]])
