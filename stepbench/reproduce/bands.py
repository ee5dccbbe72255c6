"""What a paper says of a number: a band in which a measured number agrees with it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """What the paper says, in its own words or number, and the interval in which a measured number agrees with it."""

    says: str
    low: float = -math.inf
    high: float = math.inf

    def __contains__(self, measured: float) -> bool:
        """Whether a measured number agrees; NaN never does."""
        return self.low <= measured <= self.high


def exactly(value: float) -> Band:
    """This number and no other."""
    return Band(f"{value:,g}", value, value)


def near(value: float, part: float) -> Band:
    """This number, give or take a part of it."""
    return Band(f"{value:,g}", value - part * abs(value), value + part * abs(value))


def between(low: float, high: float, says: str | None = None) -> Band:
    """An interval."""
    return Band(f"{low:g} to {high:g}" if says is None else says, low, high)


def at_least(low: float, says: str | None = None) -> Band:
    """This much or more."""
    return Band(f"≥ {low:g}" if says is None else says, low=low)


def at_most(high: float, says: str | None = None) -> Band:
    """This much or less."""
    return Band(f"≤ {high:g}" if says is None else says, high=high)


def above(low: float, says: str | None = None) -> Band:
    """More than this."""
    return Band(f"> {low:g}" if says is None else says, low=math.nextafter(low, math.inf))


def below(high: float, says: str | None = None) -> Band:
    """Less than this."""
    return Band(f"< {high:g}" if says is None else says, high=math.nextafter(high, -math.inf))
