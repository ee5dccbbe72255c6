"""MNIST and CIFAR-10, from small files of the real format."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

import stepbench

pytest.importorskip("torch")
from stepbench.torch import datasets

FILES = [
    *(("mnist-mlp", f"MNIST/raw/{name}") for name in datasets.MNIST.md5),
    *(("cifar10-cnn", f"cifar-10-batches-bin/{name}") for name in datasets.CIFAR10.md5),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "train", "test", "low"),
    [
        ("mnist-mlp:width=8", (60, 1, 28, 28), 20, 0.0),
        ("mnist-mlp:width=8,samples=30", (30, 1, 28, 28), 20, 0.0),
        ("mnist-lenet", (60, 1, 28, 28), 20, 0.0),
        ("cifar10-cnn", (60, 3, 32, 32), 12, -1.0),
        ("cifar10-vgg9", (60, 3, 32, 32), 12, -1.0),
    ],
)
def test_the_files_are_read_and_trained_on(data, problem, train, test, low):
    p = stepbench.problem(problem)
    assert p.dataset.inputs.shape == train
    assert len(p.dataset.test_inputs) == test
    assert float(p.dataset.inputs.min()) == low
    assert float(p.dataset.inputs.max()) == 1.0
    r = stepbench.run(p, "gd:lr=0.01", steps=2, every=1)
    assert r.f[0] == pytest.approx(np.log(10), abs=0.1)
    assert r.f[-1] != r.f[0]


def test_pixels_come_out_as_they_went_in(data):
    images = np.frombuffer((data / "MNIST/raw/train-images-idx3-ubyte").read_bytes()[16:], np.uint8).reshape(60, 28, 28)
    mnist = stepbench.problem("mnist-mlp").dataset
    np.testing.assert_array_equal(np.asarray(mnist.inputs[:, 0] * 255).round(), images)
    assert mnist.targets.tolist() == [k % 10 for k in range(60)]
    records = np.frombuffer((data / "cifar-10-batches-bin/test_batch.bin").read_bytes(), np.uint8).reshape(12, 3073)
    cifar = stepbench.problem("cifar10-cnn").dataset
    pixels = np.asarray((cifar.test_inputs + 1) * 127.5).round().reshape(12, -1)
    np.testing.assert_array_equal(pixels, records[:, 1:])
    assert cifar.test_targets.tolist() == records[:, 0].tolist()


@pytest.mark.parametrize("problem", ["mnist-mlp", "cifar10-cnn"])
def test_without_the_files_one_line_says_where_to_put_them(stepbench_cli, problem, monkeypatch):
    monkeypatch.delenv("STEPBENCH_DATA", raising=False)
    code, out, err = stepbench_cli("run", problem, "--epochs", "1")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    name = "MNIST/raw/train-images-idx3-ubyte" if "mnist" in problem else "cifar-10-batches-bin/data_batch_1.bin"
    for words in ("read from ./data: ", name, "--data", "--download"):
        assert words in err


def test_a_file_that_is_packed_is_unpacked(data):
    before = datasets.mnist()
    for file in datasets.MNIST.md5:
        path = data / "MNIST/raw" / file
        path.with_name(f"{file}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    for ours, theirs in zip(datasets.mnist(), before, strict=True):
        assert ours.equal(theirs)


@pytest.mark.parametrize(("problem", "file"), FILES)
def test_a_file_that_is_not_the_published_one_is_refused_by_its_md5(data, stepbench_cli, problem, file):
    content = bytearray((data / file).read_bytes())
    content[-1] ^= 1
    (data / file).write_bytes(content)
    code, _, err = stepbench_cli("run", problem, "--data", str(data))
    assert (code, len(err.splitlines())) == (2, 1)
    assert f"{Path(file).name} is not the published file, whose MD5 is" in err


def test_a_file_that_is_cut_short_is_one_line(data, stepbench_cli):
    file = data / "MNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:500])
    code, _, err = stepbench_cli("run", "mnist-mlp", "--data", str(data))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "MNIST cannot be read" in err


def test_fashion_mnist_is_other_images_under_its_own_name(data):
    images = datasets.mnist(data="fashion").inputs
    assert images.shape == (60, 1, 28, 28)
    assert not images.equal(datasets.mnist().inputs)
    (data / "FashionMNIST/raw/train-images-idx3-ubyte").unlink()
    with pytest.raises(stepbench.InputError, match=r"Fashion-MNIST cannot be read from .*: .*No such file"):
        datasets.mnist(data="fashion")


@pytest.mark.skipif("STEPBENCH_DATA" not in os.environ, reason="the real data are not here: set STEPBENCH_DATA")
def test_an_epoch_on_the_real_mnist_reaches_95_per_cent():
    assert stepbench.run("mnist-mlp", "adam", epochs=1).accuracy[-1] >= 0.95
