"""Numbers as people read them in tables and sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np


def number(value: float) -> str:
    """A number in at most nine characters: 0.0139, 2.18e-10, 0."""
    if value == 0 or (1e-3 <= abs(value) < 1e5):
        return f"{value:.4g}"
    return f"{value:.2e}" if math.isfinite(value) else str(value)


def multiple(value: float) -> str:
    """How many times as large something is: 3.02, 1,250, 9.74e+23."""
    if value >= 1e6:
        return number(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def count(value: float) -> str:
    """A number of evaluations, or a dash where it is infinite."""
    return f"{value:,.0f}" if math.isfinite(value) else "–"


def counted(n: int, noun: str) -> str:
    """1 run, 2 runs."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def value_name(value: object) -> str:
    """A value of an axis, short."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def tick_name(value: float) -> str:
    """A value beside an axis: 1,000, 0.125, 1e-9."""
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    return short_exponent(f"{value:.3g}")


def short_exponent(text: str) -> str:
    """A number's text with its exponent as short as can be: 1e-9 and not 1e-09."""
    return re.sub(r"e([+-])0*", lambda sign: "e" + sign[1].strip("+"), text)


def published(value: float) -> str:
    """A number with as many digits as a paper's is compared by; ∞ for what never comes."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e7 else f"{value:.4g}"


def median_and_range(values: Sequence[float]) -> str:
    """The median over seeds, and the range where they differ."""
    middle = published(float(np.median(values)))
    low, high = published(min(values)), published(max(values))
    return middle if low == high else f"{middle} ({low} to {high})"


def duration(seconds: float) -> str:
    """Seconds, as a reader says them."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
