"""A wide residual network on CIFAR."""

from dataclasses import dataclass
from typing import Literal

from stepbench import InputError, param
from stepbench.torch import Network, datasets

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Of the pixels in [0, 1], by colour, as the code of the TLR paper has them."""


@dataclass(frozen=True)
class CifarWRN(Network):
    """A wide residual network on CIFAR (to be fetched).

    f(w) is the mean cross-entropy over 50,000 images of 3 × 32 × 32; 10,000 others are tested on. WRN-16-4 is the
    default: three groups of (depth − 4)/6 blocks follow a convolution; a block is batch norm, ReLU and a convolution of
    3 × 3, twice, with dropout between, and its input is added. A step sees each image cut out of itself with a black
    border of four pixels, and turned left to right by chance. All is as in the code of the TLR paper.
    """

    batch: int | None = param(128, "|B|", "examples drawn per step; none for all", "[1, inf)")
    weight_decay: float = param(
        5e-4, "λ", "λ/2 ‖w‖² is added to the loss; 5e-4 is the code's for SGD, and 0 for Adam", "[0, inf)"
    )
    classes: Literal["10", "100"] = param("100", "", "CIFAR-10 or CIFAR-100")
    depth: int = param(16, "", "layers, 4 more than a multiple of 6", "[10, 1000]")
    widen: int = param(4, "k", "by how much it is wider than a residual network", "[1, 100]")
    dropout: float = param(0.1, "p", "the part of the numbers that a step drops within each block", "[0, 1)")
    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 50000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")

    source = "Zagoruyko & Komodakis 2016, Wide residual networks; Retsinas et al. 2023 (github.com/georgeretsi/NTLR)"

    def __post_init__(self):
        super().__post_init__()
        if (self.depth - 4) % 6:
            raise InputError(f"{self.name}: depth must be 4 more than a multiple of 6, such as 10, 16, 22 or 28")

    def module(self):
        """A convolution, three groups of blocks, the mean over all places, and a linear layer."""
        import torch
        from torch import nn

        class Block(nn.Module):
            def __init__(self, before, after, stride, dropout):
                super().__init__()
                self.norm1, self.norm2 = nn.BatchNorm2d(before), nn.BatchNorm2d(after)
                self.first = nn.Conv2d(before, after, 3, padding=1, bias=False)
                self.dropout = nn.Dropout(dropout)
                self.second = nn.Conv2d(after, after, 3, stride, padding=1, bias=False)
                same = before == after and stride == 1
                self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

            def forward(self, x):
                inner = self.dropout(self.first(torch.relu(self.norm1(x))))
                return self.second(torch.relu(self.norm2(inner))) + self.shortcut(x)

        class Scaled(nn.Module):
            """Pixels in [−1, 1] with mean 0 and deviation 1 in each colour."""

            def forward(self, x):
                mean, deviation = (torch.tensor(c, dtype=x.dtype, device=x.device) for c in (MEAN, DEVIATION))
                return ((x + 1) / 2 - mean[:, None, None]) / deviation[:, None, None]

        layers, before = [Scaled(), nn.Conv2d(3, 16, 3, padding=1, bias=False)], 16
        for after, stride in ((16 * self.widen, 1), (32 * self.widen, 2), (64 * self.widen, 2)):
            for k in range((self.depth - 4) // 6):
                layers.append(Block(before, after, 1 if k else stride, self.dropout))
                before = after
        last = nn.BatchNorm2d(before), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        return nn.Sequential(*layers, *last, nn.Linear(before, int(self.classes)))

    def examples(self):
        """The images."""
        read = datasets.cifar10 if self.classes == "10" else datasets.cifar100
        return read(self.samples, self.test_samples)

    def augment(self, inputs, generator):
        """Each image cut out of a border, and turned by chance."""
        return datasets.cropped(inputs, generator)
