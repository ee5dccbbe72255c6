"""LeNet-5 on MNIST."""

from dataclasses import dataclass
from typing import Literal

from stepbench import param
from stepbench.torch import Network, datasets, modules


@dataclass(frozen=True)
class MnistLeNet(Network):
    """LeNet-5 on MNIST (60,000 images, to be fetched).

    f(w) is the mean cross-entropy over 60,000 images of 28 × 28 pixels; 10,000 others are tested on. Two convolutions
    of 5 × 5, to 6 and 16 channels, and linear layers of 120, 84 and 10 units; ReLU and maximum pooling, as LeNet is
    built today.
    """

    data: Literal["mnist", "fashion"] = param("mnist", "", "the images: MNIST, or Fashion-MNIST in its place")
    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 60000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")

    source = "LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition"
    looks = 2

    def module(self):
        """Convolutions and linear layers."""
        from torch import nn

        first = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
        second = [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*first, *second, *modules.perceptron(16 * 5 * 5, [120, 84], 10))

    def examples(self):
        """The images."""
        return datasets.mnist(self.samples, self.test_samples, self.data)
