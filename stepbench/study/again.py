"""The question that a study's file answers, asked again of the runs that it keeps, so that none is made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stepbench import catalog
from stepbench.fields import InputError
from stepbench.study.profile import Profile, profile
from stepbench.study.runs import Run
from stepbench.study.store import Store
from stepbench.study.study import Study
from stepbench.study.sweep import Sweep, sweep

WHAT = "give the command that made them with --study and --plot: it makes only what is missing"


class _Run(NamedTuple):
    """What one kept run was given."""

    problem: str
    problem_parameters: dict[str, Any]
    method: str
    parameters: dict[str, Any]
    start: tuple[float, ...] | None
    seed: int
    options: tuple[tuple[str, Any], ...]


def asked_again(path: Path) -> Sweep | Profile:
    """The sweep, the map or the profile that the kept runs make up; raises InputError where they make up none."""
    with Store(path, new=False) as store:
        runs = [_run(facts, run) for key, facts in store.facts().items() for run in store.runs(key)]
    if not runs:
        raise InputError(f"{path} keeps no runs: there is nothing to draw")
    with Study(path, makes=False) as study:
        if len({run.problem for run in runs}) > 1:
            return _profile(runs, study)
        return _sweep(runs, study, path)


def _run(facts: dict[str, Any], run: Run) -> _Run:
    options = tuple((name, facts[name]) for name in ("noise", "budget", "steps", "target"))
    start = None if run.start is None else tuple(run.start)
    given = facts["problem_parameters"]
    return _Run(facts["problem"], given, facts["method"], json.loads(run.parameters), start, run.seed, options)


def _profile(runs: Sequence[_Run], study: Study) -> Profile:
    """Methods on the problems of a suite, with the usual tolerances; a gradient-free method has more evaluations."""
    methods = [_method(run.method, run.parameters) for run in runs]
    problems = [_problem(run.problem, run.problem_parameters) for run in runs]
    given = [dict(run.options) for run in runs]
    [[(_, noise)]] = _one({(("noise", of_run["noise"]),) for of_run in given}, study)
    budget, seeds = min(of_run["budget"] for of_run in given), len({run.seed for run in runs})
    return profile(
        [*dict.fromkeys(methods)], [*dict.fromkeys(problems)], budget=budget, noise=noise, seeds=seeds, study=study
    )


def _sweep(runs: Sequence[_Run], study: Study, path: Path) -> Sweep:
    """The grid of all that differs; where starts do, each setting is a method of its own."""
    [options] = _one({run.options for run in runs}, study)
    usual = tuple(catalog.problem(runs[0].problem, **runs[0].problem_parameters).x0.tolist())
    if len({run.start for run in runs}) > 1:  # a start that is the problem's own is not kept
        runs = [run._replace(start=run.start or usual) for run in runs]
    starts = {run.start for run in runs}
    over: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    varied: set[str] = set()
    if len(starts) > 1:
        over = {f"w{i + 1}": sorted({start[i] for start in starts if start}) for i in range(len(runs[0].start or ()))}
    else:
        fixed["start"] = runs[0].start
        for name in dict.fromkeys(name for run in runs for name in run.parameters):
            of_methods = [
                {run.parameters[name] for run in runs if run.method == method and name in run.parameters}
                for method in {run.method for run in runs}
            ]
            if any(len(values) > 1 for values in of_methods):
                over[name] = _in_order(set().union(*of_methods))
                varied.add(name)
    for name in runs[0].problem_parameters:
        values = {run.problem_parameters[name] for run in runs}
        if len(values) > 1:
            over[f"problem.{name}"] = _in_order(values)
    over = dict(sorted(over.items(), key=lambda item: -len(item[1]))) if len(starts) == 1 else over
    seeds = sorted({run.seed for run in runs})
    if len(seeds) > 1:
        over["seed"] = seeds
    else:
        fixed["seed"] = seeds[0]
    if not over:
        raise InputError(f"{path}: nothing differs among its runs but the method; {WHAT}")
    constant = {name: value for name, value in runs[0].problem_parameters.items() if f"problem.{name}" not in over}
    settings = [[run.method, {k: v for k, v in run.parameters.items() if k not in varied}] for run in runs]
    methods = [_method(*json.loads(setting)) for setting in dict.fromkeys(map(json.dumps, settings))]
    given = {name: value for name, value in (*options, *fixed.items()) if value is not None}
    return sweep(_problem(runs[0].problem, constant), [*dict.fromkeys(methods)], over, study=study, **given)


def _one(found: Iterable[Any], study: Study) -> list[Any]:
    """The one set of options that all runs had; raises InputError where there are several."""
    found = [*found]
    if len(found) > 1:
        names = sorted({item[0] for options in found for item in options if any(item not in other for other in found)})
        raise InputError(f"{study.store}: its runs differ in {', '.join(names)}; {WHAT}")
    return found


def _in_order(values: Iterable[Any]) -> list[Any]:
    """Numbers from the least up, and words in their order."""
    return sorted(values, key=lambda value: (isinstance(value, str), value is None, value))


def _method(name: str, values: dict[str, Any]) -> str:
    """A method as it is called, with those of its values that are not its defaults."""
    return catalog.label(catalog.method(name, **values))


def _problem(name: str, values: dict[str, Any]) -> str:
    return str(catalog.problem(name, **values))
