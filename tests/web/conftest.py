"""An explorer, served by the command."""

import socket
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def explorer():
    """The address of an explorer, served by the command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stepbench", "explore", "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        yield f"http://127.0.0.1:{port}/"
        server.terminate()
        told = server.stdout.read()
    assert "Traceback" not in told, told
