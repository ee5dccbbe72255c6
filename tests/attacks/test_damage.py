"""A small part of the attack on files, which ``python -m tests.attacks.damage`` makes larger."""

import pytest

from tests.attacks.damage import BAD, Checkpoint, Saved, Study, attack


@pytest.mark.slow
@pytest.mark.parametrize("file", [Study, Checkpoint, Saved])
def test_damage_never_gives_other_numbers_nor_a_traceback(file):
    counts = attack(3 if file is Study else 40, seed=1, files=[file], told=print)
    assert not [what for what in counts.items() if any(what[1][bad] for bad in BAD)]
    assert sum(found["refused in one line"] + found["repaired"] for found in counts.values()) >= 6
