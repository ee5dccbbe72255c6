"""What the tests of methods share."""

import pytest


@pytest.fixture
def torch():
    """The module, where it is installed, in double precision: NAdam keeps its product of μ in the default type."""
    module = pytest.importorskip("torch")
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(module.float32)
