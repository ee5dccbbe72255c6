"""The penalty function II, no. 24."""

from dataclasses import dataclass

import numpy as np

from stepbench import LeastSquares, param

A = 1e-5

# By n, polished by Newton's method; the paper gives f only.
F_STAR = {4: 9.3762930073554415e-06, 10: 2.9366053745674594e-04}
X_STAR = {
    4: (0.1999993333503804, 0.19131670099277245, 0.48010148533262315, 0.5188454043902005),
    10: (0.1999836051978236, 0.010350648471292297, 0.019604934480438402, 0.03208906722068565, 0.049932677399641294,
         0.07651399515399361, 0.11862407286950417, 0.19214487233557667, 0.34732058694184365, 0.3691643741593508),
}  # fmt: skip


@dataclass(frozen=True)
class Penalty2(LeastSquares):
    """Weak exponential residuals under a stiff penalty.

    r_1 = w_1 − 0.2;  r_{2n} = Σ_j (n − j + 1) w_j² − 1;
    r_i = √a (exp(w_i/10) + exp(w_{i−1}/10) − exp(i/10) − exp((i−1)/10)) for 2 ≤ i ≤ n;
    r_i = √a (exp(w_{i−n+1}/10) − exp(−1/10)) for n < i < 2n;  with a = 10⁻⁵
    """

    dim: int = param(10, "n", "number of parameters", "[2, 1000]")

    source = "Moré, Garbow & Hillstrom 1981, no. 24; Gill, Murray & Pitfield 1972"

    @property
    def x0(self):
        """(1/2, …, 1/2)."""
        return np.full(self.dim, 0.5)

    @property
    def x_star(self):
        """Known for n = 4 and n = 10."""
        return np.array(X_STAR[self.dim]) if self.dim in X_STAR else None

    @property
    def f_star(self):
        """Known for n = 4 and n = 10."""
        return F_STAR.get(self.dim)

    def residuals(self, w):
        """2n of them: a pull, n − 1 sums of two exponentials, n − 1 single exponentials, and the penalty."""
        n = self.dim
        e, y = np.exp(w / 10), np.exp(np.arange(1, n + 1) / 10)[:, None]
        r = np.empty_like(w, shape=(2 * n, w.shape[1]))
        r[0] = w[0] - 0.2
        r[1:n] = np.sqrt(A) * (e[1:] + e[:-1] - (y[1:] + y[:-1]))
        r[n:-1] = np.sqrt(A) * (e[1:] - np.exp(-0.1))
        r[-1] = (np.arange(n, 0, -1)[:, None] * w * w).sum(0) - 1
        return r

    def jacobian(self, w):
        """Three diagonals, and the row of the penalty."""
        n = self.dim
        J = np.zeros_like(w, shape=(2 * n, *w.shape))
        i, e = np.arange(1, n), np.sqrt(A) * np.exp(w / 10) / 10
        J[0, 0] = 1.0
        J[i, i], J[i, i - 1], J[n - 1 + i, i] = e[1:], e[:-1], e[1:]
        J[-1] = 2 * np.arange(n, 0, -1)[:, None] * w
        return J
