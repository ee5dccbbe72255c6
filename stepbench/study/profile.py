"""Profiles: which part of a set of problems each method solves, and how fast.

``kinds`` has each kind of profile with its paper. When a problem is solved: J. Moré and S. Wild, "Benchmarking
derivative-free optimization algorithms", SIAM J. Optim. 20 (2009).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from stepbench import catalog
from stepbench.contracts import Problem, Runnable
from stepbench.engine.prepare import whole
from stepbench.fields import InputError
from stepbench.options import ProfileKind, RunOptions
from stepbench.showing import Shown
from stepbench.study import kinds
from stepbench.study.batch import batch
from stepbench.study.ends import Ends, Numbers, asked_for_f
from stepbench.study.grid import refuse_too_many
from stepbench.study.runs import joined
from stepbench.study.study import Study, using


class Pair(NamedTuple):
    """Two methods, and on how many problems each of them costs less.

    ``p`` is that of the sign test, corrected for the number of pairs.
    """

    first: str
    second: str
    wins: int
    losses: int
    ties: int
    p: float


def compared(labels: Sequence[str], costs: Numbers) -> list[Pair]:
    """The two-sided sign test of every pair of methods, (problems, methods), with Holm's correction.

    A problem that neither solves, or both at one cost, is a tie and tells nothing. How much faster a method is does
    not count, so that unsolved problems need no invented cost.
    """
    from scipy.special import bdtr

    pairs = []
    for i, j in itertools.combinations(range(len(labels)), 2):
        wins, losses = int((costs[:, i] < costs[:, j]).sum()), int((costs[:, i] > costs[:, j]).sum())
        fewer = min(wins, losses)
        p = min(1.0, 2 * float(bdtr(fewer, wins + losses, 0.5)))  # the chance of so few or fewer, on either side
        pairs.append(Pair(labels[i], labels[j], wins, losses, len(costs) - wins - losses, p))
    largest = 0.0  # so far: a pair's corrected p is at least that of every pair before it
    corrected = [*pairs]
    for rank, k in enumerate(sorted(range(len(pairs)), key=lambda k: pairs[k].p)):
        largest = max(largest, min(1.0, (len(pairs) - rank) * pairs[k].p))
        corrected[k] = pairs[k]._replace(p=largest)
    return corrected


class Run(NamedTuple):
    """How far one run came: ``left`` (n,) is (f − f_L) / (f(w₀) − f_L), falling, when it had spent ``spent`` (n,).

    Both are empty where the run was lost: one that diverged or failed never counts. ``total`` is what it spent in all.
    """

    spent: Numbers
    left: Numbers
    total: float

    def cost_to(self, tolerances: Sequence[float] | Numbers) -> Numbers:
        """What it had spent when no more than each of these parts was left, (tolerances,); infinite where more was."""
        first = np.searchsorted(-self.left, -np.asarray(tolerances))
        return np.append(self.spent, math.inf)[first]


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Shown):
    """What each method took on each problem to each tolerance: ``costs`` is (tolerances, problems, methods).

    A problem is solved to the tolerance τ where f ≤ f_L + τ (f(w₀) − f_L), with f_L the minimum f*, or, where that is
    unknown, the least f that any of the methods found; nobody solves it where none came below the start. A run that
    diverged or failed solves nothing, wherever it came before, and finds no f_L. Costs are gradient evaluations; d + 1
    evaluations of f count as one, in the budget too, for a method that asks for no gradients (Moré & Wild's simplex
    gradient). Infinite where unsolved.

    ``failed`` is the number of runs that failed, ``evaluations`` has all that each method asked for, of the gradient
    and of f, and ``runs`` every run, by problem and method. ``unknown`` has the numbers, as in ``whose``, of the
    problems whose minimum is unknown. ``kind`` is the kind that the table and the figure show: None for data and
    performance profiles together. ``data``, ``performance``, ``log_ratio``, ``quality`` and ``runtime`` have each kind.
    """

    problems: tuple[str, ...]
    labels: tuple[str, ...]
    tolerances: tuple[float, ...]
    costs: Numbers
    budget: int
    guessed: tuple[str, ...]
    gradient_free: tuple[str, ...]
    told: tuple[tuple[str, ...], ...]
    failed: int = 0
    seeds_of: tuple[int, ...] = ()
    evaluations: tuple[tuple[int, int], ...] = ()
    runs: tuple[tuple[Run, ...], ...] = ()
    unknown: tuple[int, ...] = ()
    kind: ProfileKind | None = None

    def drawn_as(self, kind: ProfileKind | None) -> Profile:
        """The same runs as another kind of profile; raises InputError where the methods are too few or too many."""
        return replace(self, kind=_fitting(kind, len(self.labels)))

    @property
    def whose(self) -> tuple[int, ...]:
        """For each of ``problems`` the number of the problem; those that differ in their seeds only have one number."""
        return self.seeds_of or tuple(range(len(self.problems)))

    @cached_property
    def instances(self) -> Numbers:
        """For each seed a whole set of problems, by their places in ``problems``: (seeds, problems).

        A problem that is not random has one place, which is in every set.
        """
        places = [np.flatnonzero(np.array(self.whose) == k) for k in dict.fromkeys(self.whose)]
        return np.array([[own[seed % len(own)] for own in places] for seed in range(max(map(len, places)))])

    @property
    def asked(self) -> tuple[float, ...]:
        """How many evaluations of f each method asked for per evaluation of the gradient; 0 where it asked for none."""
        return tuple(asked_for_f(*np.reshape(self.evaluations, (-1, 2)).T).tolist())

    @cached_property
    def data(self) -> kinds.Steps:
        """The data profiles, a panel per tolerance."""
        return kinds.data(self.costs[:, self.instances], self.budget)

    @cached_property
    def performance(self) -> kinds.Steps:
        """The performance profiles, a panel per tolerance."""
        return kinds.performance(self.costs[:, self.instances])

    @cached_property
    def log_ratio(self) -> Numbers:
        """The log-ratio profiles of two methods, (tolerances, problems): of medians, where there are several seeds."""
        return np.stack([kinds.log_ratio(costs) for costs in self.medians])

    @cached_property
    def quality(self) -> kinds.Steps:
        """The quality profile, in one panel."""
        left = np.array([[run.left[-1] if run.left.size else math.inf for run in runs] for runs in self.runs])
        return kinds.quality(left[self.instances], self.tolerances[-1])

    @cached_property
    def runtime(self) -> kinds.Steps:
        """The runtimes to many targets, with simulated restarts, in one panel: every problem, target and draw counts.

        The targets are evenly spaced in the logarithm, down to the smallest tolerance. The runs of a problem are its
        seeds. The axis ends where the budgets of all of them are spent. The draws have a fixed seed, and are the same
        for every method.
        """
        targets = np.geomspace(1.0, self.tolerances[-1], kinds.TARGETS + 1)[1:]
        seeds = len(self.instances)
        draws = kinds.DRAWS if seeds > 1 else 1
        rows = []
        for number, places in enumerate(self.instances.T):
            trials = [self.runs[place] for place in dict.fromkeys(places.tolist())]
            of_methods = []
            for of_method in zip(*trials, strict=True):
                hits = np.stack([run.cost_to(targets) for run in of_method], axis=1)
                spent = np.array([run.total for run in of_method])
                rng = np.random.default_rng((0, number))
                of_methods.append(kinds.restarted(hits, spent, draws, rng).ravel())
            rows.append(np.stack(of_methods, axis=1))
        return kinds.Steps(np.concatenate(rows)[None, None], 1.0, float(self.budget * seeds))

    @property
    def drawn(self) -> tuple[ProfileKind, ...]:
        """The kinds that the figure shows."""
        return ("data", "performance") if self.kind is None else (self.kind,)

    def steps(self, kind: ProfileKind) -> kinds.Steps:
        """The step functions of a kind that has them, which all but log-ratio profiles have."""
        steps: kinds.Steps = getattr(self, kind)
        return steps

    @property
    def judged(self) -> ProfileKind:
        """The kind by whose areas the methods are ranked: that which is shown, or data where it has no areas."""
        return self.kind if self.kind in ("performance", "quality", "runtime") else "data"

    @property
    def areas(self) -> Numbers:
        """The area under each profile of the kind that is judged by: (tolerances, methods), or (1, methods)."""
        areas: Numbers = self.steps(self.judged).areas
        return areas

    @cached_property
    def areas_of_known(self) -> Numbers:
        """The areas of the data profiles of the problems with a known minimum, which no set of methods changes.

        (tolerances, methods); NaN where no problem has one.
        """
        numbers = np.array(list(dict.fromkeys(self.whose)))
        known = ~np.isin(numbers, self.unknown)
        if not known.any():
            return np.full(self.data.areas.shape, math.nan)
        return kinds.data(self.data.amounts[:, :, known], self.budget).areas

    @property
    def ranking(self) -> list[int]:
        """The methods by their mean area, the largest first."""
        mean = self.areas.mean(axis=0).tolist()
        return sorted(range(len(mean)), key=lambda m: -mean[m])

    @cached_property
    def medians(self) -> Numbers:
        """The median cost over the seeds of each problem, (tolerances, problems, methods)."""
        return np.asarray(np.median(self.costs[:, self.instances], axis=1))

    def unsolved(self, method: int, tolerance: int = -1) -> list[str]:
        """The problems that a method did not solve to a tolerance."""
        return [
            name for name, cost in zip(self.problems, self.costs[tolerance, :, method], strict=True) if cost == math.inf
        ]

    def pairs(self) -> list[Pair]:
        """Every pair of methods at the smallest tolerance; a problem with several seeds counts once, by its median."""
        return compared(self.labels, self.medians[-1])


def _fitting(kind: ProfileKind | None, methods: int) -> ProfileKind | None:
    """The kind, where it fits so many methods."""
    if kind is not None and kind not in get_args(ProfileKind):
        raise InputError(f"kind must be one of {', '.join(get_args(ProfileKind))}, got {kind}")
    if kind == "log-ratio" and methods != 2:
        raise InputError(f"a log-ratio profile is of two methods, and there are {methods}: give two, or another kind")
    if kind in (None, "performance") and methods < 2:
        raise InputError("a profile compares methods: give at least two, or one with the kind data, quality or runtime")
    return kind


def profile(
    methods: Sequence[str | Runnable],
    problems: str | Sequence[str | Problem] = "mgh",
    *,
    max_dim: int | None = None,
    tolerances: Sequence[float] = (1e-1, 1e-3, 1e-5),
    budget: int = 500,
    seeds: int = 1,
    noise: float = 0.0,
    kind: ProfileKind | None = None,
    study: Study | str | Path | None = None,
) -> Profile:
    """Run every method once on every problem, and tell what part of them each solves at what cost.

    ``problems`` is the name of a suite, or a list of specs; those with more than ``max_dim`` parameters are left out.
    Where steps see samples or noise, there is a run for each of so many ``seeds``, each of which is a set of problems
    of its own. ``kind`` is what the table and the figure show; ``Profile.drawn_as`` shows the same runs as another.
    Raises InputError for what cannot run, before anything does.
    """
    tolerances = tuple(sorted(tolerances, reverse=True))
    if not tolerances or not 0 < tolerances[-1] <= tolerances[0] < 1:
        raise InputError(f"tolerances must be numbers between 0 and 1, got {', '.join(map(str, tolerances))}")
    methods = [methods] if isinstance(methods, str) else [*methods]
    kind = _fitting(kind, len(methods))
    if not methods:
        raise InputError("a profile needs methods: give at least one")
    seeds = whole("seeds", seeds, 1)
    labels, runnables = catalog.labelled(methods)
    named = [catalog.problem(p) for p in (catalog.suite(problems) if isinstance(problems, str) else problems)]
    distinct = [*{problem.spec(): problem for problem in named}.values()]  # one that is named twice counts once
    if max_dim is not None:
        distinct = [problem for problem in distinct if sum(problem.tensors) <= max_dim]
    if not distinct:
        limit = "" if max_dim is None else f" with at most {max_dim} parameters"
        raise InputError(f"a profile needs problems{limit}: give a suite, or some")
    largest = max(distinct, key=lambda problem: sum(problem.tensors))
    refuse_too_many(seeds * len(distinct), len(methods), largest, "seeds, or fewer problems")
    cases = [(p, seed) for p in distinct for seed in range(seeds if p.seeded or noise else 1)]
    f_at_starts, batches = [], []
    for problem, seed in cases:
        f_at_start = float(problem.f(np.repeat(problem.x0[:, None], 2, axis=1))[0])
        if not math.isfinite(f_at_start):
            raise InputError(f"{problem}: f is {f_at_start} at its start: leave it out, or choose another")
        f_at_starts.append(f_at_start)
        target = None if problem.f_star is None else tolerances[-1] * max(f_at_start - problem.f_star, 0.0)
        batches += [
            batch(problem, m, RunOptions(budget=budget * _unit(m, problem), target=target, seed=seed, noise=noise))
            for m in runnables
        ]
    with using(study) as opened:
        outcomes = joined(opened.outcomes(batches, keep="curve"))
    shape = len(cases), len(methods)
    ends, curves = Ends.of(outcomes, shape), outcomes.curve.reshape(shape)
    evaluations = np.stack([np.nansum(counts, axis=0) for counts in (ends.evals, ends.fevals)], axis=1).astype(int)
    runs = []
    for k, ((problem, _), f_at_start) in enumerate(zip(cases, f_at_starts, strict=True)):
        known = [b"" if lost else curve for lost, curve in zip(ends.lost[k], curves[k], strict=True)]
        units = [_unit(method, problem) for method in runnables]
        runs.append(_runs(known, ends.cost[k], units, budget, f_at_start, problem.f_star))
    costs = np.array([[run.cost_to(tolerances) for run in of_case] for of_case in runs])
    names = []
    for problem, seed in cases:
        has_seeds = seeds > 1 and (problem.seeded or noise)
        names.append(f"{problem} seed {seed}" if has_seeds else str(problem))
    return Profile(
        tuple(names),
        tuple(labels),
        tolerances,
        np.moveaxis(costs, 2, 0),
        budget,
        tuple(str(problem) for problem in distinct if problem.f_star is None),
        tuple(label for label, method in zip(labels, runnables, strict=True) if method.gradient_free),
        tuple(tuple(dict.fromkeys(method.needs)) for method in runnables),
        int((ends.status == "failed").sum()),
        tuple(distinct.index(problem) for problem, _ in cases),
        tuple(map(tuple, evaluations.tolist())),
        tuple(runs),
        tuple(k for k, problem in enumerate(distinct) if problem.f_star is None),
        kind,
    )


def _runs(
    kept: Sequence[bytes], costs: Numbers, units: Sequence[int], budget: int, f_at_start: float, f_star: float | None
) -> tuple[Run, ...]:
    """How far each method's run on one problem came; with an f* that is unknown, down to the least f of them all.

    ``kept`` are the curves of the runs, empty where one was lost, and ``costs`` what the runs spent in all.
    """
    curves = [np.frombuffer(curve).reshape(2, -1) for curve in kept]
    least = f_star
    if least is None:
        least = min([f_at_start, *(float(f.min()) for _, f in curves if f.size)])
    runs = []
    for cost, unit, (spent, f) in zip(costs.tolist(), units, curves, strict=True):
        total = (cost if cost > 0 else budget * unit) / unit  # of a run that crashed, nothing is known
        too_low = f.size > 0 and f[-1] < least - 1e-9 * max(1.0, abs(least))  # f* as declared is not the minimum
        nobody = f_star is None and least == f_at_start  # came below the start
        n = 0 if too_low or nobody else f.size
        above = np.maximum(f[:n] - least, 0.0)
        left = above / (f_at_start - least) if f_at_start > least else np.where(above > 0, math.inf, 0.0)
        runs.append(Run(np.maximum(spent[:n], 1.0) / unit, left, total))
    return tuple(runs)


def _unit(method: Runnable, problem: Problem) -> int:
    """How many evaluations count as one: d + 1 of f, for a method that asks for no gradients."""
    return problem.x0.size + 1 if method.gradient_free else 1
