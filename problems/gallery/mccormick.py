"""McCormick's function."""

import numpy as np

from stepbench import Problem


class McCormick(Problem):
    """A valley of ever deeper basins, one below the other.

    f(w) = sin(w₁ + w₂) + (w₁ − w₂)² − 1.5w₁ + 2.5w₂ + 1

    Shifting both parameters by −π lowers f by π, so that it has no least value. On the customary domain,
    −1.5 ≤ w₁ ≤ 4 and −3 ≤ w₂ ≤ 4, it is −√3/2 − π/3 at (1/2 − π/3, −1/2 − π/3); the window shows one basin more.
    """

    x0 = (0.0, 3.5)
    local_minima = (-5.0548156085708296, -1.9132229549810364, 1.2283696986087567)
    view = ((-5.5, 4.5), (-6.0, 4.0))
    source = "McCormick, Computability of global solutions to factorable nonconvex programs, 1976; Adorio, MVF, 2005"

    def f(self, w):
        """A sine along the valley, a parabola across it, and a slope."""
        w1, w2 = w
        return np.sin(w1 + w2) + (w1 - w2) * (w1 - w2) - 1.5 * w1 + 2.5 * w2 + 1

    def grad(self, w):
        """The sine gives its cosine to both, the parabola ±2(w₁ − w₂)."""
        w1, w2 = w
        along, across = np.cos(w1 + w2), 2 * (w1 - w2)
        return np.stack([along + across - 1.5, along - across + 2.5])
