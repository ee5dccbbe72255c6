"""What the tests of pictures share."""

import pytest

from stepbench.engine.running import run_quietly
from tests.report.showing import RACE


@pytest.fixture(scope="module")
def race():
    return [run_quietly("rosenbrock", method, budget=600) for method in RACE]
