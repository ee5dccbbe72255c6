"""What the tests that need torch share."""

import pytest


@pytest.fixture(scope="module")
def one_thread():
    """One thread for torch, since the tests run in several processes, whose threads would wait for each other."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def digits():
    torch = pytest.importorskip("torch")
    x, y = pytest.importorskip("sklearn.datasets").load_digits(return_X_y=True)
    return torch.tensor(x[:600] / 16, dtype=torch.float32), torch.tensor(y[:600])
