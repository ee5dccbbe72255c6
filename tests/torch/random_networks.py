"""Networks that are more than a function of weights and inputs: with dropout, batch norm, noise and augmentation."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from stepbench import param
from stepbench.torch import Examples, Network


def pictures(n=90, tests=30):
    """Noise with one of three means, in the form of small pictures."""
    numbers = torch.Generator().manual_seed(0)
    targets = torch.arange(n + tests) % 3
    inputs = torch.randn(n + tests, 3, 4, 4, generator=numbers) + targets[:, None, None, None]
    return Examples(inputs[:n], targets[:n], inputs[n:], targets[n:])


@dataclass(frozen=True)
class Restless(Network):
    """A convolution with batch norm, dropout, spectral norm, and pictures that are shifted at random."""

    drop: float = param(0.3, "p", "the part of the units that is dropped", "[0, 1)")
    looks = 3

    def module(self):
        """A convolution and a linear layer."""
        spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 3))
        first = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(self.drop)
        return nn.Sequential(*first, nn.Flatten(), spectral)

    def examples(self):
        """The pictures."""
        return pictures()

    def augment(self, inputs, generator):
        """Each picture with noise of its own."""
        return inputs + 0.1 * torch.randn(inputs.shape, generator=generator)


FILE = Path(__file__)
"""This file, whose network a spec can name."""
