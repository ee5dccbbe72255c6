"""Adaptive coordinate descent, a peer that asks for f alone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stepbench.arrays import Array, ratio
from stepbench.contracts import AnyOracle, Peer
from stepbench.fields import param

GROW, SHRINK = 2.0, 0.5
"""What the step along an axis is multiplied by after a better point was found along it, and after none was."""

CONDITION = 1e14
"""The largest condition number that C may have."""


class Axes(NamedTuple):
    """The axes in the columns of B, with B⁻¹; the C that they come from, the path p, and the last mean c of points."""

    B: Array
    B_inverse: Array
    C: Array
    p: Array
    c: Array | None

    def after(self, c: Array) -> "Axes":
        """The axes after a round whose best points have the mean c, (d,); the first mean only begins the path."""
        if self.c is None:
            return self._replace(c=c)
        d = len(c)
        c_p, c_1 = 1 / np.sqrt(d), 0.5 / d
        z = np.sqrt(d) * ratio(c - self.c, np.linalg.norm(self.B_inverse @ (c - self.c)))
        p = (1 - c_p) * self.p + np.sqrt(c_p * (2 - c_p)) * z
        C = (1 - c_1) * self.C + c_1 * np.outer(p, p)
        eigenvalues, V = np.linalg.eigh(C)
        more = max(eigenvalues[-1] / CONDITION - eigenvalues[0], 0.0)
        root = np.sqrt(eigenvalues + more)
        return Axes(V * root, (V / root).T, C + more * np.eye(d), p, c)


@dataclass(frozen=True)
class AdaptiveCoordinateDescent(Peer):
    """Coordinate descent along learned axes, by values of f.

    Algorithm
        B, C ← I;  p ← 0;  σ ← (σ₀, …, σ₀);  m ← w₀;  f_best ← f(m)
        for each axis i = 1, …, d in turn, again and again:
            x₁, x₂ ← m − σ_i b_i, m + σ_i b_i,  with b_i the i-th column of B
            m, f_best ← the better of these two, where it is below f_best
            σ_i ← 2 σ_i where one was, else ½ σ_i
            after each round over the d axes in which some m was better:
                c ← the mean of the d best of the round's 2d points,  and c₋ the one of the last such round
                p ← (1 − c_p) p + √(c_p (2 − c_p)) z,  z = √d (c − c₋) / ‖B⁻¹(c − c₋)‖,  c_p = 1/√d
                C ← (1 − c₁) C + c₁ p pᵀ,  c₁ = ½/d
                B ← V √Λ,  where C = V Λ Vᵀ

    Source
        Loshchilov, Schoenauer & Sebag, Adaptive coordinate descent, GECCO 2011, and its authors' code of 2012; the
        learning of B is the adaptive encoding of Hansen, PPSN 2008.

    Deviations
        The published code draws the first axes and the first point at random; here the axes are those of the
        coordinates, and w₀ is given. The code does not ask for f(w₀), so that its first move may lead up. Its first
        step is a quarter of the range that it searches, 2.5 for −5 to 5, which is the default. It has a weight c_μ for
        the points themselves in C and does not use it; nor is it here. It never stops by itself; here the method stops
        when rounding leaves no axis along which m can move.
    """

    sigma: float = param(2.5, "σ₀", "first step along every axis", "(0, inf)")

    gradient_free = True

    def minimize(self, w: Array, oracle: AnyOracle, record: Callable[[Array], None]) -> str:
        """Minimise from w, (d, 2), and record m after each axis."""
        m, f_best = w[:, 0], float(oracle.value(w)[0])
        d = len(m)
        sigma = np.full(d, self.sigma)
        axes = Axes(np.eye(d), np.eye(d), np.eye(d), np.zeros(d), None)
        while (m[:, None] + sigma * axes.B != m[:, None]).any():
            points: list[Array] = []
            values: list[float] = []
            better = False
            for i in range(d):
                step = sigma[i] * axes.B[:, i]
                pair = [m - step, m + step]
                f_pair = [float(oracle.value(np.stack([x, x], axis=1))[0]) for x in pair]
                found = False
                for x, f in zip(pair, f_pair, strict=True):
                    if f < f_best:
                        m, f_best, found = x, f, True
                sigma = np.where(np.arange(d) == i, sigma * (GROW if found else SHRINK), sigma)
                points, values, better = points + pair, values + f_pair, better or found
                record(np.stack([m, m], axis=1))
            if better:
                best = np.argsort(values, kind="stable")[:d]
                axes = axes.after(np.mean([points[k] for k in best], axis=0))
        return "rounding leaves no axis to move along"
