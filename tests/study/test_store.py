"""Merging studies, and removing runs from them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench.engine.columns import KEPT
from stepbench.study.batch import Head, Outcome
from stepbench.study.store import Store
from tests.study.kept import bits, content, give_other_numbers, outcomes_of, scalars

NUMBERS = st.dictionaries(st.integers(0, 12), st.sampled_from([0.5, 1.0, None]), max_size=13)
LETTERS = [b"a" * 16, b"b" * 16, b"c" * 16]


def filled(numbers, trace=None):
    """A store in memory with one run per number, of three settings in turn: its f is the value, and None has failed."""
    store = Store(None)
    for k, f in numbers.items():
        setting = LETTERS[k % 3]
        head = Head(k.to_bytes(16, "big"), setting, k, json.dumps({"lr": k / 10}), None)
        own = trace if f is not None else None
        numbers = tuple({"iteration": k, "f": f}.get(column.name) for column in KEPT)
        outcome = Outcome("budget" if f else "failed", "", numbers, None if f is None else bits([f]), trace=own)
        store.put({setting: setting.decode()}, [(head, outcome)])
    return store


def rows_of(store):
    return {
        head.key[-1]: (head.setting, outcome) for setting in store.settings() for head, outcome in store.runs(setting)
    }


@given(NUMBERS, NUMBERS)
def test_merging_is_a_union_that_keeps_what_is_here_and_counts_what_differs(mine, others):
    with filled(mine) as here, filled(others, trace=b"a trace") as there:
        before, theirs = rows_of(here), rows_of(there)
        new, unlike = here.merge(there)
        assert new == len(others.keys() - mine.keys())
        assert unlike == sum(mine[k] != others[k] for k in mine.keys() & others.keys())
        assert rows_of(here) == theirs | before
        assert rows_of(there) == theirs
        assert [*here.settings()] == [
            letter for letter in LETTERS if any(s == letter for s, _ in rows_of(here).values())
        ]
        assert {key[-1] for key, _ in here.traces()} == {k for k, f in others.items() if f is not None}
        assert here.merge(there) == (0, unlike)
        assert rows_of(here) == theirs | before


@pytest.mark.slow
def test_merging_studies_of_parts_is_the_study_of_the_whole():
    lrs = np.geomspace(1e-5, 1e-3, 250)
    for k, seeds in enumerate([[0, 1, 2], [2, 3]]):
        stepbench.sweep("quadratic", "gd", {"lr": lrs, "seed": seeds}, budget=1, noise=0.1, study=f"{k}.db")
    with Store("0.db") as here, Store("1.db") as there:
        assert here.merge(there) == (250, 0)
    stepbench.sweep("quadratic", "gd", {"lr": lrs, "seed": range(4)}, budget=1, noise=0.1, study="whole.db")
    assert content("0.db") == content("whole.db")
    give_other_numbers("1.db", "seed = 3")
    with Store("0.db") as here, Store("1.db") as there:
        assert here.merge(there) == (0, 250)
    assert content("0.db") == content("whole.db")
    with Store("new.db") as here, Store("0.db") as there:
        assert here.merge(there) == (1000, 0)
    assert content("new.db") == content("whole.db")


@given(NUMBERS, st.sets(st.sampled_from(LETTERS)), st.sampled_from([None, "failed", "budget", "diverged"]))
def test_removing_takes_the_runs_of_some_settings_and_a_status_and_no_others(numbers, chosen, status):
    with filled(numbers) as store:
        before = rows_of(store)
        gone = {k for k, (s, outcome) in before.items() if s in chosen and status in (None, outcome.status)}
        assert store.remove(chosen, status) == len(gone)
        assert rows_of(store) == {k: row for k, row in before.items() if k not in gone}
        assert {*store.settings()} == {s for k, (s, _) in before.items() if k not in gone}
        assert store.remove(chosen, status) == 0


def test_removed_runs_are_made_again_and_the_file_shrinks():
    with stepbench.Study("s.db", traces=True) as study:
        stepbench.sweep("quadratic", ["gd", "adam"], {"lr": [1e-4, 1e300]}, budget=500, study=study)
        before, size = outcomes_of(study), Path("s.db").stat().st_size
        [diverged] = scalars("s.db", "SELECT count(*) FROM runs WHERE status = 'diverged'")
        assert 0 < diverged < 4
        assert study.store.remove(study.store.settings(), "diverged") == diverged
        [adam] = [key for key, text in study.store.settings().items() if "adam" in text]
        gone = study.store.remove([adam])
        assert len(outcomes_of(study)) == 4 - diverged - gone
        assert Path("s.db").stat().st_size < size
        stepbench.sweep("quadratic", ["gd", "adam"], {"lr": [1e-4, 1e300]}, budget=500, study=study)
        assert (study.made, study.reused) == (4 + diverged + gone, 4 - diverged - gone)
        assert outcomes_of(study) == before
