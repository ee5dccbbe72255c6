"""The groups of a grid: which runs it makes, and which go in lock-step."""

import itertools
import math

import numpy as np
import pytest

from stepbench import catalog
from stepbench.engine.running import run_quietly
from stepbench.study.grid import axes, groups
from stepbench.study.sweep import sweep
from tests.study.grids import read

INF = math.inf


def cells_of(over, method, problem="quadratic", start=None):
    """Every cell as the groups have it: (problem, method with its values, seed, start), by its index in the grid."""
    problem, method = catalog.problem(problem), catalog.method(method)
    found = {}
    made = [*groups(problem, method, axes(over, problem, [method]), 7, start)]
    for group in made:
        for r, cell in enumerate(group.cells.tolist()):
            assert cell not in found
            own = {name: float(column[r]) for name, column in group.values.items()}
            point = group.start if group.start is None or group.start.ndim == 1 else group.start[:, r]
            point = None if point is None else point.tolist()
            found[cell] = str(group.problem), catalog.method(group.method, **own).spec(), group.seed, point
    return made, found


@pytest.mark.parametrize(
    ("over", "method", "apart"),
    [
        (["lr=1,2,3"], "gd", 1),
        (["lr=1,2,3", "eta=0:0.1:4"], "rdbd", 1),
        (["seed=0:3", "lr=1,2"], "gd", 3),
        (["lr=1,2", "seed=0:3"], "gd", 3),
        (["lr=1,2", "K=1,2,5"], "csawg", 3),
        (["K=1,2,5", "w2=0:1:4", "lr=1,2", "seed=5,8"], "csawg", 6),
        (["problem.kappa=10,100", "lr=1,2,3", "problem.angle=0,45"], "gd", 4),
        (["w1=0,1,2", "w2=5,6"], "gd", 1),
        (["per=run,component", "lr=1,2"], "rdbd", 2),
        (["f_star=none,-0.2,-0.3", "c=1,2"], "sps", 3),
        (["f_star=-0.2,-0.3", "c=1,2"], "sps", 1),
        (["gamma=0.2,0.3", "lr=1,2"], "tlr", 1),
        (["w1=0,1", "w2=2,3,4"], "scipy:bfgs", 6),
        (["tol=1e-9,1e-6", "w2=2,3,4"], "scipy:bfgs", 6),
    ],
)
def test_groups_hold_every_cell_once_and_share_what_can_go_in_lock_step(over, method, apart):
    made, found = cells_of(over, method)
    assert len(made) == apart
    grid = read(*over, methods=[method])
    assert sorted(found) == [*range(math.prod(len(axis.values) for axis in grid))]
    for cell, chosen in enumerate(itertools.product(*(axis.values for axis in grid))):
        own = {axis.name: value for axis, value in zip(grid, chosen, strict=True)}
        problem = {name[8:]: value for name, value in own.items() if name.startswith("problem.")}
        starts = {int(name[1:]) - 1: value for name, value in own.items() if name in ("w1", "w2")}
        rest = {name: value for name, value in own.items() if name not in ("seed", "w1", "w2") and "." not in name}
        stated = catalog.problem("quadratic", **problem)
        point = [starts.get(i, float(stated.x0[i])) for i in range(2)] if starts else None
        assert found[cell] == (str(stated), catalog.method(method, **rest).spec(), own.get("seed", 7), point)


def test_a_component_of_the_start_replaces_that_of_the_start_that_is_given():
    _, found = cells_of(["w2=5,6"], "gd", start=[8.0, 9.0])
    assert [point for *_, point in found.values()] == [[8.0, 5.0], [8.0, 6.0]]
    _, found = cells_of(["lr=1,2"], "gd", start=[8.0, 9.0])
    assert [point for *_, point in found.values()] == [[8.0, 9.0], [8.0, 9.0]]


@pytest.mark.parametrize(
    ("over", "method"),
    [
        (["lr=1e-4:0.3:4:log", "problem.kappa=10,100", "w1=0.5,2"], "momentum"),
        (["seed=0:2", "lr=1e-3,1e-2", "K=1,2"], "csawg"),
        (["w1=-2,1", "w2=0.5,3"], "scipy:bfgs"),
    ],
)
def test_every_run_of_a_sweep_has_the_bits_that_it_has_alone(over, method):
    noise = 0.0 if method.startswith("scipy") else 0.1
    found = sweep("quadratic", method, over, budget=60, noise=noise)
    shape = tuple(len(axis.values) for axis in found.axes)
    assert found.ends.f.shape == (1, *shape)
    for at in np.ndindex(shape):
        own = {axis.name: axis.values[i] for axis, i in zip(found.axes, at, strict=True)}
        problem = catalog.problem("quadratic", **{n[8:]: v for n, v in own.items() if n.startswith("problem.")})
        start = [own.get("w1", float(problem.x0[0])), own.get("w2", float(problem.x0[1]))]
        rest = {n: v for n, v in own.items() if n not in ("seed", "w1", "w2") and "." not in n}
        options = {"start": start, "seed": own.get("seed", 0), "budget": 60, "noise": noise, "target": 1e-6}
        alone = run_quietly(problem, catalog.method(method, **rest), **options)
        here = (0, *at)
        assert found.ends.point[here].tolist() == alone.x[-1].tolist()
        assert found.ends.error[here] == alone.error[-1]
        assert (found.ends.status[here], found.ends.evals[here]) == (alone.status, alone.evals[-1])
        assert found.cost[here] == (alone.evals[-1] if alone.error[-1] <= 1e-6 else INF)
