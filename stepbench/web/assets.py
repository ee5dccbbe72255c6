"""The scripts, style sheets and templates that lie beside this module."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def asset(name: str) -> str:
    """The text of a file."""
    return (_HERE / name).read_text(encoding="utf-8")
