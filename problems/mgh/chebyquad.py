"""The Chebyquad function, no. 35."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench import InputError, LeastSquares, param

# By n, polished by Newton's method; the paper gives f only. For n = 10 it gives another minimum: see local_minima.
F_STAR = {8: 3.5168737256779317e-03, 10: 4.7727136963753490e-03}
X_STAR = {
    8: (0.04315276015101663, 0.1930908403841861, 0.26632870689027294, 0.5,
        0.5, 0.7336712931097271, 0.8069091596158139, 0.9568472398489833),
    10: (0.07474816621460248, 0.17151817694809265, 0.286434152584, 0.3596464506289341, 0.47075052286659347,
         0.616738335038745, 0.616738335038745, 0.7998108015386138, 0.8448546422409267, 0.9670066269819255),
}  # fmt: skip


@dataclass(frozen=True)
class Chebyquad(LeastSquares):
    """Equal-weight nodes that integrate Chebyshev polynomials.

    r_i = (1/n) Σ_j T_i(w_j) − ∫₀¹ T_i(t) dt,  with T_i the Chebyshev polynomial of degree i, moved to [0, 1];
    the integral is 0 for odd i and −1/(i² − 1) for even i
    """

    dim: int = param(8, "n", "number of parameters: the nodes", "[1, 1000]")
    m: int | None = param(None, "m", "number of residuals, n or more; none for n", "[1, 1000]")

    source = "Moré, Garbow & Hillstrom 1981, no. 35; Fletcher 1965"

    def __post_init__(self):
        super().__post_init__()
        if self.degree < self.dim:
            raise InputError(f"{self.name}: m={self.m} must be at least dim={self.dim}")

    @property
    def degree(self):
        """The highest degree, m."""
        return self.m or self.dim

    @property
    def x0(self):
        """j / (n + 1)."""
        return np.arange(1, self.dim + 1) / (self.dim + 1)

    @property
    def exact(self):
        """Whether n nodes can satisfy all equations: m = n, and n is neither 8 nor above 9."""
        return self.degree == self.dim and self.dim in (1, 2, 3, 4, 5, 6, 7, 9)

    @property
    def f_star(self):
        """Known for m = n up to 10; at n = 10 CUTEst gives this one, below the paper's."""
        return 0.0 if self.exact else F_STAR.get(self.dim) if self.degree == self.dim else None

    @property
    def local_minima(self):
        """The minimum that the paper gives for n = 10."""
        return (6.5039548008823061e-03,) if self.degree == self.dim == 10 else ()

    @cached_property
    def x_star(self):
        """The nodes in ascending order; every permutation of them is another minimiser."""
        if self.exact:
            from scipy.optimize import root

            return root(lambda w: self.residuals(w[:, None])[:, 0], self.x0, method="lm", tol=1e-15).x
        if self.f_star is None:
            return None
        nodes = np.array(X_STAR[self.dim])
        return nodes if self.dim == 8 else np.stack([nodes, 1 - nodes[::-1]], axis=1)

    def residuals(self, w):
        """One per polynomial."""
        i = np.arange(2, self.degree + 1, 2)[:, None]
        r = np.stack([T.sum(0) / self.dim for T in self.chebyshev(2 * w - 1, 2 * w - 1)[1:]])
        r[1::2] += 1 / (i * i - 1)
        return r

    def jacobian(self, w):
        """T_i′ = 2 i U_{i−1}, of the second kind; the 2 is that of 2w − 1."""
        U = self.chebyshev(2 * w - 1, 2 * (2 * w - 1))
        return np.stack([2 * i * U[i - 1] / self.dim for i in range(1, self.degree + 1)])

    def chebyshev(self, y, first):
        """P_0 = 1, P_1 = first and P_{i+1} = 2 y P_i − P_{i−1}, up to P_m."""
        P = [np.ones_like(y), first]
        for _ in range(1, self.degree):
            P.append(2 * y * P[-1] - P[-2])
        return P
