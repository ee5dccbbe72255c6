"""A perceptron with dropout on MNIST."""

from dataclasses import dataclass
from typing import Literal

from stepbench import param
from stepbench.torch import Network, datasets, modules


@dataclass(frozen=True)
class MnistDropout(Network):
    """A ReLU network with dropout on MNIST (to be fetched).

    f(w) is the mean cross-entropy over 60,000 images of 28 × 28 pixels in [−1, 1]; 10,000 others are tested on. The
    hidden layers have 512 and 256 units, each with ReLU and dropout: the network in the code of the TLR paper. That
    code drops units while it tests, too; here nothing is dropped when f and the accuracy are recorded. The paper says
    one layer of 1,000 units, which is mnist-mlp:hidden=1,width=1000.
    """

    batch: int | None = param(128, "|B|", "examples drawn per step; none for all", "[1, inf)")
    weight_decay: float = param(
        5e-4, "λ", "λ/2 ‖w‖² is added to the loss; 5e-4 is the code's for SGD, and 0 for Adam", "[0, inf)"
    )
    dropout: float = param(0.5, "p", "the part of the hidden units that a step drops", "[0, 1)")
    data: Literal["mnist", "fashion"] = param("mnist", "", "the images: MNIST, or Fashion-MNIST in its place")
    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 60000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")

    source = "Retsinas et al. 2023, Newton-based trainable learning rate, and its code (github.com/georgeretsi/NTLR)"
    looks = 4

    def module(self):
        """Pixels, two hidden layers with ReLU and dropout, ten classes."""
        return modules.perceptron(28 * 28, [512, 256], 10, dropout=self.dropout)

    def examples(self):
        """The images, from black at −1 to white at 1."""
        images = datasets.mnist(self.samples, self.test_samples, self.data)
        return images._replace(inputs=2 * images.inputs - 1, test_inputs=2 * images.test_inputs - 1)
