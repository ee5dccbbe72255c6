"""Schaffer's second function."""

import numpy as np

from stepbench import Problem


class Schaffer2(Problem):
    """Crossed valleys with almost no fall along their floors.

    f(w) = ½ + (sin²(w₁² − w₂²) − ½) / q², where q = 1 + ‖w‖²/1000; with sin² a = ½ (1 − cos 2a) it is
    ½ (1 − cos 2(w₁² − w₂²)/q²).
    """

    x0 = (-1.6, 1.2)
    x_star = (0.0, 0.0)
    f_star = 0.0
    view = ((-2.2, 2.2), (-2.2, 2.2))
    source = "Schaffer, Caruana, Eshelman & Das 1989; Surjanovic & Bingham, Virtual library of simulation experiments"

    def f(self, w):
        """A wave over hyperbolas that fades with the distance."""
        wave, q = self._parts(w)
        return 0.5 * (1 - np.cos(wave) / (q * q))

    def grad(self, w):
        """The wave has the gradient (4w₁, −4w₂), and q has w/500."""
        wave, q = self._parts(w)
        fade = 0.002 * np.cos(wave) / (q * q * q)
        turn = 2 * np.sin(wave) / (q * q)
        return np.stack([w[0] * (fade + turn), w[1] * (fade - turn)])

    def _parts(self, w):
        a, b = w * w
        return 2 * (a - b), 1 + 0.001 * (a + b)
