"""Colours that are evenly spaced to the eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_TO_CONES = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
)
_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def oklch(lightness: float, chroma: float, hue: float) -> str:
    """A colour of Björn Ottosson's Oklab ("A perceptual color space", 2020) as #rrggbb.

    Lightness is 0 to 1, chroma 0 for grey to about 0.3, and the hue an angle in degrees.
    """
    angle = np.deg2rad(hue)
    lab = np.array([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])
    linear = np.clip(_TO_RGB @ (_TO_CONES @ lab) ** 3, 0, 1)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * part):02x}" for part in gamma.tolist())


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
