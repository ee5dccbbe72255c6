"""Fair tuning: every method gets as many trials, from ranges that are declared, on the same starts and seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, Problem, Runnable, hyperparameters, values_of, varying, with_values
from stepbench.engine.prepare import whole
from stepbench.fields import InputError, nearest
from stepbench.options import RunOptions
from stepbench.showing import Shown
from stepbench.study.batch import batch
from stepbench.study.ends import Ends, Numbers, asked_for_f
from stepbench.study.grid import Interval, Over, interval, pairs, refuse_too_many
from stepbench.study.profile import Pair, compared
from stepbench.study.runs import taken
from stepbench.study.study import Study, using
from stepbench.study.sweep import default_target

SPREAD = 0.1
"""The standard deviation of the starts around the problem's own, as a part of each component, or of 1."""


EDGE = 0.05
"""The part of a range at each end in which a value is at the edge."""

DRAWS = 1000
"""How often a start is drawn until f is finite there; after every ten the spread is halved."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """One method at its best setting.

    ``cost`` is what each case cost to the target, (cases,), infinite where it was not reached, and ``left`` the error
    at the end, or f where f* is unknown, (cases,). ``interval`` is that of the median cost (of ``left`` where there is
    no target), at 95 %, by the bootstrap. ``spent`` is what all trials took, in gradient evaluations. ``places`` says
    where in its range, 0 to 1, each tuned value lies, and ``asked`` how many evaluations of f the method asked for per
    evaluation of the gradient. ``failed`` is the number of its runs that failed. ``found`` is False where most runs
    were lost in every trial: then the setting is none of the best.
    """

    label: str
    method: Runnable
    ranges: dict[str, Interval]
    setting: dict[str, Any]
    places: dict[str, float]
    trials: int
    spent: int
    cost: Numbers
    left: Numbers
    interval: tuple[float, float]
    told: tuple[str, ...]
    gradient_free: bool
    asked: float
    failed: int = 0
    found: bool = True

    @property
    def median(self) -> float:
        """The median cost to the target; infinite where most cases did not reach it."""
        return float(np.median(self.cost))

    @property
    def at_edges(self) -> list[str]:
        """The tuned values that lie in the outermost twentieth of a range which could be wider there."""
        fields = {key: field for key, (_, field) in hyperparameters(self.method).items()}
        return [
            key
            for key, place in self.places.items()
            if (place < EDGE and self.ranges[key].could_begin_lower(fields[key]))
            or (place > 1 - EDGE and self.ranges[key].could_end_higher(fields[key]))
        ]

    @property
    def outermost(self) -> list[str]:
        """The tuned values beyond which no trial lay, but for those at the end of a range that cannot be wider."""
        return [
            key
            for key, place in self.places.items()
            if not self.ranges[key].choices
            and EDGE <= place <= 1 - EDGE
            and not 1 < place * self.trials < self.trials - 1
        ]

    @property
    def charged(self) -> float:
        """The median cost with all trials charged."""
        return self.spent + self.median


@dataclass(frozen=True, eq=False, repr=False)
class Tuning(Shown):
    """Methods tuned alike and scored on cases that the tuning did not see.

    ``redrawn`` is the number of starts that were drawn again because f or its gradient is not finite where they fell.
    """

    problem: Problem
    methods: tuple[Tuned, ...]
    target: float | None
    budget: int
    tune_budget: int
    noisy: bool
    redrawn: int = 0

    @property
    def ranked(self) -> list[Tuned]:
        """The methods by their median cost, and those at one cost by their median error."""
        return sorted(self.methods, key=lambda tuned: (tuned.median, float(np.median(tuned.left))))

    def pairs(self) -> list[Pair]:
        """The sign test of every pair of the ranked methods, over the cases; the pairs of the first come first."""
        ranked = self.ranked
        amounts = [tuned.left if self.target is None else tuned.cost for tuned in ranked]
        return compared([tuned.label for tuned in ranked], np.stack(amounts, axis=1))


def tune(
    problem: str | Problem,
    methods: str | Runnable | Sequence[str | Runnable],
    *,
    trials: int = 32,
    cases: int = 10,
    over: Over = (),
    target: float | None = None,
    budget: int = 10_000,
    tune_budget: int | None = None,
    seed: int = 0,
    noise: float = 0.0,
    study: Study | str | Path | None = None,
) -> Tuning:
    """Tune every method in the same number of trials, and score the best setting on fresh cases.

    The trials are a Latin hypercube (scipy.stats.qmc) in the ranges that the methods' fields declare as ``search``,
    or that ``over`` gives in their place: ``"lr=1e-4:1:log"``. What a spec states, as ``adam:lr=0.01`` does, keeps its
    value unless ``over`` names it. A trial's score is its median cost to the target over the cases, and, where most do
    not reach it, the median error. Where steps see samples or noise, a case is a seed; elsewhere it is a start, drawn
    around the problem's own, which is the first that is scored. Starts lie in the problem's ``domain``; where it
    declares none, those at which f is not finite are drawn again, nearer and nearer. Cases that are scored are not
    those that were tuned on. ``tune_budget`` is the trials' budget, where it is not that of the scores. ``target`` is
    as in ``sweep``.
    Raises InputError for what cannot run, before anything does.
    """
    problem = catalog.problem(problem)
    trials, cases = whole("trials", trials, 1), whole("cases", cases, 1)
    methods = [methods] if isinstance(methods, str) or not isinstance(methods, Sequence) else list(methods)
    if not methods:
        raise InputError("give at least one method")
    refuse_too_many(max(trials, 2) * cases, len(methods), problem, "trials, or fewer cases")
    labels, runnables = catalog.labelled(methods)
    ranges = _ranges(runnables, [catalog.defaults(method) for method in methods], over)
    target = default_target(problem) if target is None else target
    tune_budget = budget if tune_budget is None else tune_budget
    scoring = RunOptions(budget=budget, target=target, noise=noise, seed=seed)
    trying = replace(scoring, budget=tune_budget)
    for method in runnables:  # refuses what cannot run
        for options in (trying, scoring):
            batch(problem, method, options)
    noisy = bool(problem.seeded or noise)
    tuned_on = [_case(problem, seed, k, noisy) for k in range(1, cases + 1)]
    scored_on = [_case(problem, seed, k, noisy) for k in (0, *range(cases + 1, 2 * cases))]
    drawn = [_drawn(of_method, trials, seed) for of_method in ranges]
    settings = [[_setting(of_method, row) for row in rows] for of_method, rows in zip(ranges, drawn, strict=True)]
    with using(study) as opened:
        tried = _ends(opened, problem, [*zip(runnables, settings, strict=True)], tuned_on, trying)
        chosen = [_best(ends, target) for ends in tried]
        best = [of_method[k] for of_method, k in zip(settings, chosen, strict=True)]
        scored = _ends(opened, problem, [(m, [s]) for m, s in zip(runnables, best, strict=True)], scored_on, scoring)
    tuned = []
    for m, method in enumerate(runnables):
        cost, left = (values[0] for values in _measures(scored[m], target))
        ends_left = np.median(_measures(tried[m], target)[1], axis=1)
        tuned.append(
            Tuned(
                label=labels[m],
                method=with_values(method, best[m]),
                ranges=ranges[m],
                setting=best[m],
                places=dict(zip(ranges[m], drawn[m][chosen[m]].tolist(), strict=True)),
                trials=len(drawn[m]),
                spent=int(np.where(np.isnan(tried[m].cost), tune_budget, tried[m].cost).sum()),  # a crash costs it all
                cost=cost,
                left=left,
                interval=_spread(left if target is None else np.minimum(cost, budget), seed),
                told=tuple(dict.fromkeys(method.needs)),
                gradient_free=bool(scored[m].gradient_free.any()),
                asked=float(asked_for_f(np.nansum(scored[m].evals), np.nansum(scored[m].fevals))),
                failed=sum(int((ends.status == "failed").sum()) for ends in (tried[m], scored[m])),
                found=bool(np.isfinite(ends_left[chosen[m]])),
            )
        )
    redrawn = 0 if problem.domain is not None else sum(case.redrawn for case in (*tuned_on, *scored_on))
    return Tuning(problem, tuple(tuned), target, budget, tune_budget, noisy, redrawn)


class _Case(NamedTuple):
    """A seed and a start, which is None for the problem's own; ``redrawn`` where it was not the first one drawn."""

    seed: int
    start: Numbers | None
    redrawn: bool = False


