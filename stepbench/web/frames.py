"""The window of a picture."""

from __future__ import annotations

from stepbench.contracts import Window


def framed(view: Window) -> Window:
    """The window in the shape of the figure, 4:3, with the problem's window in its middle.

    A window that is much longer than wide stays as it is.
    """
    (left, right), (bottom, top) = view
    wide, high = right - left, top - bottom
    if not 0.2 < wide / high < 5:
        return view
    wider, higher = max(0.0, high * 4 / 3 - wide) / 2, max(0.0, wide * 3 / 4 - high) / 2
    return (left - wider, right + wider), (bottom - higher, top + higher)
