"""The scripts, style sheets and templates that lie beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bokeh.models import CustomJS

_HERE = Path(__file__).parent


def asset(name: str) -> str:
    """The text of a file."""
    return (_HERE / name).read_text(encoding="utf-8")


def script(name: str, **args: Any) -> CustomJS:
    """A script for the browser, which knows these models by these names."""
    from bokeh.models import CustomJS

    return CustomJS(args=args, code=asset(name))


STYLE = asset("widgets.css")
"""The style of every widget."""
