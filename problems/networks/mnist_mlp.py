"""A multi-layer perceptron on MNIST."""

from dataclasses import dataclass
from typing import Literal

from stepbench import param
from stepbench.torch import Network, datasets, modules


@dataclass(frozen=True)
class MnistMLP(Network):
    """A ReLU network on MNIST (60,000 images, to be fetched).

    f(w) is the mean cross-entropy over 60,000 images of 28 × 28 pixels; 10,000 others are tested on. Three linear
    layers of RDBD's shape are the default; hidden=1,width=1000 is TLR's network, and hidden=1, 3 or 5 with width=1000
    are those of the exact-step paper, whose full-batch experiments have samples=5500,batch=none.
    """

    hidden: int = param(2, "", "hidden layers", "[0, 100]")
    width: int = param(128, "", "units in each hidden layer", "[1, 100000]")
    data: Literal["mnist", "fashion"] = param("mnist", "", "the images: MNIST, or Fashion-MNIST in its place")
    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 60000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")

    source = "LeCun, Cortes & Burges, the MNIST database; Song & Yang 2023, App. D; Retsinas et al. 2023, §4"
    looks = 4

    def module(self):
        """Pixels, hidden layers with ReLU, ten classes."""
        return modules.perceptron(28 * 28, [self.width] * self.hidden, 10)

    def examples(self):
        """The images."""
        return datasets.mnist(self.samples, self.test_samples, self.data)
