"""Watson's function, no. 20."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param
from stepbench.arrays import contract

# polished by Newton's method; the paper gives f only
MINIMA = {
    6: (
        0.0022876700535524362,
        *(-0.015725086401458456, 1.0124348693691099, -0.2329916259567377, 1.2604300877996084),
        *(-1.5137289227222797, 0.9929964324311346),
    ),
    9: (
        1.399760138099020e-06,
        *(-1.5307036521394342e-05, 0.9997897039319483, 0.014763963693556958, 0.14634232829936222),
        *(1.0008211030047092, -2.617731140519015, 4.104403164478857, -3.1436122785564424, 1.0526264080101668),
    ),
    12: (
        4.722381105891757e-10,
        *(-6.638060464520687e-09, 1.000001644117862, -0.0005639322103423058, 0.34782054050404243),
        *(-0.15673150409616513, 1.0528151772071777, -3.2472711534596677, 7.288434897938061),
        *(-10.271848241321724, 9.074113647075317, -4.541375466692512, 1.0120118885528104),
    ),
}
"""f* and x* by the number of parameters."""


@dataclass(frozen=True)
class Watson(LeastSquares):
    """A polynomial that solves y′ = 1 + y², ill-conditioned.

    r_i = Σ_{j≥2} (j − 1) w_j t_i^{j−2} − (Σ_j w_j t_i^{j−1})² − 1,  with t_i = i/29,  i = 1, …, 29;
    r₃₀ = w₁,  r₃₁ = w₂ − w₁² − 1

    w holds the coefficients of y, from the constant upwards. The minimum is known for 6, 9 and 12 of them.
    """

    dim: int = param(6, "n", "number of parameters", "[2, 31]")

    source = "Moré, Garbow & Hillstrom 1981, no. 20; Kowalik & Osborne 1968"

    @property
    def x0(self):
        """All zeros."""
        return np.zeros(self.dim)

    @property
    def x_star(self):
        """Known with 6, 9 or 12 parameters only."""
        return np.array(MINIMA[self.dim][1:]) if self.dim in MINIMA else None

    @property
    def f_star(self):
        """Known with 6, 9 or 12 parameters only."""
        return MINIMA[self.dim][0] if self.dim in MINIMA else None

    @cached_property
    def powers(self):
        """The slopes (j − 1) t_i^{j−2} and the powers t_i^{j−1}, (29, n) each."""
        t, j = np.arange(1, 30)[:, None] / 29, np.arange(self.dim)
        return j * t ** (j - 1), t**j

    def residuals(self, w):
        """The differential equation at 29 points, and its start."""
        slopes, powers = self.powers
        y = contract("nd,dr->nr", powers, w)
        return np.concatenate([contract("nd,dr->nr", slopes, w) - y * y - 1, w[:1], w[1:2] - w[:1] * w[:1] - 1])

    def jacobian(self, w):
        """The rows of the equation, and two for its start."""
        slopes, powers = self.powers
        J = np.zeros_like(w, shape=(31, *w.shape))
        J[:29] = slopes[:, :, None] - 2 * powers[:, :, None] * contract("nd,dr->nr", powers, w)[:, None]
        J[29, 0], J[30, 0], J[30, 1] = 1.0, -2 * w[0], 1.0
        return J
