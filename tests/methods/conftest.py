"""What the tests of methods share."""

import pytest


@pytest.fixture
def torch():
    """The module torch with double precision as its default type, in which its NAdam keeps a product of its μ."""
    module = pytest.importorskip("torch")
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(module.float32)
