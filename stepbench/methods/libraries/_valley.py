"""Where an optimizer takes its first steps, by which it is seen whether it can run here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stepbench.arrays import PerRun, Points, dot
from stepbench.contracts import Problem


@dataclass(frozen=True)
class Valley(Problem):
    """½ Σ λ w² in three dimensions, and a little of the fourth power."""

    x0 = np.array([-1.0, 1.0, 0.5])
    f_star = 0.0

    def f(self, w: Points) -> PerRun:
        """½ Σ λ w² + Σ w⁴/10, with λ = 1, 2, 8."""
        return dot(w, np.array([0.5, 1.0, 4.0])[:, None] * w) + 0.1 * dot(w * w, w * w)

    def grad(self, w: Points) -> Points:
        """λ w + 2 w³/5."""
        return np.array([1.0, 2.0, 8.0])[:, None] * w + 0.4 * w * w * w
