"""Profiles: which part of a set of problems each method solves, and how fast.

Source: E. Dolan and J. Moré, "Benchmarking optimization software with performance profiles", Mathematical Programming
91 (2002); J. Moré and S. Wild, "Benchmarking derivative-free optimization algorithms", SIAM J. Optim. 20 (2009).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.contracts import Problem, Runnable
from stepbench.engine.prepare import whole
from stepbench.fields import InputError
from stepbench.options import RunOptions
from stepbench.showing import Shown
from stepbench.study.batch import batch
from stepbench.study.ends import Numbers, asked_for_f
from stepbench.study.grid import refuse_too_many
from stepbench.study.study import Study, using


def ratios(costs: Numbers) -> Numbers:
    """r = t / min t over the methods, (problems, methods); infinite where a method did not solve the problem.

    Dolan & Moré 2002, section 2.
    """
    least = costs.min(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(costs), costs / least, math.inf)


def solved_within(amounts: Numbers, limits: Numbers) -> Numbers:
    """The part of the problems whose amount is at most each of the limits, (limits, methods).

    Of ratios it is the performance profile ρ, of costs the data profile d.
    """
    return np.asarray((amounts[None] <= np.reshape(limits, (-1, 1, 1))).mean(axis=1))


def area(amounts: Numbers, low: float, high: float) -> Numbers:
    """The area under each method's profile from low to high, on a logarithmic axis, as a part of the whole: (methods,).

    1 where a method solves every problem at ``low``, 0 where it solves none by ``high``.
    """
    if high <= low:
        return np.asarray((amounts <= low).mean(axis=0))
    late = np.log(np.clip(amounts, low, high) / low) / math.log(high / low)
    return np.asarray((1 - late).mean(axis=0))


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


@dataclass(frozen=True, eq=False, repr=False)
class Profile(Shown):
    """What each method took on each problem to each tolerance: ``costs`` is (tolerances, problems, methods).

    A problem is solved to the tolerance τ where f ≤ f_L + τ (f(w₀) − f_L), with f_L the minimum f*, or, where that is
    unknown, the least f that any of the methods found; nobody solves it where none came below the start. Costs are
    gradient evaluations; d + 1 evaluations of f count as one, in the budget too, for a method that asks for no
    gradients (Moré & Wild's simplex gradient). Infinite where unsolved. ``failed`` is the number of runs that failed,
    and ``asked`` has the evaluations of f per evaluation of the gradient, for each method.
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
    asked: tuple[float, ...] = ()

    @property
    def whose(self) -> tuple[int, ...]:
        """For each of ``problems`` the number of the problem; those that differ in their seeds only have one number."""
        return self.seeds_of or tuple(range(len(self.problems)))

    @cached_property
    def ratios(self) -> Numbers:
        """The performance ratios, as ``costs``."""
        return np.stack([ratios(costs) for costs in self.costs])

    @property
    def span(self) -> float:
        """Where performance profiles end: the largest finite ratio, and at least 2."""
        finite = self.ratios[np.isfinite(self.ratios)]
        return max(2.0, float(finite.max(initial=2.0)))

    @cached_property
    def areas(self) -> Numbers:
        """The area under each performance profile, (tolerances, methods)."""
        return np.stack([area(r, 1.0, self.span) for r in self.ratios])

    @property
    def ranking(self) -> list[int]:
        """The methods by their mean area, the largest first."""
        mean = self.areas.mean(axis=0).tolist()
        return sorted(range(len(mean)), key=lambda m: -mean[m])

    def unsolved(self, method: int, tolerance: int = -1) -> list[str]:
        """The problems that a method did not solve to a tolerance."""
        return [
            name for name, cost in zip(self.problems, self.costs[tolerance, :, method], strict=True) if cost == math.inf
        ]

    def pairs(self) -> list[Pair]:
        """Every pair of methods at the smallest tolerance; a problem with several seeds counts once, by its median."""
        whose = np.array(self.whose)
        medians = [np.median(self.costs[-1][whose == k], axis=0) for k in np.unique(whose)]
        return compared(self.labels, np.array(medians))


def profile(
    methods: Sequence[str | Runnable],
    problems: str | Sequence[str | Problem] = "mgh",
    *,
    max_dim: int | None = None,
    tolerances: Sequence[float] = (1e-1, 1e-3, 1e-5),
    budget: int = 500,
    seeds: int = 1,
    noise: float = 0.0,
    study: Study | str | Path | None = None,
) -> Profile:
    """Run every method once on every problem, and tell what part of them each solves at what cost.

    ``problems`` is the name of a suite, or a list of specs; those with more than ``max_dim`` parameters are left out.
    Where steps see samples or noise, each of so many ``seeds``
    counts as a problem. Raises InputError for what cannot run, before anything does.
    """
    tolerances = tuple(sorted(tolerances, reverse=True))
    if not tolerances or not 0 < tolerances[-1] <= tolerances[0] < 1:
        raise InputError(f"tolerances must be numbers between 0 and 1, got {', '.join(map(str, tolerances))}")
    if isinstance(methods, str) or len(methods) < 2:
        raise InputError("a profile compares methods: give at least two")
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
        outcomes = iter(opened.outcomes(batches, keep="curve"))
    costs = np.full((len(tolerances), len(cases), len(methods)), math.inf)
    failed, evaluations = 0, np.zeros((2, len(methods)))
    for k, ((problem, _), f_at_start) in enumerate(zip(cases, f_at_starts, strict=True)):
        ends = [next(outcomes)[0] for _ in methods]
        curves = [np.frombuffer(end.curve or b"").reshape(2, -1) for end in ends]
        least, guessed = problem.f_star, problem.f_star is None
        if least is None:
            least = min([f_at_start, *(float(curve[1].min()) for curve in curves if curve.size)])
        for m, (method, (spent, f)) in enumerate(zip(runnables, curves, strict=True)):
            failed += ends[m].status == "failed"
            evaluations[:, m] += ends[m].evals or 0, ends[m].fevals or 0
            if f.size and f[-1] < least - 1e-9 * max(1.0, abs(least)):  # what is declared as f* is not the minimum
                continue
            if guessed and least == f_at_start:  # nobody came below the start
                continue
            for t, tolerance in enumerate(tolerances):
                solved = np.flatnonzero(f <= least + tolerance * (f_at_start - least))
                if solved.size:
                    costs[t, k, m] = max(float(spent[solved[0]]), 1.0) / _unit(method, problem)
    names = []
    for problem, seed in cases:
        has_seeds = seeds > 1 and (problem.seeded or noise)
        names.append(f"{problem} seed {seed}" if has_seeds else str(problem))
    return Profile(
        tuple(names),
        tuple(labels),
        tolerances,
        costs,
        budget,
        tuple(str(problem) for problem in distinct if problem.f_star is None),
        tuple(label for label, method in zip(labels, runnables, strict=True) if method.gradient_free),
        tuple(tuple(dict.fromkeys(method.needs)) for method in runnables),
        failed,
        tuple(distinct.index(problem) for problem, _ in cases),
        tuple(asked_for_f(*evaluations).tolist()),
    )


def _unit(method: Runnable, problem: Problem) -> int:
    """How many evaluations count as one: d + 1 of f, for a method that asks for no gradients."""
    return problem.x0.size + 1 if method.gradient_free else 1
