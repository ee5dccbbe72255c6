"""A sweep: a method, or several, over a whole grid of hyper-parameters, problem parameters, starts and seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stepbench import catalog
from stepbench.contracts import Problem, Runnable
from stepbench.fields import InputError, show_value
from stepbench.options import Engine, RunOptions
from stepbench.showing import Shown, report
from stepbench.study.batch import Batch, batch
from stepbench.study.ends import Ends, Numbers, asked_for_f
from stepbench.study.grid import Axis, Over, axes, groups
from stepbench.study.study import Study, using

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sensitivity:
    """How one method answers to one axis, the others fixed: every array has an entry per value of the axis.

    ``cost`` to the target is the median over seeds, infinite where most of them do not reach it; ``least`` and
    ``most`` are the extremes over seeds. ``left`` is the median of what the error was at the end (f where f* is
    unknown), infinite where the run was lost; ``accuracy`` is that of a network on the test examples, NaN elsewhere;
    ``reached`` and ``diverged`` are parts of the runs, 0 to 1.
    """

    label: str
    axis: Axis
    cost: Numbers
    least: Numbers
    most: Numbers
    left: Numbers
    accuracy: Numbers
    reached: Numbers
    diverged: Numbers

    @property
    def best(self) -> int | None:
        """The place of the value that reaches the target at the least cost; of the least error where none does.

        None where the runs were lost at every value.
        """
        if np.isfinite(self.cost).any():
            return int(np.argmin(self.cost))
        return int(np.nanargmin(self.left)) if np.isfinite(self.left).any() else None

    @property
    def at_edge(self) -> bool:
        """Whether the target costs less at the first or last value than at every value between them."""
        return bool(np.isfinite(self.cost).any() and self.cost[[0, -1]].min() < self.cost[1:-1].min(initial=math.inf))

    @property
    def usable(self) -> tuple[int, int] | None:
        """The first and last place of the values around the best that cost at most twice as much as it; or None."""
        if self.best is None or not np.isfinite(self.cost[self.best]):
            return None
        if not self.axis.numeric or self.axis.kind not in ("method", "start"):
            return None
        good = self.cost <= 2 * self.cost[self.best]
        first = last = self.best
        while first > 0 and good[first - 1]:
            first -= 1
        while last < len(good) - 1 and good[last + 1]:
            last += 1
        return first, last

    @property
    def decades(self) -> float | None:
        """The usable range in powers of ten; None where there is none, or a value is not above 0."""
        if self.usable is None or min(self.axis.values) <= 0:
            return None
        first, last = self.usable
        return math.log10(self.axis.values[last] / self.axis.values[first])


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Shown):
    """Every run of a grid; the arrays of ``ends`` have the methods on the first axis and then the axes swept."""

    problem: Problem
    labels: tuple[str, ...]
    axes: tuple[Axis, ...]
    ends: Ends
    target: float | None
    budget: int
    told: tuple[tuple[str, ...], ...]

    @property
    def cost(self) -> Numbers:
        """What each run took to the target; infinite where it did not reach it."""
        return self.ends.cost_to(self.target)

    @property
    def reached(self) -> Numbers:
        """Which runs met the target."""
        return np.isfinite(self.cost)

    @property
    def gradient_free(self) -> list[str]:
        """The methods that asked for no gradients: their costs are evaluations of f."""
        return [label for label, free in zip(self.labels, self.ends.gradient_free, strict=True) if free.any()]

    @property
    def asked(self) -> list[float]:
        """How many evaluations of f each method asked for, per evaluation of the gradient."""
        sums = (np.nansum(counts, axis=tuple(range(1, counts.ndim))) for counts in (self.ends.evals, self.ends.fevals))
        return asked_for_f(*sums).tolist()  # type: ignore[no-any-return]

    def sensitivities(self) -> list[Sensitivity]:
        """The answer of each method to the first axis, for every value of the others; seeds are put together."""
        others = [axis for axis in self.axes[1:] if axis.kind != "seed"]
        seeds = [axis for axis in self.axes[1:] if axis.kind == "seed"]
        order = [0, *(1 + self.axes.index(axis) for axis in (*others, self.axes[0], *seeds))]
        n = len(self.axes[0].values)
        left = self.ends.left(self.target)
        # A row per method and setting of the others, a column per value of the first axis, and the seeds on the last.
        cost, left, accuracy, reached, diverged = (
            values.transpose(order).reshape(-1, n, math.prod(len(axis.values) for axis in seeds))
            for values in (self.cost, left, self.ends.accuracy, self.reached, self.ends.status == "diverged")
        )
        settings = itertools.product(self.labels, *([(axis, v) for v in axis.values] for axis in others))
        return [
            Sensitivity(
                " ".join([label, *(f"{axis.name}={show_value(value)}" for axis, value in chosen)]),
                self.axes[0],
                np.median(cost[k], axis=1),
                cost[k].min(axis=1),
                cost[k].max(axis=1),
                np.median(left[k], axis=1),
                np.median(accuracy[k], axis=1),
                reached[k].mean(axis=1),
                diverged[k].mean(axis=1),
            )
            for k, (label, *chosen) in enumerate(settings)
        ]

    def map(self, **drawing: Any) -> Figure:
        """The two axes as a heat map of the cost, a panel per method."""
        return report().map_figure(self, **drawing)  # type: ignore[no-any-return]


def sweep(
    problem: str | Problem,
    methods: str | Runnable | Sequence[str | Runnable],
    over: Over,
    *,
    target: float | None = None,
    budget: int = 10_000,
    steps: int | None = None,
    start: Sequence[float] | None = None,
    seed: int = 0,
    noise: float = 0.0,
    engine: Engine = "auto",
    study: Study | str | Path | None = None,
) -> Sweep:
    """Run every method at every point of a grid, and count what each takes to the target.

    ``over`` is a list of texts such as ``"lr=1e-5:1:60:log"``, or values by name: a hyper-parameter that all the
    methods have, ``problem.kappa``, ``seed``, or ``w1``, … for a component of the start. ``study`` is a Study or the
    path of one; without it nothing is kept. ``target`` is the error to reach: 1e-6 where none is given, or 0.1 for a
    network; there is none where the problem does not know its minimum. The other options are those of
    ``stepbench.run``. Raises InputError for what cannot run, before anything does.
    """
    problem = catalog.problem(problem)
    methods = [methods] if isinstance(methods, str) or not isinstance(methods, Sequence) else list(methods)
    labels, runnables = catalog.labelled(methods)
    varied = axes(over, problem, runnables)
    if not varied:
        raise InputError("nothing is varied: say what, as --over lr=1e-5:1:60:log")
    target = default_target(problem) if target is None else target
    options = RunOptions(budget=budget, steps=steps, target=target, noise=noise, engine=engine)
    shape = tuple(len(axis.values) for axis in varied)
    placed: list[tuple[Batch, list[int]]] = []
    for m, method in enumerate(runnables):
        for group in groups(problem, method, varied, seed, start):
            options_of_group = replace(options, start=group.start, seed=group.seed)
            runs = batch(group.problem, group.method, options_of_group, values=group.values)
            placed.append((runs, (m * math.prod(shape) + group.cells).tolist()))
    with using(study) as opened:
        outcomes = opened.in_order(placed)
    told = tuple(tuple(dict.fromkeys(method.needs)) for method in runnables)
    return Sweep(problem, tuple(labels), varied, Ends.of(outcomes, (len(methods), *shape)), target, budget, told)


def default_target(problem: Problem) -> float | None:
    """The error to reach where none is said: the problem's goal; None where it does not know its minimum."""
    return None if problem.f_star is None else problem.goal


def window_axes(problem: Problem, points: int) -> list[str]:
    """The axes of every start of the problem's window, so many along each side; raises InputError where it has none."""
    if problem.view is None:
        raise InputError(f"{problem} has no window: give two axes, as --over lr=1e-5:1:60:log --over w1=-2:2:60")
    return [f"w{i + 1}={low}:{high}:{points}" for i, (low, high) in enumerate(problem.view)]
