"""The shapes that several of the bench's networks share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from stepbench.torch.network import library

if TYPE_CHECKING:
    from torch import nn


def perceptron(inputs: int, hidden: Sequence[int], classes: int) -> nn.Sequential:
    """Fully connected layers with ReLU between them; torch's own initial weights."""
    nn = library().nn
    layers: list[nn.Module] = []
    for before, after in pairwise([inputs, *hidden]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear([inputs, *hidden][-1], classes))


def convolutions(*layers: tuple[int, int, bool]) -> list[nn.Module]:
    """Convolutions of 3 × 3 with ReLU, each (channels in, channels out, whether its image is then halved)."""
    nn = library().nn
    made: list[nn.Module] = []
    for before, after, halve in layers:
        made += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), *[nn.MaxPool2d(2)] * halve]
    return made
