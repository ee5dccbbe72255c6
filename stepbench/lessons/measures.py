"""The measures that answer the questions of lessons: they are computed from the runs, so that a lesson cannot lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from stepbench.engine.result import Result
from stepbench.study.sweep import Sensitivity, Sweep

Measure: TypeAlias = Callable[[Any], dict[str, float]]
"""From a Comparison or a Sweep to an amount for each label."""


def _last(result: Result) -> float:
    return float(result.value[-1]) if result.status in ("converged", "budget") else math.inf


def _mean(result: Result) -> float:
    """The mean over the later half of the records."""
    done = result.status in ("converged", "budget")
    return float(result.value[len(result.value) // 2 :].mean()) if done else math.inf


def _spent(result: Result) -> float:
    return float(result.cost[-1]) if result.status == "converged" else math.inf


def _negative(result: Result) -> float:
    if result.step_size is None:
        return 0.0
    known = result.step_size[np.isfinite(result.step_size)]
    return -float((known < 0).mean()) if known.size else 0.0


def _of_results(measure: Callable[[Result], float]) -> Measure:
    return lambda comparison: {r.label: measure(r) for r in comparison.results}


def _of_lines(measure: Callable[[Sensitivity], float]) -> Measure:
    return lambda sweep: {line.label: measure(line) for line in sweep.sensitivities()}


def _unreached(sweep: Sweep) -> dict[str, float]:
    return {label: -float(reached.mean()) for label, reached in zip(sweep.labels, sweep.reached, strict=True)}


MEASURES: dict[str, dict[str, Measure]] = {
    "compare": {
        "least error": _of_results(_last),
        "least mean error": _of_results(_mean),
        "least evaluations": _of_results(_spent),
        "only divergence": _of_results(lambda r: 0.0 if r.status == "diverged" else math.inf),
        "most negative step sizes": _of_results(_negative),
    },
    "sweep": {
        "least evaluations": _of_lines(lambda line: float(line.cost.min())),
        "widest usable range": _of_lines(lambda line: math.inf if line.decades is None else -line.decades),
        "steadiest cost": _of_lines(
            lambda line: float(line.cost.max() / line.cost.min()) if np.isfinite(line.cost).all() else math.inf
        ),
    },
    "map": {"most starts": _unreached},
    "tune": {"least evaluations": lambda tunings: dict(zip(tunings.labels, tunings.cost[:, -1].tolist(), strict=True))},
}
"""The measures by what is run. Each gives an amount per method: the answer has the least; infinite is no answer."""
