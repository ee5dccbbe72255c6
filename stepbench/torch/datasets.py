"""The data that the bench's networks are trained on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np

from stepbench.fields import InputError, shown_path
from stepbench.torch.examples import Examples
from stepbench.torch.library import library

FOLDER = "STEPBENCH_DATA"
"""The environment variable that names the folder of the data sets; ``--data`` sets it."""

DOWNLOAD = "STEPBENCH_DOWNLOAD"
"""The environment variable that lets torchvision download what the folder lacks; ``--download`` sets it."""

_FILES = {
    "MNIST": "MNIST/raw/train-images-idx3-ubyte and the three others (.gz or unpacked)",
    "CIFAR10": "cifar-10-batches-py/data_batch_1 and the others, from cifar-10-python.tar.gz",
    "CIFAR100": "cifar-100-python/train and the others, from cifar-100-python.tar.gz",
}


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


def mnist(samples: int | None = None) -> Examples:
    """MNIST: 60,000 images of 28 × 28 pixels to train on, or the first ``samples``, 10,000 to test on; in [0, 1]."""
    train, test = (_torchvision("MNIST", train) for train in (True, False))
    inputs, test_inputs = (part.data[:, None].float() / 255 for part in (train, test))
    return Examples(inputs[:samples], train.targets[:samples], test_inputs, test.targets)


def cifar(classes: Literal["10", "100"], samples: int | None = None) -> Examples:
    """CIFAR: 50,000 images of 3 × 32 × 32 to train on, or the first ``samples``, 10,000 to test on; in [−1, 1]."""
    torch = library()
    train, test = (_torchvision(f"CIFAR{classes}", train) for train in (True, False))
    inputs, test_inputs = (
        torch.as_tensor(part.data).permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1 for part in (train, test)
    )
    targets, test_targets = (torch.as_tensor(part.targets) for part in (train, test))
    return Examples(inputs[:samples], targets[:samples], test_inputs, test_targets)


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


def folder() -> Path:
    """The folder of the data sets."""
    return Path(os.environ.get(FOLDER, "data")).expanduser()


def _torchvision(name: str, train: bool) -> Any:
    """One half of a data set, read by torchvision from the folder of the data sets."""
    library()
    try:
        from torchvision import datasets
    except (ImportError, RuntimeError) as error:  # one built for another torch fails in the middle of its import
        raise InputError(f'{name} is read by torchvision: pip install "stepbench[torch]" ({error})') from None
    try:
        return getattr(datasets, name)(folder(), train=train, download=bool(os.environ.get(DOWNLOAD)))
    except Exception as error:  # torchvision's own refusal, a file that is cut short, a network that is not there
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{name} cannot be read from {shown_path(folder().absolute())}: {why}; put {_FILES[name]} there, name "
            "another folder with --data, or let torchvision fetch it with --download"
        ) from None
