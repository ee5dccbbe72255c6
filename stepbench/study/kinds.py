"""The kinds of profiles: what each counts, and the step functions that it draws. Each has its paper.

Costs are evaluations, infinite where a problem was not solved. They come as (tolerances, seeds, problems, methods):
each seed is a whole set of problems, in which those that are not random are the same every time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stepbench.study.ends import Numbers

TARGETS, DRAWS = 51, 100
"""Targets of each problem in a runtime profile, as COCO has them, and simulated runtimes to each of them."""

MOST = 2_000
"""Places at which step functions are looked at."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Step functions: for each method the part of the problems whose amount is at most x.

    ``amounts`` is (panels, seeds, problems, methods), infinite where nothing was reached. The axis is logarithmic, from
    ``low`` to ``high``.
    """

    amounts: Numbers
    low: float
    high: float

    @cached_property
    def limits(self) -> Numbers:
        """Where to look at the step functions: wherever one steps; of very many places, those spread over the axis."""
        inside = self.amounts[(self.amounts > self.low) & (self.amounts < self.high)]
        limits = np.unique(np.append(inside, (self.low, self.high)))
        return limits if len(limits) <= MOST else np.geomspace(self.low, self.high, MOST)

    def by_seed(self, limits: Numbers) -> Numbers:
        """The heights at these x (limits,), for each seed alone: (panels, seeds, limits, methods), from 0 to 1."""
        return np.array([[solved_within(of_seed, limits) for of_seed in panel] for panel in self.amounts])

    def heights(self, limits: Numbers) -> Numbers:
        """The heights at these x (limits,): (panels, limits, methods), from 0 to 1. Each seed counts alike."""
        return np.asarray(self.by_seed(limits).mean(axis=1))

    def band(self, limits: Numbers) -> Numbers:
        """Between which heights the seeds lie, a tenth of them left out at either end: (2, panels, limits, methods).

        The edges are seeds' own heights, and not between two. Such a band holds on both axes: the k-th highest of some
        rising step functions reaches a height just where the k-th earliest of them reaches it. So, read from left to
        right, it tells between which costs the seeds solve a given part of the problems.
        """
        ordered = np.sort(self.by_seed(limits), axis=1)
        out = ordered.shape[1] // 10
        return np.stack([ordered[:, out], ordered[:, -1 - out]])

    @cached_property
    def areas(self) -> Numbers:
        """The area under each step function, (panels, methods), from 0 to 1; see ``area``."""
        flat = self.amounts.reshape(len(self.amounts), -1, self.amounts.shape[-1])
        return np.stack([area(panel, self.low, self.high) for panel in flat])


def solved_within(amounts: Numbers, limits: Numbers) -> Numbers:
    """The part of the problems whose amount is at most each of the limits (limits,): (limits, methods).

    ``amounts`` is (problems, methods). Of costs it is the data profile d, of ratios the performance profile ρ.
    """
    ordered = np.sort(amounts, axis=0)
    counts = [np.searchsorted(of_method, np.ravel(limits), side="right") for of_method in ordered.T]
    return np.stack(counts, axis=1) / len(amounts)


def area(amounts: Numbers, low: float, high: float) -> Numbers:
    """The area under each method's profile from low to high, on a logarithmic axis, as a part of the whole: (methods,).

    1 where a method solves every problem at ``low``, 0 where it solves none by ``high``.
    """
    of_methods = np.ascontiguousarray(amounts.T)  # each summed by itself, so that the others change no bit of it
    if high <= low:
        return np.asarray((of_methods <= low).mean(axis=1))
    late = np.log(np.clip(of_methods, low, high) / low) / math.log(high / low)
    return np.asarray((1 - late).mean(axis=1))


def data(costs: Numbers, budget: int) -> Steps:
    """Data profiles: the part of the problems that a method solves within so many evaluations.

    Moré & Wild, "Benchmarking derivative-free optimization algorithms", SIAM J. Optim. 20 (2009). They count simplex
    gradients, d + 1 evaluations of f, which are a gradient here. What one method has is the same beside any others. The
    axis ends at the budget.
    """
    return Steps(costs, 1.0, float(budget))


def performance(costs: Numbers) -> Steps:
    """Performance profiles: the part of the problems that a method solves at so many times the least cost of all.

    Dolan & Moré, "Benchmarking optimization software with performance profiles", Math. Program. 91 (2002), section 2.
    Another set of methods has other least costs, and may rank two of them otherwise (Gould & Scott, ACM TOMS 43, 2016).
    The axis ends at the largest finite ratio, and at 2 at least.
    """
    compared = ratios(costs)
    return Steps(compared, 1.0, max(2.0, float(compared[np.isfinite(compared)].max(initial=2.0))))


def ratios(costs: Numbers) -> Numbers:
    """Dolan & Moré's ratios t / min t over the methods, (…, methods); infinite where a method solved nothing."""
    least = costs.min(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(costs), costs / least, math.inf)


