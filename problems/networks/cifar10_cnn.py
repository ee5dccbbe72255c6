"""A three-layer convolutional network on CIFAR-10."""

from dataclasses import dataclass

from stepbench import param
from stepbench.torch import Network, datasets, modules


@dataclass(frozen=True)
class Cifar10CNN(Network):
    """Three convolutional layers on CIFAR-10 (to be fetched).

    f(w) is the mean cross-entropy over 50,000 images of 3 × 32 × 32; 10,000 others are tested on. Three convolutions
    of 3 × 3, to 32, 64 and 64 channels, each with ReLU and halved, then a linear layer: RDBD's paper says three
    layers with ReLU and no more.
    """

    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 50000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")

    source = "Krizhevsky 2009, Learning multiple layers of features from tiny images; Song & Yang 2023, App. D"

    def module(self):
        """Three convolutions, and a linear layer."""
        return modules.convolutional([(3, 32, True), (32, 64, True), (64, 64, True)], 64 * 4 * 4, [], 10)

    def examples(self):
        """The images."""
        return datasets.cifar10(self.samples, self.test_samples)
