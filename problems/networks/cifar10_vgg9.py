"""A VGG network of nine layers on CIFAR-10."""

from dataclasses import dataclass

from stepbench import param
from stepbench.torch import Network, datasets, modules

CONVOLUTIONS = [
    (3, 64, True),
    (64, 128, True),
    (128, 256, False),
    (256, 256, True),
    (256, 512, False),
    (512, 512, True),
]


@dataclass(frozen=True)
class Cifar10VGG9(Network):
    """A VGG network of nine layers on CIFAR-10 (to be fetched).

    f(w) is the mean cross-entropy over 50,000 images of 3 × 32 × 32; 10,000 others are tested on. Six convolutions of
    3 × 3, to 64, 128, 256, 256, 512 and 512 channels, the image halved after the first, second, fourth and sixth, then
    linear layers of 512, 512 and 10 units; ReLU throughout and no dropout. With ``batch_norm`` each convolution has
    batch norm before its ReLU, as VGG is mostly trained today.
    """

    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 50000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")
    batch_norm: bool = param(False, "", "whether batch norm stands after each convolution")

    source = "Simonyan & Zisserman 2014, Very deep convolutional networks; as in the exact-step paper, §5.4"

    def module(self):
        """Six convolutions, and three linear layers."""
        return modules.convolutional(CONVOLUTIONS, 512 * 2 * 2, [512, 512], 10, normed=self.batch_norm)

    def examples(self):
        """The images."""
        return datasets.cifar10(self.samples, self.test_samples)
