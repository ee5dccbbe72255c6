"""A multi-layer perceptron on handwritten digits."""

from dataclasses import dataclass

from stepbench import param
from stepbench.torch import Network, datasets, modules


@dataclass(frozen=True)
class DigitsMLP(Network):
    """A ReLU network on 1,797 small handwritten digits.

    f(w) is the mean cross-entropy over 1,437 images of 8 × 8 pixels; the other 360 are tested on. ``hidden`` layers of
    ``width`` units lie between the pixels and the ten classes. The data come with scikit-learn, so that it needs no
    download.
    """

    hidden: int = param(2, "", "hidden layers", "[0, 100]")
    width: int = param(64, "", "units in each hidden layer", "[1, 100000]")

    source = (
        "The digits of Alpaydin & Kaynak 1998 (UCI), as scikit-learn ships them; the shape of Song & Yang 2023, App. D"
    )
    lockstep = "tried"
    looks = 5

    def module(self):
        """Pixels, hidden layers with ReLU, ten classes."""
        return modules.perceptron(64, [self.width] * self.hidden, 10)

    def examples(self):
        """The digits as vectors."""
        return datasets.digits(flat=True)