def log_ratio(costs: Numbers) -> Numbers:
    """Log-ratio profiles of two methods: log₂(t₁ / t₂) on each problem, for costs (problems, 2): (problems,).

    Morales, "A numerical study of limited memory BFGS methods", Appl. Math. Lett. 15 (2002); Shi, Xuan, Oztoprak &
    Nocedal, "On the numerical performance of finite-difference-based methods for derivative-free optimization", Optim.
    Methods Softw. 38 (2023). Where one method alone solves the problem, the ratio has its sign and, as OptiProfiler
    draws it, 1.1 times the largest size of all others (1, where there are none); NaN where neither does.
    """
    first, second = costs.T
    solved = np.isfinite(costs)
    both = solved.all(axis=1)
    known = np.log2(np.where(both, first, 1.0) / np.where(both, second, 1.0))
    beyond = 1.1 * (float(np.abs(known).max(initial=0.0)) or 1.0)
    one = np.where(solved[:, 0], -beyond, np.where(solved[:, 1], beyond, math.nan))
    return np.where(both, known, one)


def quality(left: Numbers, tolerance: float) -> Steps:
    """Quality, or accuracy, profiles: the part of the problems that a method solves so accurately within the budget.

    Beiranvand, Hare & Lucet, "Best practices for comparing optimization algorithms", Optim. Eng. 18 (2017),
    arXiv:1709.08242: γ = −log₁₀ of (f − f*) / (f(w₀) − f*) at the end, and at most M. Here M is that of the smallest
    tolerance, where runs end. ``left`` is 10^−γ, (seeds, problems, methods), infinite where the run was lost.
    """
    return Steps(left[None], tolerance, 1.0)


def restarted(hits: Numbers, spent: Numbers, draws: int, rng: np.random.Generator) -> Numbers:
    """Simulated runtimes of a method that starts anew until it succeeds, on one problem: (targets, draws).

    Hansen, Auger, Brockhoff, Tušar & Tušar, "COCO: Performance assessment", arXiv:1605.03560 (2016), section on
    simulated restarts. Runs are drawn with replacement until one reaches the target: the runtime is all that those
    before it spent, and what that one had spent when it got there. ``hits`` (targets, runs) is the cost at which each
    run reached each target, infinite where it did not, and ``spent`` (runs,) what it spent in all. A runtime is
    infinite for a target that no run reached.
    """
    shape = len(hits), draws
    reachable = np.any(np.isfinite(hits), axis=1, keepdims=True)
    waiting: Numbers = np.broadcast_to(reachable, shape)
    runtimes = np.where(waiting, 0.0, math.inf)
    while waiting.any():
        drawn = rng.integers(len(spent), size=shape)
        hit = np.take_along_axis(hits, drawn, axis=1)
        runtimes = runtimes + np.where(waiting, np.where(np.isfinite(hit), hit, spent[drawn]), 0.0)
        waiting = waiting & ~np.isfinite(hit)
    return runtimes
