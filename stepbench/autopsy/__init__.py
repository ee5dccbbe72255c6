"""What happened in a run: where it was lost or stood still, which numbers show it, and what does better.

Everything here is measured: at points of the run's path the curvature, the best step along the direction taken and
Polyak's step; over spans of the run a few ratios of these. What would have helped is found by whole runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.autopsy.places import Cause
from stepbench.autopsy.spans import Span, spans_of
from stepbench.autopsy.steps import Steps, has_plain_steps, measured, smoothed, steps_between
from stepbench.autopsy.trials import better, rank, tried
from stepbench.contracts import Problem, Runnable
from stepbench.engine.result import Result
from stepbench.engine.running import attempt
from stepbench.fields import InputError
from stepbench.showing import Shown, report

__all__ = ["Autopsy", "Cause", "Span", "Steps", "explain", "has_plain_steps", "smoothed", "steps_between"]


@dataclass(frozen=True, eq=False, repr=False)
class Autopsy(Shown):
    """What is known of one run: the run itself, its steps, its spans, and the runs that were tried in its place.

    ``tried`` is in order, the best first; ``helped`` are those that did better than the run itself.
    """

    result: Result
    steps: Steps
    spans: tuple[Span, ...]
    tried: tuple[Result, ...]
    options: dict[str, Any]

    @property
    def helped(self) -> tuple[Result, ...]:
        """The tried runs that met the target sooner, or came at least twice as near to the minimum."""
        return tuple(r for r in self.tried if rank(r) < rank(self.result) and better(r, self.result))

    @property
    def endless(self) -> bool:
        """Whether f has no minimum, so that no run is better than another and nothing is tried."""
        return any(span.kind == "unbounded" for span in self.spans)

    @property
    def plain(self) -> bool:
        """Whether every step is one step size times the gradient that it saw."""
        return has_plain_steps(self.result)

    @property
    def text(self) -> str:
        """What happened, in sentences."""
        return report().story(self)  # type: ignore[no-any-return]


def explain(
    problem: str | Problem,
    method: str | Runnable,
    *,
    label: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Autopsy:
    """Run a method, find out what happened, and try what would have helped.

    The options are those of ``stepbench.run``: budget, steps, target, grad_target, start, seed and noise. With
    ``every``, only so much is told as the records that are kept show, and the text says so. Raises InputError for what
    cannot run, for a run without records on its way (``trace=False``), for a network, and for a function that changes
    from step to step.
    """
    if not options.pop("trace", True):
        raise InputError("trace=False keeps no record on the way, so that there is nothing to explain: leave it out")
    problem = catalog.problem(problem)
    if not problem.in_numpy:
        raise InputError(f"{problem} is a network, whose curvature is not computed: explain a function, as rosenbrock")
    if problem.at(0) is not problem or problem.at(1) is not problem:
        raise InputError(f"{problem} changes from step to step, so that a step has no one function to be judged by")
    runner = catalog.method(method)
    label = label or (method if isinstance(method, str) else catalog.label(runner))
    result = attempt(problem, runner, label=label, progress=progress, **options)
    if result.f.ndim > 1:
        raise InputError("one run at a time is explained: give one start, and no arrays of hyper-parameters")
    with np.errstate(all="ignore"):
        steps = measured(result)
        spans = tuple(spans_of(result, runner, steps))
        options = {key: value for key, value in options.items() if value is not None}
        autopsy = Autopsy(result, steps, spans, (), options)
        if autopsy.endless:
            return autopsy
        return dataclasses.replace(autopsy, tried=tried(result, runner, steps, options, progress))
