"""The discrete integral equation function, no. 29."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param
from stepbench.arrays import contract


@dataclass(frozen=True)
class DiscreteIntegralEquation(LeastSquares):
    """The problem of no. 28 as an integral equation.

    r_i = w_i + ½ h ((1 − t_i) Σ_{j≤i} t_j (w_j + t_j + 1)³ + t_i Σ_{j>i} (1 − t_j) (w_j + t_j + 1)³),
    with h = 1/(n+1) and t_i = i h
    """

    dim: int = param(10, "n", "number of parameters", "[1, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 29; Moré & Cosnard 1979"

    @property
    def t(self):
        """The nodes between 0 and 1, (n, 1)."""
        return np.arange(1, self.dim + 1)[:, None] / (self.dim + 1)

    @cached_property
    def kernel(self):
        """What multiplies the cubes, (n, n): ½ h (1 − t_i) t_j where j ≤ i, and its mirror image where j > i."""
        t = self.t
        return (1 - np.maximum(t, t.T)) * np.minimum(t, t.T) / (2 * (self.dim + 1))

    @property
    def x0(self):
        """t_i (t_i − 1)."""
        return (self.t * (self.t - 1))[:, 0]

    @cached_property
    def x_star(self):
        """The root that Newton's method finds from the start."""
        return self.root()

    def residuals(self, w):
        """The parameters, and the integral."""
        c = w + self.t + 1
        return w + contract("ij,jr->ir", self.kernel, c * c * c)

    def jacobian(self, w):
        """The identity, and the kernel."""
        i, c = np.arange(self.dim), w + self.t + 1
        J = self.kernel[:, :, None] * (3 * c * c)
        J[i, i] += 1
        return J
