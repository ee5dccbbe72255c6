"""What papers have proved of some methods' worst cases: beside the numbers that a solver finds."""

from __future__ import annotations

import math
from typing import NamedTuple

from stepbench.contracts import Joined, Runnable


class ClosedForm(NamedTuple):
    """A proven worst case under ‖w_0 − w*‖² ≤ 1: the worst itself where ``exact``, and else a bound above it."""

    value: float
    exact: bool
    source: str


def closed_form(method: Runnable, mu: float, L: float, steps: int, criterion: str) -> ClosedForm | None:
    """What is known of a method after so many steps, at least 1, on the functions of this μ and L; mostly nothing."""
    if isinstance(method, Joined) and method.plain:
        if method.rule.name == "constant":
            return _gradient_descent(float(getattr(method.rule, "lr")), mu, L, steps, criterion)  # noqa: B009
        if method.rule.name == "silver" and criterion == "f":
            return _silver(method, L, steps)
    if method.name == "nesterov" and criterion == "f":
        return _nesterov(method, mu, L, steps)
    return None


def _gradient_descent(lr: float, mu: float, L: float, steps: int, criterion: str) -> ClosedForm | None:
    if criterion == "distance":
        factor = max(abs(1 - lr * mu), abs(1 - lr * L))
        return ClosedForm(factor ** (2 * steps), True, "Polyak 1987, §1.4: max(|1 − αμ|, |1 − αL|)^2N")
    if criterion != "f" or lr * L >= 2:
        return None
    if mu == 0:
        flat = 1 / (1 + 2 * steps * lr * L)
    else:  # (1 − αμ)^{−2N} − 1, to its last digits also for a small μ; where αμ = 1 the flat part is gone
        left = -2 * steps * math.log1p(-lr * mu) if lr * mu < 1 else None
        flat = _flat(mu / L, left, lr * mu, steps)
    worst = L / 2 * max(flat, (1 - lr * L) ** (2 * steps))
    source = "Drori & Teboulle 2014" if mu == 0 else "Taylor, Hendrickx & Glineur 2017"
    return ClosedForm(worst, True, f"conjectured by {source}, proved by Kim 2024 (arXiv 2412.04427)")


def _flat(ratio: float, left: float | None, step: float, steps: int) -> float:
    """κ / (κ − 1 + (1 − αμ)^{−2N}), where κ = μ/L and ``left`` is the logarithm of the power."""
    if left is None:
        return 0.0 if step == 1 else ratio / (ratio - 1 + (1 - step) ** (-2 * steps))
    return ratio / (ratio + math.expm1(left)) if left < 700 else 0.0


def _silver(method: Joined, L: float, steps: int) -> ClosedForm | None:
    k = (steps + 1).bit_length() - 1
    own = {name: getattr(method.rule, name) for name in ("part", "L")}
    if steps + 1 != 2**k or own["part"] is not None or own["L"] not in (None, L):
        return None
    value = L / (1 + math.sqrt(4 * (1 + math.sqrt(2)) ** (2 * k) - 3))
    return ClosedForm(value, False, "Altschuler & Parrilo 2025, Theorem 1.1, for N = 2^k − 1")


def _nesterov(method: Runnable, mu: float, L: float, steps: int) -> ClosedForm | None:
    lr, momentum = getattr(method, "lr", None), getattr(method, "momentum", None)
    if lr is None or momentum is not None or not math.isclose(lr * L, 1):
        return None
    if mu == 0:
        a = 0.0
        for _ in range(steps):
            a = (1 + math.sqrt(1 + 4 * a * a)) / 2
        return ClosedForm(L / (2 * a**2), False, "Beck & Teboulle 2009, Theorem 4.4 before its last step: L / (2 a_N²)")
    value = (1 - math.sqrt(mu / L)) ** steps * (L + mu) / 2
    return ClosedForm(value, False, "Nesterov 2004, Theorem 2.2.3: (1 − √(μ/L))^N (L + μ) / 2")
