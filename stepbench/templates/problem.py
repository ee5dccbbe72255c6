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
    source = "made for this file"

    def f(self, x):
        """One value a run: x has a row a parameter and a column a run, so x[0] is w₁ of every run."""
        return x[0] * x[0] + self.kappa * x[1] * x[1]

    # Leave this out, and the gradient is derived from f.
    def grad(self, x):
        """The gradient, in the shape of x."""
        return np.stack([2 * x[0], 2 * self.kappa * x[1]])
