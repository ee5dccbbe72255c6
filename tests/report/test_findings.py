"""The sentences above figures: each number in them is one of the runs."""

import dataclasses

import pytest

from stepbench import catalog
from stepbench.engine.running import run_quietly
from stepbench.report.findings import finding, of_map, of_sweep
from stepbench.study.sweep import sweep, window_axes


def said_of(problem, *methods, **options):
    return finding([run_quietly(problem, method, **options) for method in methods])


def test_who_is_best_and_who_is_last_is_said_with_what_it_cost():
    words = said_of("rosenbrock", "gd", "scipy:bfgs", "csawg-p5:K=10", budget=2000)
    assert words == "scipy:bfgs: 37 gradients to the minimum; gd: error 0.043 after 2,000"


def test_a_target_is_named():
    words = said_of("quadratic:kappa=10", "gd:lr=0.1", "gd:lr=0.05", target=1e-3, budget=500)
    fast, slow = (run_quietly("quadratic:kappa=10", m, target=1e-3, budget=500) for m in ("gd:lr=0.1", "gd:lr=0.05"))
    assert words == f"gd:lr=0.1: 0.001 after {fast.evals[-1]} gradients; gd:lr=0.05: 0.001 after {slow.evals[-1]}"


def test_an_error_that_is_rounding_is_no_progress():
    r = run_quietly("quadratic:kappa=1", "gd:lr=0.9", steps=12)
    assert r.error[-1] > 0
    k = next(k for k, error in enumerate(r.error) if error <= 1e-16 * r.error[0])
    assert finding([r]) == f"gd:lr=0.9 on quadratic:kappa=1: {k} gradients to rounding"


@pytest.mark.parametrize("methods", [("gd:lr=0.3", "gd"), ("gd:lr=0.3", "momentum:lr=0.3", "gd")])
def test_who_is_lost_is_named(methods):
    words = said_of("rosenbrock", *methods, budget=50)
    lost = " and ".join(methods[:-1])
    assert words.endswith(f"; {lost} {'diverges' if len(methods) == 2 else 'diverge'}")


def test_equal_ends_are_said_once():
    assert said_of("quadratic", "gd:lr=0.001", "momentum:lr=0.001,p=0", budget=9).count("after") == 1


def test_the_finding_of_a_sweep_names_the_best_value_or_that_nothing_got_there():
    found = sweep("quadratic:kappa=10", ["gd", "momentum:p=0.5"], ["lr=0.02:0.18:9"], budget=300)
    best = min(found.sensitivities(), key=lambda line: line.cost.min())
    assert f"{best.label} is cheapest on quadratic:kappa=10: {best.cost.min():.0f} evaluations" in of_sweep(found)
    assert of_sweep(sweep("rosenbrock", "gd", ["lr=1e-5,1e-4"], budget=9)).startswith("Nothing reaches 1e-6 in 9 eval")


def test_the_finding_of_a_map_names_its_parts():
    found = sweep("himmelblau", ["gd:lr=0.01", "gd:lr=1e-5"], window_axes(catalog.problem("himmelblau"), 4), budget=80)
    part = f"{found.reached[0].mean():.0%}"
    assert of_map(found) == f"gallery/himmelblau: gd:lr=0.01 reaches 1e-6 from {part} of the starts, gd:lr=1e-5 from 0%"
    assert of_map(dataclasses.replace(found, labels=("{a", "b}"))).endswith(
        f"{{a reaches 1e-6 from {part} of the starts, b}} from 0%"
    )
