"""MNIST and CIFAR-10, from small files of the real format."""

import pickle

import numpy as np
import pytest

import stepbench

pytest.importorskip("torch")


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
def test_torchvisions_files_are_read_and_trained_on(data, problem, train, test, low):
    p = stepbench.problem(problem)
    assert p.data.inputs.shape == train
    assert len(p.data.test_inputs) == test
    assert float(p.data.inputs.min()) == low
    assert float(p.data.inputs.max()) == 1.0
    r = stepbench.run(p, "gd:lr=0.01", steps=2, every=1)
    assert r.f[0] == pytest.approx(np.log(10), abs=0.1)
    assert r.f[-1] != r.f[0]


def test_pixels_come_out_as_they_went_in(data):
    images = np.frombuffer((data / "MNIST/raw/train-images-idx3-ubyte").read_bytes()[16:], np.uint8).reshape(60, 28, 28)
    mnist = stepbench.problem("mnist-mlp").data
    np.testing.assert_array_equal(np.asarray(mnist.inputs[:, 0] * 255).round(), images)
    assert mnist.targets.tolist() == [k % 10 for k in range(60)]
    batch = pickle.loads((data / "cifar-10-batches-py/test_batch").read_bytes())
    cifar = stepbench.problem("cifar10-cnn").data
    pixels = np.asarray((cifar.test_inputs + 1) * 127.5).round().reshape(12, -1)
    np.testing.assert_array_equal(pixels, batch["data"])


@pytest.mark.parametrize("problem", ["mnist-mlp", "cifar10-cnn"])
def test_without_the_files_one_line_says_where_to_put_them(stepbench_cli, problem):
    pytest.importorskip("torchvision")
    code, out, err = stepbench_cli("run", problem, "--epochs", "1")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    name = "MNIST/raw/train-images-idx3-ubyte" if "mnist" in problem else "cifar-10-batches-py/data_batch_1"
    for words in ("read from ./data: ", name, "--data", "--download"):
        assert words in err


def test_a_file_that_is_cut_short_is_one_line(data, stepbench_cli):
    file = data / "MNIST/raw/train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:500])
    code, _, err = stepbench_cli("run", "mnist-mlp", "--data", str(data))
    assert (code, len(err.splitlines())) == (2, 1)
    assert "MNIST cannot be read" in err
