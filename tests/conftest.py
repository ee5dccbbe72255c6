"""What the tests share: an empty folder for each, the command line, a problem whose runs fail, and small data sets."""

import gzip
import os
import pickle
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the tests run in several processes, so each process uses one thread
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a process that a test starts need not compile everything again

import numpy as np
import pytest
from hypothesis import settings

from stepbench import cli

# The helpers assert too, and should tell as much of what differs as the tests do.
pytest.register_assert_rewrite("tests.cli", "tests.engine", "tests.methods", "tests.study")

settings.register_profile("patient", deadline=None)  # the first example may import SciPy, which takes long
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    """No test leaves a file behind, and none depends on the folder it runs in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stepbench_cli(capsys, monkeypatch):
    """Run the command line in this process; returns the exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "120")

    def call(*args):
        with pytest.raises(SystemExit) as stop:
            cli.main(args)
        out = capsys.readouterr()
        return stop.value.code, out.out, out.err

    return call


@pytest.fixture
def low_problem():
    """A problem whose declared minimum is too high, so that runs fail."""
    Path("low.py").write_text(
        "from stepbench import Problem\n\n\nclass Low(Problem):\n    x0 = (-1.0, 0.5)\n    f_star = 0.5\n\n"
        "    def f(self, x):\n        return x[0] ** 2 + x[1] ** 2\n"
    )


def _idx(values):
    """The IDX format: two zero bytes, the type, the number of axes, their lengths, the numbers (LeCun's page)."""
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return head + values.astype(np.uint8).tobytes()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with a few images in the formats of MNIST and CIFAR-10."""
    pytest.importorskip("torchvision")
    from torchvision.datasets import cifar

    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for half, n in (("train", 60), ("t10k", 20)):
        images, labels = rng.integers(256, size=(n, 28, 28)), np.arange(n) % 10
        for what, values in (("images-idx3", images), ("labels-idx1", labels)):
            with gzip.open(raw / f"{half}-{what}-ubyte.gz", "wb") as packed:
                packed.write(_idx(values))
            (raw / f"{half}-{what}-ubyte").write_bytes(_idx(values))
    batches = folder / "cifar-10-batches-py"
    batches.mkdir()
    for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
        batch = {"data": rng.integers(256, size=(12, 3072)).astype(np.uint8), "labels": [*range(10), 0, 1]}
        (batches / name).write_bytes(pickle.dumps(batch))
    (batches / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    monkeypatch.setattr(cifar, "check_integrity", lambda *_: True)  # it knows the digests of the real pixels
    monkeypatch.setenv("STEPBENCH_DATA", str(folder))
    return folder
