"""The data that the bench's networks are trained on."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stepbench.fields import InputError, named_path, shown_path
from stepbench.torch.examples import Examples
from stepbench.torch.library import library

FOLDER = "STEPBENCH_DATA"
"""The environment variable that names the folder of the data sets; ``--data`` sets it."""

DOWNLOAD = "STEPBENCH_DOWNLOAD"
"""The environment variable that lets torchvision download what the folder lacks; ``--download`` sets it."""


@dataclass(frozen=True)
class Published:
    """A published data set: its name, its folder within that of the data sets, and the MD5 of each file, unpacked.

    ``torchvision`` is the name of torchvision's class, which downloads it.
    """

    name: str
    folder: str
    md5: dict[str, str]
    torchvision: str

    def read(self, file: str) -> bytes:
        """A file's bytes, unpacked where it ends in .gz; raises InputError where it is not there or not the published.

        Another file under the name of a published one would give results in the name of data that nobody used.
        """
        path = data_folder() / self.folder / file
        try:
            packed = not path.exists() and path.with_name(f"{file}.gz").exists()
            content = gzip.decompress(path.with_name(f"{file}.gz").read_bytes()) if packed else path.read_bytes()
        except (OSError, EOFError, zlib.error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise self.not_read(f"{file}: {why}") from None
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != self.md5[file]:
            raise self.not_read(f"{file} is not the published file, whose MD5 is {self.md5[file]} and not {found}")
        return content

    def not_read(self, why: str) -> InputError:
        """The refusal where the data cannot be read; ``why`` says so in words."""
        return InputError(
            f"{self.name} cannot be read from {shown_path(data_folder().absolute())}: {why}; put the files "
            f"{self.folder}/{next(iter(self.md5))} and so on there, name another folder with --data, or let "
            "torchvision fetch them with --download"
        )


MNIST = Published(
    "MNIST",
    "MNIST/raw",
    {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "MNIST",
)

FASHION = Published(
    "Fashion-MNIST",
    "FashionMNIST/raw",
    {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    "FashionMNIST",
)

CIFAR10 = Published(
    "CIFAR-10",
    "cifar-10-batches-bin",
    {
        "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
        "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
        "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
        "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
        "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
        "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
    },
    "CIFAR10",
)


CIFAR100 = Published(
    "CIFAR-100",
    "cifar-100-python",
    {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    },
    "CIFAR100",
)


def data_folder() -> Path:
    """The folder of the data sets."""
    return named_path(os.environ.get(FOLDER, "data"))


def digits(*, flat: bool) -> Examples:
    """The 1,797 digits of 8 × 8 pixels that scikit-learn ships: 1,437 to train on, 360 to test on, pixels in [0, 1]."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError('the digits need scikit-learn: pip install "stepbench[torch]"') from None
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))  # the same for every run
    torch = library()
    inputs = torch.as_tensor(X[order] / 16, dtype=torch.float32)
    inputs = inputs if flat else inputs.view(-1, 1, 8, 8)
    targets = torch.as_tensor(y[order])
    return Examples(inputs[:1437], targets[:1437], inputs[1437:], targets[1437:])


def mnist(
    samples: int | None = None, test_samples: int | None = None, data: Literal["mnist", "fashion"] = "mnist"
) -> Examples:
    """MNIST or Fashion-MNIST: 60,000 images of 28 × 28 pixels to train on and 10,000 to test on, pixels in [0, 1].

    ``samples`` and ``test_samples`` take the first so many.
    """
    published = MNIST if data == "mnist" else FASHION
    if os.environ.get(DOWNLOAD):
        _from_torchvision(published, train=True)
    return Examples(*_idx_images(published, "train", samples), *_idx_images(published, "t10k", test_samples))


def cifar10(samples: int | None = None, test_samples: int | None = None) -> Examples:
    """CIFAR-10: 50,000 images of 3 × 32 × 32 to train on and 10,000 to test on, pixels in [−1, 1].

    ``samples`` and ``test_samples`` take the first so many. The binary version is read, or the pickles that torchvision
    downloads.
    """
    if (data_folder() / CIFAR10.folder).exists() or not _torchvision_has_cifar10():
        halves = [_records(CIFAR10, half) for half in ("data_batch", "test_batch")]
    else:
        halves = _pickled(CIFAR10)
    train, test = halves
    return Examples(*_as_examples(*train, samples, 127.5, 1.0), *_as_examples(*test, test_samples, 127.5, 1.0))


