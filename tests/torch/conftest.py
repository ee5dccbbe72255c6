"""What the tests that need torch share."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """On two cores that two test processes share, threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits():
    x, y = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return torch.tensor(x[:600] / 16, dtype=torch.float32), torch.tensor(y[:600])
