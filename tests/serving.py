"""An explorer for tests, served by the command."""

import socket
import subprocess
import sys
from contextlib import contextmanager


def free_port():
    """A port of this machine that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def explorer():
    """The process and the address, which ends with a slash; in the end the process has stopped."""
    port = free_port()
    command = [sys.executable, "-m", "stepbench", "explore", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert f"http://127.0.0.1:{port}" in server.stdout.readline()
        yield server, f"http://127.0.0.1:{port}/"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
