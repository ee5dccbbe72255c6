"""Tables whose texts stand as they are: rich reads ``[b]`` as bold and ``:100:`` as a picture; a spec may hold both."""

from __future__ import annotations

from typing import Any

import rich.table
from rich.text import Text


class Table(rich.table.Table):
    """A table of rich's in which every string, be it a cell, a heading or the title, stands as it is."""

    def __init__(self, *headers: Any, title: Any = None, title_style: str = "", **options: Any) -> None:
        """As rich's own."""
        styled = Text(title, style=title_style) if isinstance(title, str) else title
        super().__init__(*headers, title=styled, title_style=title_style, **options)

    def add_column(self, header: Any = "", footer: Any = "", **options: Any) -> None:
        """As rich's own."""
        super().add_column(_literal(header), _literal(footer), **options)

    def add_row(self, *cells: Any, **options: Any) -> None:
        """As rich's own."""
        super().add_row(*map(_literal, cells), **options)


def _literal(shown: Any) -> Any:
    return Text(shown) if isinstance(shown, str) else shown
