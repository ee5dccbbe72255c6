"""What ``print`` shows of objects and of their tables."""

import io

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

import stepbench
from stepbench import lessons
from stepbench.engine.running import run_quietly


@pytest.fixture(scope="module")
def objects():
    return {
        "result": run_quietly("quadratic:kappa=10", "gd:lr=0.1", budget=2000, target=1e-3),
        "batch": run_quietly("rosenbrock", stepbench.method("gd", lr=np.geomspace(1e-4, 1e-1, 7)), budget=50),
        "comparison": stepbench.compare("rosenbrock", ["gd", "adam:lr=0.1", "scipy:nelder-mead"], budget=50),
        "sweep": stepbench.sweep("quadratic:kappa=10", ["gd"], ["lr=1e-3:1:4:log", "seed=0,1"], budget=500),
        "tuning": stepbench.tune("quadratic:kappa=10", ["gd", "gd:lr=1e-5"], trials=3, cases=2, budget=500),
        "profile": stepbench.profile(["gd", "bb"], ["quadratic", "rosenbrock"], budget=100),
        "autopsy": stepbench.explain("quadratic", "gd", budget=100),
        "lecture": lessons.load(lessons.names()[0]).run(),
    }


def test_objects_print_themselves_in_a_few_lines_without_their_arrays(objects):
    for name, thing in objects.items():
        printed = str(thing)
        assert printed == repr(thing), name
        assert "array(" not in printed, name
        assert "Result(" not in printed, name
        assert len(printed.splitlines()) <= 8, name
        assert max(map(len, printed.splitlines())) <= 160, name


def test_what_a_result_prints_is_how_it_ended(objects):
    """Of w ← w − 0.1 Q w with Q = diag(10, 1) w starts at (1, 2), so that the error is 2 · 0.9²ᵏ after k > 0."""
    steps = next(k for k in range(1000) if 2 * 0.9 ** (2 * k) <= 1e-3)
    error = 2 * 0.9 ** (2 * steps)
    assert str(objects["result"]) == (
        f"quadratic:kappa=10 · gd:lr=0.1: converged, error {error:.2e} after {steps} gradient evaluations"
    )
    ends = [objects["batch"][r].error[-1] for r in range(7)]
    assert str(objects["batch"]) == (
        f"rosenbrock · gd:lr=[7 values]: 7 runs: 4 budget, 3 diverged; least error {min(ends):.4g}"
    )
    head, *lines = str(objects["comparison"]).splitlines()
    assert head == "rosenbrock"
    for line, r in zip(lines, objects["comparison"].results, strict=True):
        assert line.startswith(f"  {r.label}: {r.status}, error {r.error[-1]:.4g} after ")
    assert lines[-1].endswith("function evaluations")  # it asked for no gradients
    assert "gradient" not in lines[-1]
    assert "saddle · gd: budget, f " in str(run_quietly("saddle", "gd", budget=5))  # its minimum is unknown


def test_what_a_sweep_prints_is_what_was_varied(objects):
    """A quadratic of curvatures 10 and 1 diverges above 2/10, and reaches 1e-6 within 500 steps at 0.1 and 0.01 …"""
    sweep = objects["sweep"]
    first, second = str(sweep).splitlines()
    assert first == "quadratic:kappa=10 · gd over lr (4 values), seed (2 values)"
    assert second.startswith("  8 runs: ")
    assert second.endswith(f"error ≤ 1e-06 reached by {sweep.reached.sum()}")


def test_tables_print_themselves(objects):
    for name, thing in objects.items():
        if name == "batch":
            continue
        table = thing.table()
        assert isinstance(table, Table), name  # rich and notebooks show it as ever
        console = Console(file=io.StringIO(), width=200)
        console.print(table)
        shown = [line.rstrip() for line in console.file.getvalue().strip().splitlines()]
        assert str(table).strip().splitlines() == shown, name
        assert "\x1b" not in str(table), name


def test_nothing_of_a_printed_table_is_cut_off_in_a_narrow_terminal(monkeypatch, objects):
    monkeypatch.setenv("COLUMNS", "20")
    printed = str(objects["comparison"].table())
    assert "…" not in printed
    for r in objects["comparison"].results:
        [line] = [line for line in printed.splitlines() if line.strip().startswith(f"{r.label} ")]
        assert line.endswith(r.status)
    assert max(map(len, str(objects["comparison"].table(50)).splitlines())) <= 50


def test_problems_and_methods_print_as_what_makes_them():
    assert (
        repr(stepbench.method("gd:lr=0.1")) == "Joined(direction=Gradient(), rule=Constant(lr=0.1), per=None, wd=None)"
    )


def test_the_value_of_a_run_is_its_error_or_f():
    known, unknown = (run_quietly(name, "gd", budget=5) for name in ("rosenbrock", "saddle"))
    assert known.value is known.error
    assert unknown.error is None
    assert unknown.value is unknown.f
