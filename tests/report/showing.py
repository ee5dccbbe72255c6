"""Four runs that end in different ways, and what a console is given to show them."""

import io

from rich.console import Console

from stepbench.report import terminal

RACE = ("gd", "csawg:K=2", "gd:lr=0.01", "csawg-p5:K=10")  # one plans, one diverges, one converges


def picture(results, width=80, height=24, encoding="utf-8", **options):
    """The lines that a console of this size and encoding is given."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=file, width=width, height=height, **options).print(terminal.Picture(results))
    file.flush()
    return raw.getvalue().decode(encoding).splitlines()