def _case(problem: Problem, seed: int, k: int, noisy: bool) -> _Case:
    """Case k: another seed where steps are random, and else another start; case 0 has the seed and start as given."""
    if k == 0:
        return _Case(seed, None)
    rng = np.random.default_rng((seed, k))
    if noisy:
        return _Case(int(rng.integers(1 << 32)), None)
    spread = SPREAD * np.maximum(1.0, np.abs(problem.x0))
    for draw in range(DRAWS):
        start = problem.x0 + spread * 0.5 ** (draw // 10) * rng.standard_normal(problem.x0.size)
        if _begins(problem, start):
            return _Case(seed, start, draw > 0)
    return _Case(seed, problem.x0)


def _begins(problem: Problem, start: Numbers) -> bool:
    """Whether a run can begin there: within the domain, where f and its gradient are finite."""
    twice = np.repeat(start[:, None], 2, axis=1)
    if not problem.within(twice).all():
        return False
    try:
        with np.errstate(all="ignore"):
            return bool(np.isfinite(problem.f(twice)).all() and np.isfinite(problem.grad(twice)).all())
    except Exception:  # f is not defined there, and says so
        return False


def _ranges(methods: Sequence[Runnable], defaults: Sequence[dict[str, Any]], over: Over) -> list[dict[str, Interval]]:
    """The ranges of each method: those given, and for the rest those its fields declare, unless its spec states it."""
    given = dict(pairs(over))
    ranges, known = [], set()
    for method, default in zip(methods, defaults, strict=True):
        fields = {key: field for key, (_, field) in hyperparameters(method).items()}
        known |= set(fields)
        unstated = [key for key, value in values_of(method).items() if np.array_equal(value, default[key])]
        texts = {key: fields[key].search for key in unstated if fields[key].search}
        texts |= {key: text for key, text in given.items() if key in fields}
        ranges.append({key: interval(key, text, fields[key]) for key, text in texts.items()})
    if unknown := [key for key in given if key not in known]:
        raise InputError(f"none of the methods has a hyper-parameter {unknown[0]}{nearest(unknown[0], known)}")
    return ranges


def _drawn(ranges: dict[str, Interval], trials: int, seed: int) -> Numbers:
    """Places in the ranges, 0 to 1: (trials, ranges); a single trial where there is nothing to tune."""
    if not ranges:
        return np.empty((1, 0))
    from scipy.stats import qmc

    return np.asarray(qmc.LatinHypercube(len(ranges), rng=np.random.default_rng(seed)).random(trials))


def _setting(ranges: dict[str, Interval], places: Numbers) -> dict[str, Any]:
    return {key: span.values([place])[0] for (key, span), place in zip(ranges.items(), places.tolist(), strict=True)}


def _ends(
    study: Study,
    problem: Problem,
    wanted: Sequence[tuple[Runnable, list[dict[str, Any]]]],
    cases: Sequence[_Case],
    options: RunOptions,
) -> list[Ends]:
    """The ends of each method's settings on every case, (settings, cases) for each method."""
    sizes = [len(settings) * len(cases) for _, settings in wanted]
    placed = []
    for m, (method, settings) in enumerate(wanted):
        for some in _in_lockstep(method, settings, cases):
            in_batch = [settings[i] for i, _ in some]
            many = [key for key in varying(method) if key in in_batch[0]]
            start = None if problem.random_start else _starts(problem, [cases[c] for _, c in some])
            runs = batch(
                problem,
                with_values(method, {key: value for key, value in in_batch[0].items() if key not in many}),
                replace(options, start=start, seed=cases[some[0][1]].seed),
                values={key: [setting[key] for setting in in_batch] for key in many},
            )
            placed.append((runs, [sum(sizes[:m]) + i * len(cases) + c for i, c in some]))
    outcomes = study.in_order(placed)
    return [
        Ends.of(taken(outcomes, slice(sum(sizes[:m]), sum(sizes[: m + 1]))), (len(settings), len(cases)))
        for m, (_, settings) in enumerate(wanted)
    ]


def _starts(problem: Problem, cases: Sequence[_Case]) -> Numbers:
    """The first points of these cases, (d, R)."""
    return np.stack([problem.x0 if case.start is None else case.start for case in cases], axis=1)


def _in_lockstep(
    method: Runnable, settings: Sequence[dict[str, Any]], cases: Sequence[_Case]
) -> list[list[tuple[int, int]]]:
    """Which (setting, case) can be one batch: the same structure, the same seed, and a method of the bench."""
    many = varying(method)
    batches: dict[Any, list[tuple[int, int]]] = {}
    for i, setting in enumerate(settings):
        structure = tuple(value for key, value in setting.items() if key not in many)
        for c, case in enumerate(cases):
            differs = case.start is not None or any(key in many for key in setting)
            alone = () if isinstance(method, Method) and differs else (i, c)
            batches.setdefault((structure, case.seed, alone), []).append((i, c))
    return [*batches.values()]


def _measures(ends: Ends, target: float | None) -> tuple[Numbers, Numbers]:
    """The cost to the target, infinite where it was not reached, and what the error (or f) was at the end."""
    return ends.cost_to(target), ends.left(target)


def _best(ends: Ends, target: float | None) -> int:
    """The setting with the least median cost, and among equals the least median error."""
    cost, left = _measures(ends, target)
    return int(np.lexsort((np.median(left, axis=1), np.median(cost, axis=1)))[0])


def _spread(values: Numbers, seed: int) -> tuple[float, float]:
    """The 95 % interval of the median, by the bootstrap over cases."""
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan, math.nan
    from scipy.stats import bootstrap

    rng = np.random.default_rng(seed)
    ends = bootstrap((values,), np.median, method="percentile", n_resamples=2_000, rng=rng).confidence_interval
    return float(ends.low), float(ends.high)
