"""Colours that are evenly spaced to the eye."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stepbench.report.styles import from_oklab


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """A colour of Oklab as #rrggbb; lightness is 0 to 1, chroma 0 for grey to about 0.3, and the hue in degrees."""
    angle = math.radians(hue)
    parts = from_oklab((lightness, chroma * math.cos(angle), chroma * math.sin(angle)))
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts.tolist())


def ramp(n: int, ends: Sequence[tuple[float, float]], hue: float) -> list[str]:
    """So many colours of one hue, evenly from one pair of lightness and chroma to another."""
    (light, pale), (dark, strong) = ends
    return [oklch(light + t * (dark - light), pale + t * (strong - pale), hue) for t in np.linspace(0, 1, n).tolist()]


SHADES = 28
"""How many shades a hue has, from soon or near to late or far."""

HUES = ((0.12, 250.0), (0.13, 85.0), (0.12, 160.0), (0.13, 330.0), (0.10, 200.0), (0.13, 55.0), (0.03, 110.0))
"""The chroma and the hue of each minimum's shades, and last of all further minima."""

WAY = SHADES * len(HUES)
"""Where the greys begin, of what is on the way."""

STRIPE, BETWEEN, STOPPED, NOTHING = range(WAY + SHADES, WAY + SHADES + 4)
"""What diverged is striped, so that it is told apart without its colour."""

PALETTE = [colour for chroma, hue in HUES for colour in ramp(SHADES, ((0.96, 0.3 * chroma), (0.68, chroma)), hue)]
PALETTE += ramp(SHADES, ((0.93, 0.0), (0.66, 0.0)), 0)
PALETTE += [oklch(0.55, 0.19, 30), oklch(0.95, 0.03, 30), oklch(0.45, 0.0, 0)]
PALETTE += ["#ffffff00"] * (256 - len(PALETTE))
"""Every colour of a layer, by its number."""
