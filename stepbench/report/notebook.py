"""Tables and figures as HTML, for notebooks and reports."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

PRE = '<pre style="font-family:monospace; line-height:1.3; background:none">{code}</pre>'


def html(*shown: Table | Figure) -> str:
    """Tables as text in their colours and figures as images, one below the other."""
    return "\n".join(
        f'<img style="max-width:100%" alt="{_titles(part)}" src="{image(part, dpi=80)}">'
        if isinstance(part, Figure)
        else _text(part)
        for part in shown
    )


def _titles(figure: Figure) -> str:
    """What a figure shows, for those who do not see it: its titles."""
    titles = [figure.get_suptitle(), *(ax.get_title(loc) for ax in figure.axes for loc in ("left", "center"))]
    return escape("; ".join(title for title in titles if title))


def _text(table: Table) -> str:
    page = Console(file=io.StringIO(), width=120, record=True, force_jupyter=False, markup=False, emoji=False)
    page.print(table)
    return page.export_html(code_format=PRE, inline_styles=True)


def image(figure: Figure, dpi: int) -> str:
    """A figure as the source of an ``img``, which holds the whole picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=dpi)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
