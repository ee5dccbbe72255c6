"""The figures of the exact-step paper: they agree where the exact step is ahead of every rival, and only there."""

from types import SimpleNamespace

import pytest

from stepbench.reproduce import paper

FIGURES = {claim.name: claim for claim in paper("adam-exact").claims if claim.name.startswith("figure") and claim.runs}
COMPARISONS = [name for name in FIGURES if not name.startswith("figure-5")]


def ended(size):
    return SimpleNamespace(status="budget", gradient_norm=[size], f=[size], accuracy=[0.95])


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_exact_step_must_be_ahead_of_every_rival(name):
    claim = FIGURES[name]
    names = list(dict.fromkeys(own for own, _ in claim.runs if own != "exact"))
    assert len(names) == (7 if "seven" in claim.says else 4)

    def agrees(first):
        """Which numbers agree where this rival, and it alone, is ahead of both exact steps; None for none."""
        sizes = {first: 0.001, "exact": 0.01}  # of the gradient norm and the loss; of all others 0.05
        runs = {key: ended(sizes.get(key[0], 0.05)) for key in claim.runs}
        return {number: own.measure(runs) in own.paper for number, own in claim.numbers.items()}

    gap = {number for number in claim.numbers if " − " in number}  # 0.04, which is not in every figure's order
    assert all(holds for number, holds in agrees(None).items() if number not in gap)
    for rival in names:
        assert {number for number, holds in agrees(rival).items() if holds} == {
            number for number in claim.numbers if "accuracy" in number
        }
