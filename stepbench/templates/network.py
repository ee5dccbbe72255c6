"""A network. Train it: stepbench run ./FILE.py --method adam --epochs 20 --plot FILE.png."""

from dataclasses import dataclass

import torch

from stepbench import param
from stepbench.torch import Examples, Network


@dataclass(frozen=True)
class Name(Network):
    """Two moons that a small network tells apart."""

    # A field is an option: ./FILE.py:width=50. It has a default, a symbol, a meaning and bounds.
    width: int = param(20, "", "units of the hidden layer", "[1, 10000]")

    source = "made for this file"
    lockstep = "tried"  # trains the runs of a sweep at once (torch.func.vmap), which pays for a small network
    looks = 5  # records per epoch

    def module(self):
        """The network, with initial weights from torch's random numbers, which are seeded with the run's seed."""
        return torch.nn.Sequential(torch.nn.Linear(2, self.width), torch.nn.Tanh(), torch.nn.Linear(self.width, 2))

    def examples(self):
        """What to train on, and what to test on: inputs and targets, with one example per row.

        Two data sets of torch do as well: (to train on, to test on).
        """
        numbers = torch.Generator().manual_seed(0)  # the same data for every run
        angle = torch.pi * torch.rand(1000, generator=numbers)
        moon = torch.arange(1000) % 2  # the targets
        inputs = torch.stack([angle.cos() + moon, (angle.sin() - 0.4 * moon) * (1 - 2 * moon)], 1)
        inputs = inputs + 0.1 * torch.randn(1000, 2, generator=numbers)
        return Examples(inputs[:800], moon[:800], inputs[800:], moon[800:])

    # Leave these two out for a classifier: then they are the cross-entropy and the part that is right, as here.
    def loss(self, outputs, targets):
        """The mean over the examples."""
        return torch.nn.functional.cross_entropy(outputs, targets)

    def accuracy(self, outputs, targets):
        """The part of the examples that is right."""
        return (outputs.argmax(1) == targets).float().mean()
