"""The cliff of a recurrent network."""

from dataclasses import dataclass

import numpy as np

from stepbench import Problem, param


@dataclass(frozen=True)
class Cliff(Problem):
    """A wall beside a plain, where the gradient explodes.

    f(w) = (σ(h_T) − 0.7)², where h_0 = 0.5 and h_t = w₁ σ(h_{t−1}) + w₂: a recurrent network of one unit, without
    input, that must end at 0.7. Where a small change of w sends h to another fixed point, f has a wall. The minima
    are a curve.
    """

    steps: int = param(50, "T", "length of the sequence; the wall grows with it", "[1, 1000]")

    x0 = (5.0, -2.2)
    f_star = 0.0
    view = ((4.0, 7.0), (-3.5, -1.5))
    source = "Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, 2013, Figure 6"

    def f(self, w):
        """The squared error at the end of the sequence."""
        s = self._last(w)[0]
        return (s - 0.7) * (s - 0.7)

    def grad(self, w):
        """∇h_t = (σ(h_{t−1}), 1) + w₁ σ'(h_{t−1}) ∇h_{t−1}, carried along with h_t."""
        s, ds, dh = self._last(w)
        return 2 * (s - 0.7) * ds * dh

    def _last(self, w):
        """σ, σ' and the gradient of h at the end of the sequence."""
        w1, w2 = w
        s, ds = sigmoid(0.0 * w1 + 0.5)
        dh1 = dh2 = 0.0 * w1
        for _ in range(self.steps):
            slope = w1 * ds
            dh1, dh2 = slope * dh1 + s, slope * dh2 + 1.0
            s, ds = sigmoid(w1 * s + w2)
        return s, ds, np.stack([dh1, dh2])


def sigmoid(h):
    """σ(h) = (1 + tanh(h/2))/2, which does not overflow, and σ'(h)."""
    t = np.tanh(0.5 * h)
    return 0.5 + 0.5 * t, 0.25 - 0.25 * (t * t)
