"""Each cell of a grid is the run that ``stepbench.run`` makes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import catalog
from stepbench.engine.running import run_quietly
from stepbench.options import RunOptions
from stepbench.study.batch import batch
from tests.study.kept import bits, outcomes_of

LRS = st.lists(st.sampled_from([1e-4, 1e-3, 0.02, 0.3, 7.0, 1e200]), min_size=1, max_size=4, unique=True)
PROBLEMS = {
    "rosenbrock": {"problem.b": [1.0, 100.0]},
    "quadratic": {"problem.kappa": [5.0, 50.0], "problem.angle": [0.0, 30.0], "problem.dim": [2, 3]},
    "linear-regression:batch=10": {},
    "easom": {},
    "saddle": {},
    "himmelblau": {},
}
METHODS = {
    "gd": {"lr": LRS},
    "adam": {"lr": LRS, "beta1": st.lists(st.sampled_from([0.0, 0.5, 0.9]), min_size=1, unique=True)},
    "csawg": {"lr": LRS, "K": st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True)},
    "momentum+rdbd": {"lr": LRS},
    "rdbd:per=component": {"lr": LRS},
    "scipy:bfgs": {},
    "scipy:nelder-mead": {},
}


@st.composite
def grids(draw):
    """A problem, methods that share their axes, the axes in some order, and the options of a run."""
    problem = draw(st.sampled_from([*PROBLEMS]))
    peers = "batch" not in problem
    first = draw(st.sampled_from([name for name in METHODS if peers or "scipy" not in name]))
    axes = {name: draw(values) for name, values in METHODS[first].items() if draw(st.booleans())}
    axes |= {name: values for name, values in PROBLEMS[problem].items() if draw(st.booleans())}
    options = {"budget": draw(st.integers(1, 40)), "steps": draw(st.sampled_from([None, 1, 7]))}
    options["noise"] = 0.0 if "scipy" in first else draw(st.sampled_from([0.0, 0.5]))
    options["target"] = draw(st.sampled_from([1e-6, 1.0, 50.0])) if problem != "saddle" else None
    if draw(st.booleans()):
        axes["seed"] = draw(st.lists(st.integers(0, 9), min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        axes["w2"] = draw(st.lists(st.sampled_from([-70.25, 0.125, 60.5]), min_size=1, max_size=3, unique=True))
    if draw(st.booleans()) and "problem.dim" not in axes:
        options["start"] = [draw(st.sampled_from([0.25, 70.5])) for _ in catalog.problem(problem).x0]
    axes = axes or {"seed": [4]}
    return problem, first, {name: axes[name] for name in draw(st.permutations([*axes]))}, options


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(grids())
def test_each_cell_of_a_grid_has_the_bits_of_that_run_alone(grid):
    problem, method, axes, options = grid
    with stepbench.Study() as study:
        fresh = stepbench.sweep(problem, method, axes, study=study, **options)
        kept = stepbench.sweep(problem, method, axes, study=study, **options)
        assert study.made == study.reused == fresh.ends.f.size
        outcomes = outcomes_of(study)
    told = {name: value for name, value in options.items() if name != "start"}
    told["target"] = None if catalog.problem(problem).f_star is None else told["target"]
    keys, swept = set(), {axis.name: axis.values for axis in fresh.axes}
    assert {name: set(values) for name, values in swept.items()} == {name: set(own) for name, own in axes.items()}
    for cell in np.ndindex(fresh.ends.f.shape):
        values = {name: own[k] for (name, own), k in zip(swept.items(), cell[1:], strict=True)}
        one = catalog.problem(problem, **{k.partition(".")[2]: v for k, v in values.items() if "problem." in k})
        own = catalog.method(method, **{k: v for k, v in values.items() if k in ("lr", "beta1", "K")})
        start = None
        if "start" in options or "w2" in values:
            start = np.array(options.get("start", one.x0), dtype=float)
            start[1] = values.get("w2", start[1])
        seed = values.get("seed", 0)
        alone = run_quietly(one, own, start=start, seed=seed, **told)
        [key] = batch(one, own, RunOptions(start=start, seed=seed, **told)).heads.key
        keys.add(key)
        outcome = outcomes[key]
        assert (outcome.status, outcome.detail, outcome.steps) == (alone.status, alone.detail, alone.steps)
        assert (outcome.evals, outcome.fevals) == (alone.evals[-1], alone.fevals[-1])
        for ends in (fresh.ends, kept.ends):
            assert ends.status[cell] == alone.status
            assert (ends.evals[cell], ends.fevals[cell]) == (alone.evals[-1], alone.fevals[-1])
            assert bits(ends.f[cell]) == bits(alone.f[-1] + 0)  # SQLite knows no -0
            assert bits(ends.point[cell][: alone.x.shape[1]]) == bits(alone.x[-1])
            if alone.error is None:
                assert np.isnan(ends.error[cell])
            else:
                assert bits(ends.error[cell]) == bits(alone.error[-1])
    assert keys == outcomes.keys()
