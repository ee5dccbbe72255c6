"""Rosenbrock's valley."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param
from stepbench.arrays import zeros_like


@dataclass(frozen=True)
class Rosenbrock(Problem):
    """A narrow curved valley that falls gently to (1, 1).

    f(w) = Σ_i (a − w_i)² + b (w_{i+1} − w_i²)²; with two parameters and the defaults,
    f(w) = (w₁ − 1)² + 100 (w₂ − w₁²)².
    """

    a: float = param(1.0, "a", "where the minimum lies, at w₁ = a", "[-1000, 1000]")
    b: float = param(100.0, "b", "steepness of the valley's walls", "(0, 1e12]")
    dim: int = param(2, "d", "number of parameters", "[2, 10000]")

    source = "Rosenbrock 1960; the start is that of Yao 2022, §3"

    @property
    def f_star(self):
        """0 where the minimiser is known; otherwise the squares cannot all be 0 at once."""
        return None if self.x_star is None else 0.0

    @property
    def x0(self):
        """(-1, 0), repeated for more parameters."""
        return np.resize([-1.0, 0.0], self.dim)

    @property
    def x_star(self):
        """(a, a²); with more parameters it is known only where all are a, for a = 1 and a = 0."""
        if self.dim == 2:
            return np.array([self.a, self.a**2])
        return np.full(self.dim, self.a) if self.a in (0, 1) else None

    @property
    def view(self):
        """With two parameters, the valley from the start to beyond the minimum."""
        if self.dim != 2:
            return None
        return (min(-1.0, self.a) - 0.6, max(-1.0, self.a) + 0.6), (-0.6, self.a**2 + 0.6)

    def f(self, w):
        """The sum over neighbouring pairs of parameters."""
        along, across = w[:-1] - self.a, w[1:] - w[:-1] * w[:-1]
        return (along * along + self.b * (across * across)).sum(0)

    def grad(self, w):
        """Each pair gives 2(w_i − a) − 4b w_i t to w_i and 2b t to w_{i+1}, where t = w_{i+1} − w_i²."""
        w_i = w[:-1]
        t = w[1:] - w_i * w_i
        g = zeros_like(w)
        g[:-1] = 2.0 * (w_i - self.a) - 4.0 * self.b * w_i * t
        g[1:] += 2.0 * self.b * t
        return g

    def hessian(self, w):
        """Tridiagonal: each pair gives 2 + 12b w_i² − 4b w_{i+1}, −4b w_i and 2b."""
        w_i, H = w[:-1], np.zeros_like(w, shape=(self.dim, *w.shape))
        i = np.arange(self.dim - 1)
        H[i, i] = 2.0 + 12.0 * self.b * w_i * w_i - 4.0 * self.b * w[1:]
        H[i, i + 1] = H[i + 1, i] = -4.0 * self.b * w_i
        H[i + 1, i + 1] += 2.0 * self.b
        return H
