"""A small transformer that writes sequences backwards."""

from dataclasses import dataclass

import numpy as np

from stepbench import InputError, param
from stepbench.torch import Examples, Network

LETTERS, BEGIN = 10, 10
TRAINING, TESTS = 4000, 500


@dataclass(frozen=True)
class ReverseTransformer(Network):
    """A sequence-to-sequence transformer that learns to reverse.

    f(w) is the mean cross-entropy of each letter over 4,000 random sequences of ``length`` letters out of ten, written
    backwards; 500 others are tested on, letter by letter, with the right letters before. An encoder and a decoder,
    ``width`` wide, no dropout. It stands in for the translation task of the TLR paper, whose transformer has heads=8
    and layers=3.
    """

    length: int = param(6, "", "letters of a sequence", "[1, 50]")
    width: int = param(32, "", "width of the model, a multiple of the heads", "[1, 1024]")
    heads: int = param(2, "", "heads of each attention", "[1, 64]")
    layers: int = param(1, "", "layers of the encoder, and of the decoder", "[1, 12]")

    source = "Vaswani et al. 2017, Attention is all you need; Retsinas et al. 2023, §4, on other sequences"
    looks = 2

    def __post_init__(self):
        super().__post_init__()
        if self.width % self.heads:
            raise InputError(
                f"{self.name}: width={self.width} is no multiple of heads={self.heads}: give another width"
            )

    def module(self):
        """Letters and places as vectors, the transformer, a linear layer."""
        from torch import nn
        from torch.nn.attention import SDPBackend, sdpa_kernel

        class Reverser(nn.Module):
            def __init__(self, length, width, heads, layers):
                super().__init__()
                self.length = length
                self.letters = nn.Embedding(LETTERS + 1, width)
                self.places = nn.Embedding(length, width)
                self.transformer = nn.Transformer(
                    width, heads, layers, layers, dim_feedforward=4 * width, dropout=0.0, batch_first=True
                )
                self.letter = nn.Linear(width, LETTERS)
                mask = nn.Transformer.generate_square_subsequent_mask(length)
                self.register_buffer("mask", mask, persistent=False)

            def forward(self, pairs):
                seen, written = (self.letters(part) + self.places.weight for part in pairs.split(self.length, 1))
                with sdpa_kernel(SDPBackend.MATH):  # torch's other kernels have no second derivative
                    return self.letter(self.transformer(seen, written, tgt_mask=self.mask.to(seen.dtype)))

        return Reverser(self.length, self.width, self.heads, self.layers)

    def examples(self):
        """Each row holds a sequence and what is written so far; its target holds the next letters."""
        import torch

        rng = np.random.default_rng(0)
        seen = rng.integers(LETTERS, size=(TRAINING + TESTS, self.length))
        right = seen[:, ::-1]
        written = np.concatenate([np.full((len(seen), 1), BEGIN), right[:, :-1]], axis=1)
        inputs, targets = torch.as_tensor(np.concatenate([seen, written], axis=1)), torch.as_tensor(right.copy())
        return Examples(inputs[:TRAINING], targets[:TRAINING], inputs[TRAINING:], targets[TRAINING:])

    def loss(self, outputs, targets):
        """The mean over all letters."""
        return super().loss(outputs.flatten(0, 1), targets.flatten())

    def accuracy(self, outputs, targets):
        """The part of the letters that is right."""
        return (outputs.argmax(-1) == targets).float().mean()
