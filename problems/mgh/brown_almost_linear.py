"""Brown's almost-linear function, no. 27."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import LeastSquares, param


@dataclass(frozen=True)
class BrownAlmostLinear(LeastSquares):
    """Linear equations, and one product of all parameters.

    r_i = w_i + Σ_j w_j − (n + 1) for i < n,  r_n = Π_j w_j − 1

    The roots are (α, …, α, n + 1 − n α) where α = 1 or n αⁿ − (n + 1) αⁿ⁻¹ + 1 = 0. The paper also gives f = 1 at
    (0, …, 0, n + 1); that is no minimum, since f falls from there towards (c, …, c, n + 1 − n c).
    """

    dim: int = param(10, "n", "number of parameters", "[2, 1000]")

    f_star = 0.0
    source = "Moré, Garbow & Hillstrom 1981, no. 27; Brown 1969"

    @property
    def x0(self):
        """(1/2, …, 1/2)."""
        return np.full(self.dim, 0.5)

    @cached_property
    def x_star(self):
        """Two roots, and a third where n is odd."""
        from scipy.optimize import brentq

        n = self.dim

        def p(alpha):
            return (n * alpha - (n + 1)) * alpha ** (n - 1) + 1

        alphas = [1.0, brentq(p, 0, 1 - 1 / n**2, xtol=1e-15)]
        if n % 2:
            alphas.append(brentq(p, -1, 0, xtol=1e-15))
        roots = np.resize(alphas, (n, len(alphas)))
        roots[-1] = n + 1 - n * roots[-1]
        return roots

    def residuals(self, w):
        """All but the last are linear."""
        r = w + w.sum(0) - (self.dim + 1)
        r[-1] = w.prod(0) - 1
        return r

    def jacobian(self, w):
        """Constant rows, and the products of all parameters but one."""
        i = np.arange(self.dim)
        J = np.ones_like(w, shape=(self.dim, *w.shape))
        J[i, i] += 1
        J[-1] = 1.0
        J[-1, 1:] *= np.cumprod(w, axis=0)[:-1]
        J[-1, :-1] *= np.cumprod(w[::-1], axis=0)[-2::-1]
        return J
