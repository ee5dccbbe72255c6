"""What is not the explorer's own page is refused by its server, in one line.

A page elsewhere may let its name lead to this machine (DNS rebinding). Its requests then reach the server, but they
still name the host of that page.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import traceback
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import RequestHandler

LONGEST = 200
"""How many characters of what came from elsewhere are logged."""


def in_address(host: str) -> str:
    """The host as an address of a page has it: IPv6 stands in brackets."""
    return f"[{host}]" if ":" in host else host


def everywhere(host: str) -> bool:
    """Whether it stands for all addresses of this machine."""
    return host in ("0.0.0.0", "::", "")


class Strange(Matcher):
    """Matches each request that names a host which is not served, or that a page of another host makes.

    Served are this machine's own names and ``host``; where that stands for all addresses of the machine, then also
    its name in the network and every address in digits, which leads nowhere else than it says.
    """

    def __init__(self, host: str, port: int) -> None:
        self._port = port
        self._digits = everywhere(host)
        named = socket.gethostname() if self._digits else in_address(host)
        self._names = {"localhost", "127.0.0.1", "[::1]", named.lower()}

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """An empty dictionary for a request to be refused, and None for one to be answered."""
        host = request.host.lower()
        origin = request.headers.get("Origin")
        own = origin is None or origin.lower().partition("://")[2] == host
        return None if own and self._serves(host) else {}

    def _serves(self, host: str) -> bool:
        name = host.removesuffix(f":{self._port}")
        if name == host and self._port != 80:
            return False
        return name in self._names or (self._digits and _is_in_digits(name))


def _is_in_digits(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


class Refusal(RequestHandler):
    """Answers every request with 403 and one line."""

    def initialize(self, address: str) -> None:
        """Take the address at which the page is served."""
        self._address = address

    def prepare(self) -> None:
        """Refuse, whatever the method."""
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"stepbench explore does not serve this host: open {self._address}, or name the host with --host\n")


def log_in_one_line() -> None:
    """Let a message that Bokeh cannot use be logged in one line; an error of stepbench keeps its traceback."""
    for name in ("bokeh.server.protocol_handler", "bokeh.server.views.ws", "tornado.application"):
        logging.getLogger(name).addFilter(_in_one_line)


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
        if any(name.partition(".")[0] == "stepbench" for name in modules):
            return True
        record.msg, record.args = "a browser's message cannot be used: %s: %s", (type(error).__name__, error)
        record.exc_info = record.exc_text = None
    line = " ".join(record.getMessage().split())
    record.msg, record.args = line if len(line) <= LONGEST else line[:LONGEST] + " …", ()
    return True
