"""The smallest deep network."""

import numpy as np

from stepbench import Problem


class TwoWeights(Problem):
    """A network of two weights, whose minima are a curve.

    f(w) = ½ (w₁ w₂ − 1)²

    Two linear layers of one unit each, w₁ and w₂, learn to give back their input. Every point of the hyperbola
    w₁ w₂ = 1 is a minimum, with curvature w₁² + w₂² across it: 2 at (1, 1), and more the further the two weights
    differ. Gradient descent can rest only where the curvature is at most 2/α.
    """

    x0 = (3.0, 0.2)
    f_star = 0.0
    view = ((-0.2, 3.6), (-0.6, 2.25))
    source = "the scalar factorization of Wang, Chen, Zhao & Tao, Large learning rate tames homogeneity, 2022"

    def f(self, w):
        """Half the square of the residual w₁ w₂ − 1."""
        r = w[0] * w[1] - 1
        return 0.5 * r * r

    def grad(self, w):
        """The residual times the other weight."""
        r = w[0] * w[1] - 1
        return np.stack([r * w[1], r * w[0]])

    def hessian(self, w):
        """w₂², w₁² and 2 w₁ w₂ − 1."""
        across = 2 * w[0] * w[1] - 1
        return np.array([[w[1] * w[1], across], [across, w[0] * w[0]]])
