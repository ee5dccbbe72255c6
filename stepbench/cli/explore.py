"""``stepbench explore``: the explorer, a page in the browser."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    port: Annotated[int, typer.Option(help="The port of the page.", min=1, max=65535)] = 5006,
    host: Annotated[str, typer.Option(help="The address to serve at; 0.0.0.0 for other machines too.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Explore problems and methods in the browser.

    Opens a page on which every choice redraws the runs at once. Its address
    holds all that it shows, to be shared.
    """
    from stepbench.web.explore import serve

    serve(host, port, browser=browser)
