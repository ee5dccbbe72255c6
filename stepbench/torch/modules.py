"""The shapes that several of the bench's networks share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from stepbench.torch.library import library

if TYPE_CHECKING:
    import torch


def perceptron(inputs: int, hidden: Sequence[int], classes: int, *, dropout: float = 0.0) -> torch.nn.Sequential:
    """Fully connected layers with ReLU between them, and dropout after it; torch's own initial weights."""
    nn = library().nn
    layers: list[torch.nn.Module] = []
    for before, after in pairwise([inputs, *hidden]):
        layers += [nn.Linear(before, after), nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear([inputs, *hidden][-1], classes))  # type: ignore[no-any-return]


def convolutional(
    layers: Sequence[tuple[int, int, bool]], flat: int, hidden: Sequence[int], classes: int, *, normed: bool = False
) -> torch.nn.Sequential:
    """Convolutions of 3 × 3 with ReLU, each given as (channels in, channels out, whether the image is then halved).

    Where they are ``normed``, batch norm stands before each ReLU. Their ``flat`` outputs go through a ``perceptron``.
    """
    nn = library().nn
    made: list[torch.nn.Module] = []
    for before, after, halved in layers:
        norm = [nn.BatchNorm2d(after)] if normed else []
        made += [nn.Conv2d(before, after, 3, padding=1), *norm, nn.ReLU()]
        if halved:
            made.append(nn.MaxPool2d(2))
    return nn.Sequential(*made, *perceptron(flat, hidden, classes))  # type: ignore[no-any-return]
