"""A small convolutional network on handwritten digits."""

from dataclasses import dataclass

from stepbench.torch import Network, datasets, modules


@dataclass(frozen=True)
class DigitsCNN(Network):
    """A convolutional network on 1,797 small handwritten digits.

    f(w) is the mean cross-entropy over 1,437 images of 8 × 8 pixels; the other 360 are tested on. Two convolutions of
    3 × 3, to 8 and 16 channels, each with ReLU and halved, then a linear layer. The data come with scikit-learn, so
    that it needs no download.
    """

    source = "The digits of Alpaydin & Kaynak 1998 (UCI), as scikit-learn ships them"
    looks = 5

    def module(self):
        """Two convolutions, and a linear layer."""
        return modules.convolutional([(1, 8, True), (8, 16, True)], 16 * 2 * 2, [], 10)

    def examples(self):
        """The digits as images of one channel."""
        return datasets.digits(flat=False)
