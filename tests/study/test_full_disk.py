"""A disk that is full, and places that cannot be written."""

import importlib
import re
import resource
from pathlib import Path

import pytest

import stepbench
from tests.study.kept import SMALL, SWEEP, content
from tests.waiting import PATIENCE


@pytest.mark.parametrize("place", ["/sys/s.db", "/proc/s.db", "no/such/folder/s.db", "folder"])
def test_a_place_that_cannot_be_written_is_found_before_anything_runs(stepbench_cli, monkeypatch, place):
    def never(work):
        raise AssertionError("something was run")

    monkeypatch.setattr(importlib.import_module("stepbench.study.study"), "perform", never)
    Path("folder").mkdir()
    code, out, err = stepbench_cli(*SMALL, "--study", place)
    assert (code, out) == (2, "")
    assert err.startswith(f"stepbench: {place} cannot be ")
    assert len(err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["folder"]


@pytest.mark.parametrize(
    "args", [("sweep", "rosenbrok", *SMALL[2:]), (*SMALL, "--start", "1"), (*SMALL, "--budget", "0")]
)
def test_input_that_is_refused_leaves_no_file_behind(stepbench_cli, args):
    assert stepbench_cli(*args, "--study", "s.db")[0] == 2
    assert not Path("s.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_disk_that_fills_up_says_what_is_kept_and_loses_nothing_of_it(started, workers):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, {resource.RLIM_INFINITY}))"
    main = f"{limit}; from stepbench import cli; cli.main({[*SWEEP[2:], '--over', 'seed=0:40', '--workers', workers]!r}"
    process = started("-B", "-c", f"{main} + ['--budget', '50', '--noise', '0.1', '--study', 's.db'])")
    assert process.wait(PATIENCE) == 2
    err = process.err.read_text()
    assert len(err.splitlines()) == 1
    told = re.match(
        r"stepbench: s\.db cannot grow, the disk may be full: .*\. (\d+) of 800 runs are (?:made and )?kept", err
    )
    assert told, err
    rows = content("s.db")["runs"]
    assert 0 < len(rows) == int(told[1]) < 800
    started.all_end()
    over = ["lr=1e-5:1e-2:20:log", "seed=0:40"]
    with stepbench.Study("s.db") as study:
        stepbench.sweep("rosenbrock", "adam", over, noise=0.1, budget=50, study=study)
        assert (study.made, study.reused) == (800 - len(rows), len(rows))
    stepbench.sweep("rosenbrock", "adam", over, noise=0.1, budget=50, study="whole.db")
    assert content("s.db") == content("whole.db")


def test_a_disk_that_is_full_from_the_start_is_found_before_anything_runs(started):
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, {resource.RLIM_INFINITY}))"
    spy = "from stepbench.study import study; study.perform = lambda work: open('it ran', 'w').close()"
    process = started(
        "-B", "-c", f"{limit}; {spy}; from stepbench import cli; cli.main({[*SMALL, '--study', 's.db']!r})"
    )
    assert process.wait(PATIENCE) == 2
    assert process.err.read_text().startswith("stepbench: s.db cannot grow, the disk may be full: ")
    assert len(process.err.read_text().splitlines()) == 1
    assert not Path("it ran").exists()


@pytest.mark.slow
def test_a_file_that_may_not_grow_keeps_every_run_that_it_counts():
    over = {"lr": [1e-4, 1e-3], "seed": range(80)}
    with stepbench.Study("s.db") as study:
        stepbench.sweep("quadratic", "gd", {"lr": [1e-4], "seed": [0]}, noise=0.1, budget=5, study=study)
        study.store._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(stepbench.InputError, match=r"s\.db cannot grow, the disk may be full") as refused:
            stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=5, study=study)
        [kept] = re.findall(r"(\d+) of 159 runs are (?:made and )?kept", str(refused.value))
        assert len(content("s.db")["runs"]) == int(kept) + 1 > 10
        study.store._db.execute("PRAGMA max_page_count = 1000000")
        stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=5, study=study)
        assert study.reused == int(kept) + 1
    stepbench.sweep("quadratic", "gd", over, noise=0.1, budget=5, study="whole.db")
    assert content("s.db") == content("whole.db")
