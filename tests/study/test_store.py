"""Merging studies, and removing runs from them."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench.study.repair import damage_of
from stepbench.study.store import Store
from tests.study.kept import content, give_other_numbers, outcomes_of, piece, runs_of, scalars

NUMBERS = st.dictionaries(st.integers(0, 12), st.sampled_from([0.5, 1.0, None]), max_size=13)
LETTERS = [b"a" * 16, b"b" * 16, b"c" * 16]


def filled(numbers, trace=None):
    """A store in memory with one run per number, of three settings in turn: its f is the value, and None has failed."""
    store = Store(None)
    for k, f in numbers.items():
        setting, own = LETTERS[k % 3], {} if f is None else {"point": [f], "trace": trace}
        run = piece(k.to_bytes(16, "big"), f, setting=setting, parameters=json.dumps({"lr": k / 10}), seed=k, **own)
        store.put({setting: setting.decode()}, [run])
    return store


def rows_of(store):
    return {
        run.key[-1]: (setting, run._replace(curve=None)) for setting in store.settings() for run in store.runs(setting)
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
        traced = {k for k, f in others.items() if f is not None and mine.get(k, f) == f}
        assert {key[-1] for key, _ in here.traces()} == traced
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
    give_other_numbers("1.db", lambda run: run.seed == 3)
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
        diverged = sum(run.status == "diverged" for run in before.values())
        assert 0 < diverged < 4
        assert study.store.remove(study.store.settings(), "diverged") == diverged
        [adam] = [key for key, text in study.store.settings().items() if "adam" in text]
        gone = study.store.remove([adam])
        assert len(outcomes_of(study)) == 4 - diverged - gone
        assert Path("s.db").stat().st_size < size
        stepbench.sweep("quadratic", ["gd", "adam"], {"lr": [1e-4, 1e300]}, budget=500, study=study)
        assert (study.made, study.reused) == (4 + diverged + gone, 4 - diverged - gone)
        assert outcomes_of(study) == before


def test_a_run_that_was_put_twice_counts_once_and_with_the_most_that_was_kept_of_it():
    key, setting = b"k" * 16, b"s" * 16
    with Store("s.db") as store:
        for f, trace in ((1.0, None), (2.0, b"a trace"), (3.0, b"another"), (4.0, None)):
            store.put({setting: "{}"}, [piece(key, f, setting=setting, trace=trace)])
        store.put({setting: "{}"}, [piece(b"j" * 16, 5.0, setting=setting)])
        assert [run.f for run in store.runs(setting)] == [5.0, 2.0]
        assert (store.size(setting), store.statuses()) == (2, [(setting, "budget", 2)])
        assert [*store.traces()] == [(key, b"a trace")]
        assert store.found(setting, "trace").heads.key.tolist() == [key]
        assert store.remove([setting], "failed") == 0
        assert store.remove([setting], "budget") == 2
        assert store.settings() == {}


@pytest.mark.parametrize("traces", [False, True])
def test_two_that_make_the_same_runs_at_once_leave_each_once(traces):
    """The second begins while the first works, and knows nothing of its runs."""
    over = {"lr": np.geomspace(1e-5, 1e-3, 7)}

    def second(*_):
        with stepbench.Study("s.db", traces=traces) as study:
            stepbench.sweep("quadratic", "gd", over | {"seed": range(4)}, budget=2, noise=0.1, study=study)

    with stepbench.Study("s.db", progress=lambda made, _: made == 7 and second()) as study:
        stepbench.sweep("quadratic", "gd", over | {"seed": range(4)}, budget=2, noise=0.1, study=study)
        assert study.made == 28
    stepbench.sweep("quadratic", "gd", over | {"seed": range(4)}, budget=2, noise=0.1, study="once.db")
    ends = [sorted(repr(run._replace(curve=None, trace=None)) for run in runs_of(path)) for path in ("s.db", "once.db")]
    assert ends[0] == ends[1]
    with Store("s.db") as store:
        assert len([*store.traces()]) == (28 if traces else 0)
        [setting] = store.settings()
        assert store.size(setting) == 28


def test_some_runs_of_a_row_are_removed_and_the_others_stay_as_they_are():
    rates = {"lr": [1e-4, 1e300, 1e-3, 1e299, 2e-4]}
    stepbench.sweep("quadratic", "gd", rates, budget=500, study="s.db")
    assert scalars("s.db", "SELECT length(key) FROM runs") == [5 * 16]
    before = runs_of("s.db")
    with Store("s.db") as store:
        assert store.remove(store.settings(), "diverged") == 2
    assert runs_of("s.db") == [run for run in before if run.status != "diverged"]
    assert scalars("s.db", "SELECT runs FROM settings") == [3]
    assert damage_of(Path("s.db")) == []
    with stepbench.Study("s.db") as study:
        stepbench.sweep("quadratic", "gd", rates, budget=500, study=study)
        assert study.made == 2
    assert runs_of("s.db") == before