def cifar100(samples: int | None = None, test_samples: int | None = None) -> Examples:
    """CIFAR-100: 50,000 images of 3 × 32 × 32 to train on and 10,000 to test on, pixels in [−1, 1], 100 fine classes.

    ``samples`` and ``test_samples`` take the first so many. The pickles that torchvision downloads are read.
    """
    train, test = _pickled(CIFAR100)
    return Examples(*_as_examples(*train, samples, 127.5, 1.0), *_as_examples(*test, test_samples, 127.5, 1.0))


def cropped(images: Any, generator: Any, *, padding: int = 4) -> Any:
    """Images in [−1, 1], each cut at random out of itself with a black border, and turned left to right by chance."""
    torch = library()
    n, channels, height, width = images.shape
    bordered = torch.nn.functional.pad(images, [padding] * 4, value=-1.0)
    place = images.device
    top, left = torch.randint(2 * padding + 1, (2, n, 1), generator=generator, device=place)
    rows, columns = top + torch.arange(height, device=place), left + torch.arange(width, device=place)
    turned = torch.rand((n, 1), generator=generator, device=place) < 0.5
    columns = torch.where(turned, columns.flip(1), columns)
    image, channel = torch.arange(n, device=place), torch.arange(channels, device=place)
    return bordered[image[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None]]


def _idx_images(published: Published, half: str, samples: int | None) -> tuple[Any, Any]:
    """The images and the labels of one half of a data set in the IDX format, one channel each."""
    images = _idx(published.read(f"{half}-images-idx3-ubyte"))
    labels = _idx(published.read(f"{half}-labels-idx1-ubyte"))
    return _as_examples(images[:, None], labels, samples, 255.0, 0.0)


def _idx(content: bytes) -> NDArray[np.uint8]:
    """The array in an IDX file of bytes: two zeros, the type 8, the number of axes, their lengths, the numbers."""
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _records(published: Published, half: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The images, (n, 3, 32, 32), and the labels in the files of one half of CIFAR-10's binary version.

    Each record is a label and 3,072 pixels.
    """
    content = b"".join(published.read(file) for file in published.md5 if file.startswith(half))
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def _torchvision_has_cifar10() -> bool:
    """Whether torchvision has downloaded CIFAR-10, or may."""
    return bool(os.environ.get(DOWNLOAD)) or (data_folder() / "cifar-10-batches-py").exists()


def _as_examples(
    images: NDArray[np.uint8], labels: NDArray[Any], samples: int | None, scale: float, shift: float
) -> tuple[Any, Any]:
    """The first images, divided by ``scale`` and less ``shift``, and their labels, as tensors."""
    torch = library()
    pixels = torch.tensor(np.ascontiguousarray(images[:samples]))
    return pixels.float() / scale - shift, torch.tensor(labels[:samples].astype(np.int64))


def _pickled(published: Published) -> list[tuple[NDArray[np.uint8], NDArray[Any]]]:
    """The images, (n, 3, 32, 32), and the labels of both halves, from the pickles that torchvision downloads."""
    halves = [_from_torchvision(published, train=train) for train in (True, False)]
    return [(half.data.transpose(0, 3, 1, 2), np.array(half.targets)) for half in halves]


def _from_torchvision(published: Published, *, train: bool) -> Any:
    """One half of a data set as torchvision reads it, downloaded first where that is allowed and it is not there.

    Torchvision checks the MD5 of each archive or file itself.
    """
    library()
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # one built for another torch fails in the middle of its import
        raise published.not_read(f'torchvision is not here: pip install "stepbench[torch]" ({error})') from None
    try:
        load = getattr(datasets, published.torchvision)
        return load(data_folder(), train=train, download=bool(os.environ.get(DOWNLOAD)))
    except Exception as error:  # torchvision's own refusal, a file that is cut short, a network that is not there
        raise published.not_read(str(error).splitlines()[0] if str(error) else type(error).__name__) from None
