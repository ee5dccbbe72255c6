"""The explorer answers its own page only: raw requests over the loopback, as a page elsewhere would cause them."""

import base64
import json
import os
import re
import socket
import struct
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

pytest.importorskip("panel", reason='the extra "web" is not installed')

from stepbench.web.strangers import Strange
from tests.waiting import PATIENCE


def served(host, name, origin=None, port=5006):
    request = SimpleNamespace(host=name, headers={"Origin": origin} if origin else {})
    return Strange(host, port).match(request) is None


@pytest.mark.parametrize("name", ["127.0.0.1:5006", "localhost:5006", "LocalHost:5006", "[::1]:5006"])
def test_this_machines_own_names_are_served_to_their_own_pages(name):
    for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "lab.example"):
        assert served(host, name)
        assert served(host, name, f"http://{name}")
        assert not served(host, name, "http://elsewhere.example:5006")
        assert not served(host, name, "null")


@pytest.mark.parametrize(
    "name",
    [
        *("elsewhere.example:5006", "elsewhere.example", "127.0.0.1", "127.0.0.1:5007", "localhost:5006:5006", ""),
        *("127.0.0.1.elsewhere.example:5006", "elsewhere.example:80", "localhost.:5006", ":5006", "lab:5006"),
    ],
)
def test_every_other_name_is_refused_even_where_the_page_is_its_own(name):
    for host in ("127.0.0.1", "::1", "0.0.0.0", "::", "", "lab.example"):
        assert not served(host, name)
        assert not served(host, name, f"http://{name}")


def test_what_host_names_is_served_and_for_all_addresses_also_digits_and_the_machines_name():
    assert served("Lab.example", "lab.example:5006", "http://lab.example:5006")
    assert served("::5", "[::5]:5006")
    assert not served("192.0.2.7", "192.0.2.8:5006")
    for host in ("0.0.0.0", "::", ""):
        for name in ("192.0.2.8:5006", "[2001:db8::1]:5006", f"{socket.gethostname()}:5006"):
            assert served(host, name, f"http://{name}")
            assert not served(host, name, "http://192.0.2.9:5006")


def test_a_browser_leaves_out_the_port_80():
    assert served("127.0.0.1", "localhost", "http://localhost", port=80)
    assert served("0.0.0.0", "192.0.2.8", port=80)
    assert not served("127.0.0.1", "elsewhere.example", port=80)


@contextmanager
def asked(address, path, *headers):
    """A connection on which this was asked for, as a stream, and the head of the answer."""
    with (
        socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection,
        connection.makefile("rwb") as stream,
    ):
        stream.write("\r\n".join([f"GET {path} HTTP/1.1", *headers, "", ""]).encode())
        stream.flush()
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            assert line, head
            head += line
        yield stream, head.decode()


def upgraded(address, token, host, origin):
    key = base64.b64encode(os.urandom(16)).decode()
    return asked(
        address,
        "/ws",
        f"Host: {host}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: bokeh, {token}",
    )


def frame(text):
    """A text as a browser sends it over a WebSocket, under a mask of zeros."""
    data = text.encode()
    return b"\x81" + struct.pack("!BH", 0x80 | 126, len(data)) + bytes(4) + data


def heard(stream):
    """The next text that the server sends."""
    _, size = stream.read(2)
    if size == 126:
        [size] = struct.unpack("!H", stream.read(2))
    return json.loads(stream.read(size))


def test_http_and_websockets_of_another_name_are_refused_and_a_message_about_an_unknown_model_is_one_line(explorer):
    """That no traceback is printed is what the fixture asserts when the server ends."""
    address = urlsplit(explorer)
    own, other = address.netloc, f"elsewhere.example:{address.port}"
    for path in ("/", "/ws", "/static/js/bokeh.min.js", "/favicon.ico", "/nowhere"):
        with asked(address, path, f"Host: {other}", "Connection: close") as (stream, head):
            told = stream.read().decode()
        assert head.startswith("HTTP/1.1 403 ")
        assert told == f"stepbench explore does not serve this host: open http://{own}, or name the host with --host\n"
    with asked(address, "/", f"Host: {own}", "Connection: close") as (stream, head):
        assert head.startswith("HTTP/1.1 200 ")
        token = re.search(r'"token":"([^"]+)"', stream.read().decode()).group(1)
    for host, origin in ((other, other), (own, other), (other, own)):
        with upgraded(address, token, host, f"http://{origin}") as (_, head):
            assert head.startswith("HTTP/1.1 403 ")

    with upgraded(address, token, own, f"http://{own}") as (stream, head):
        assert head.startswith("HTTP/1.1 101 ")
        acknowledged, _, _ = (heard(stream) for _ in range(3))
        assert acknowledged["msgtype"] == "ACK"
        event = {"kind": "ModelChanged", "model": {"id": "unknown"}, "attr": "value", "new": 3}
        for part in ({"msgid": "1", "msgtype": "PATCH-DOC"}, {}, {"events": [event]}):
            stream.write(frame(json.dumps(part)))
        stream.flush()
        assert heard(stream)["msgtype"] == "ERROR"
