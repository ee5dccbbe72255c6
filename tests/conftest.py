"""What the tests share: an empty folder for each, the command line, a problem whose runs fail, and small data sets."""

import hashlib
import os
import pickle
from collections import Counter
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


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is not asked for
def pytest_collection_modifyitems(items):
    """Of a test marked ``one_in(n)`` the first of every n parameters is quick, and the others are slow."""
    seen = Counter()
    for item in items:
        mark = item.get_closest_marker("one_in")
        if mark is None or item.get_closest_marker("exhaustive"):
            continue
        test = item.nodeid.partition("[")[0]
        if seen[test] % mark.args[0]:
            item.add_marker("slow")
        seen[test] += 1


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
    """A folder with a few images in the formats of MNIST, Fashion-MNIST and CIFAR, taken for the published ones."""
    pytest.importorskip("torchvision")
    from torchvision.datasets import cifar

    from stepbench.torch import datasets

    rng = np.random.default_rng(0)
    folder = tmp_path / "data"

    def publish(published, file, content):
        (folder / published.folder).mkdir(parents=True, exist_ok=True)
        (folder / published.folder / file).write_bytes(content)
        monkeypatch.setitem(published.md5, file, hashlib.md5(content).hexdigest())

    for published in (datasets.MNIST, datasets.FASHION):
        for half, n in (("train", 60), ("t10k", 20)):
            publish(published, f"{half}-images-idx3-ubyte", _idx(rng.integers(256, size=(n, 28, 28))))
            publish(published, f"{half}-labels-idx1-ubyte", _idx(np.arange(n) % 10))
    for file in datasets.CIFAR10.md5:
        labels = np.arange(12)[:, None] % 10
        publish(
            datasets.CIFAR10, file, np.hstack([labels, rng.integers(256, size=(12, 3072))]).astype(np.uint8).tobytes()
        )
    hundred = folder / datasets.CIFAR100.folder
    hundred.mkdir()
    for file, n in (("train", 60), ("test", 12)):
        images = rng.integers(256, size=(n, 3072)).astype(np.uint8)
        (hundred / file).write_bytes(pickle.dumps({"data": images, "fine_labels": [k % 100 for k in range(n)]}))
    (hundred / "meta").write_bytes(pickle.dumps({"fine_label_names": [str(k) for k in range(100)]}))
    monkeypatch.setattr(cifar, "check_integrity", lambda *_: True)  # torchvision knows the digests of the real pixels
    monkeypatch.setenv("STEPBENCH_DATA", str(folder))
    return folder
