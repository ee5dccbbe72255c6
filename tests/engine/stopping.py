"""Runs that are interrupted, and the comparison of two runs bit by bit."""

import numpy as np
import pytest

import stepbench
from stepbench.contracts import Oracle
from stepbench.engine.result import RECORDS


def stopped_after(monkeypatch, after, /, *args, **options):
    """Run until the method has been asked for so many steps, and be interrupted in the middle of the next."""
    taken = 0
    advance = Oracle.advance

    def interrupting(self, x=None):
        nonlocal taken
        taken += np.isfinite(self._budget)  # the steps that are only looked at beforehand have no budget
        if taken > after:
            raise KeyboardInterrupt
        advance(self, x)

    with monkeypatch.context() as patch:
        patch.setattr(Oracle, "advance", interrupting)
        with pytest.raises(stepbench.Interrupted) as stop:
            stepbench.run(*args, **options, engine="numpy")  # a kernel takes its steps without being asked
    return stop.value.result


def assert_same(one, other):
    for name in (*RECORDS, "steps", "status", "detail"):
        if name == "elapsed":
            continue
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None), name
        if a is not None:
            assert np.asarray(a).dtype == np.asarray(b).dtype, name
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), name
