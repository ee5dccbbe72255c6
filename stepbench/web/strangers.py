"""What is not the explorer's own page is refused by its server, in one line.

A page elsewhere may let its name lead to this machine (DNS rebinding). Its requests then reach the server, but they
still name the host of that page.
"""

from __future__ import annotations

import ipaddress
import socket


def in_address(host: str) -> str:
    """The host as an address of a page has it: IPv6 stands in brackets."""
    return f"[{host}]" if ":" in host else host


def everywhere(host: str) -> bool:
    """Whether it stands for all addresses of this machine."""
    return host in ("0.0.0.0", "::", "")


class Hosts:
    """The hosts that are served: this machine's own names and ``host``.

    Where that stands for all addresses of the machine, then also its name in the network and every address in digits,
    which leads nowhere else than it says.
    """

    def __init__(self, host: str, port: int) -> None:
        self._port = port
        self._digits = everywhere(host)
        named = socket.gethostname() if self._digits else in_address(host)
        self._names = {"localhost", "127.0.0.1", "[::1]", named.lower()}

    def serve(self, host: str, origin: str | None) -> bool:
        """Whether a request that names this host is answered, and to the page of this origin, where it names one."""
        host = host.lower()
        own = origin is None or origin.lower().partition("://")[2] == host
        return own and self._serves(host)

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
