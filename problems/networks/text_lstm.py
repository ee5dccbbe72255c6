"""A one-layer LSTM that reads short reviews."""

from dataclasses import dataclass

import numpy as np

from stepbench import param
from stepbench.torch import Examples, Network

THINGS = ["film", "plot", "cast", "ending", "music", "script", "pace", "humour", "camera", "dialogue"]
GOOD = ["wonderful", "sharp", "moving", "funny", "bright", "clever", "gripping", "warm", "fresh", "elegant"]
BAD = ["dull", "flat", "clumsy", "tired", "slow", "shallow", "noisy", "cold", "stale", "messy"]
REST = ["the", "was", "not", "very", "rather", "quite", "although", "though", "but", "and"]
WORDS = {word: k + 1 for k, word in enumerate([*THINGS, *GOOD, *BAD, *REST])}
LENGTH = 14
TRAINING, TESTS = 2000, 500


@dataclass(frozen=True)
class TextLSTM(Network):
    """A one-layer LSTM reads praise or blame in made-up reviews.

    f(w) is the mean cross-entropy over 2,000 sentences of up to 14 words; 500 others are tested on. The sentences are
    generated, not collected: two clauses, such as "although the plot was not dull the cast was very cold", of which one
    praises and the other blames. The one that counts is the second after "although" and "but", the first before
    "though". A bag of words cannot tell; the order of words must be read. It stands in for the two-class news texts of
    the AdaLoss paper.
    """

    width: int = param(32, "", "units of the LSTM", "[1, 10000]")

    source = "Wu et al. 2022, §5 and App. D, which uses other texts"
    looks = 2
    smoothness = "C∞"

    def module(self):
        """Word vectors, the LSTM, and a linear layer on its last state."""
        from torch import nn

        class Reader(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.words = nn.Embedding(len(WORDS) + 1, 16)
                self.lstm = nn.LSTM(16, width, batch_first=True)
                self.verdict = nn.Linear(width, 2)

            def forward(self, sentences):
                return self.verdict(self.lstm(self.words(sentences))[0][:, -1])

        return Reader(self.width)

    def examples(self):
        """Sentences as rows of word numbers, with 0 before the first word."""
        import torch

        rng = np.random.default_rng(0)
        drawn = {}
        while len(drawn) < TRAINING + TESTS:  # no sentence twice, so that none is both trained on and tested on
            words, praise = sentence(rng)
            drawn[tuple(words)] = praise
        numbers = np.zeros((len(drawn), LENGTH), dtype=np.int64)
        for row, words in zip(numbers, drawn, strict=True):
            row[LENGTH - len(words) :] = [WORDS[word] for word in words]
        inputs, targets = torch.as_tensor(numbers), torch.as_tensor([int(praise) for praise in drawn.values()])
        return Examples(inputs[:TRAINING], targets[:TRAINING], inputs[TRAINING:], targets[TRAINING:])


def sentence(rng):
    """A review as words, and whether it praises."""
    praise = bool(rng.integers(2))
    form = rng.choice(["although", "but", "though"])
    counts, other = clause(rng, praise), clause(rng, not praise)
    if form == "although":
        return ["although", *other, *counts], praise
    if form == "but":
        return [*other, "but", *counts], praise
    return [*counts, "though", *other], praise


def clause(rng, praise):
    """A clause that praises or blames as words; half of the clauses do so by "not" and a word of the opposite."""
    turned = bool(rng.integers(2))
    degree = rng.choice(["", "very", "rather", "quite"])
    verdict = rng.choice(GOOD if praise != turned else BAD)
    words = ["the", rng.choice(THINGS), "was", "not" if turned else "", degree, verdict]
    return [str(word) for word in words if word]
