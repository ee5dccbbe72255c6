"""What the tests of the command line share."""

from pathlib import Path

import pytest


@pytest.fixture
def low_problem():
    """A problem whose declared minimum is too high, so that runs fail."""
    Path("low.py").write_text(
        "from stepbench import Problem\n\n\nclass Low(Problem):\n    x0 = (-1.0, 0.5)\n    f_star = 0.5\n\n"
        "    def f(self, x):\n        return x[0] ** 2 + x[1] ** 2\n"
    )
