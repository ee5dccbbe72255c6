"""The explorer answers its own page only: raw requests over the loopback, as a page elsewhere would cause them."""

import socket
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from stepbench.web.strangers import Hosts
from tests.waiting import PATIENCE


def served(host, name, origin=None, port=5006):
    return Hosts(host, port).serve(name, origin)


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


@pytest.mark.slow
def test_requests_of_another_name_or_page_are_refused(explorer):
    """That no traceback is printed is what the fixture asserts when the server ends."""
    address = urlsplit(explorer)
    own, other = address.netloc, f"elsewhere.example:{address.port}"
    refused = f"stepbench explore does not serve this host: open http://{own}, or name the host with --host\n"
    foreign = f"Origin: http://{other}"
    strange = [[f"Host: {other}"], [f"Host: {other}", foreign], [f"Host: {own}", foreign], []]
    for path in ("/", "/?method=gd", "/basins?problem=rosenbrock&method=gd&view=0,1;0,1", "/favicon.ico", "/nowhere"):
        for headers in strange:
            with asked(address, path, *headers, "Connection: close") as (stream, head):
                assert head.startswith("HTTP/1.1 403 ")
                assert stream.read().decode() == refused
    for headers in ([f"Host: {own}"], [f"Host: {own}", f"Origin: http://{own}"]):
        with asked(address, "/?budget=20", *headers, "Connection: close") as (stream, head):
            assert head.startswith("HTTP/1.1 200 ")
            assert "default-src 'none'" in head
            assert "</html>" in stream.read().decode()


@pytest.mark.parametrize("path", ["/nowhere", "/../../etc/passwd", "/stepbench", "/components/this/Panel/css/x"])
def test_there_are_no_other_pages(explorer, path):
    address = urlsplit(explorer)
    with asked(address, path, f"Host: {address.netloc}", "Connection: close") as (stream, head):
        assert head.startswith("HTTP/1.1 404 ")
        assert stream.read() == b"there is no such page\n"


NO_REQUESTS = [
    bytes(100),
    b"GET / HTTP/9\r\n\r\n",
    b"GET\r\n\r\n",
    b"POST / HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 99_999,
]


@pytest.mark.parametrize("sent", NO_REQUESTS, ids=range(5))
def test_what_is_no_request_of_a_page_is_answered_with_an_error_or_not_at_all(explorer, sent):
    address = urlsplit(explorer)
    told = b""
    with (
        socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection,
        suppress(OSError),  # the server may be gone before all was sent
    ):
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(1 << 16):
            told += part
    assert b" 200 " not in told.partition(b"\r\n")[0]
