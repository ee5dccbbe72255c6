"""How tests wait for other processes: for something to be so, and never for a time to pass."""

import time

PATIENCE = 300
"""Seconds after which a process that hangs is given up, so that the tests end; no right answer depends on it."""


def wait_until(so):
    """Return as soon as ``so()`` is true; raises AssertionError where that never happens."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, "it is waited for in vain"
        time.sleep(0.005)
