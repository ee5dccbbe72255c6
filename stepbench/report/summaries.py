"""What objects print of themselves: a line or a few, and never their arrays."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from stepbench.engine.comparison import Comparison
from stepbench.engine.result import Result
from stepbench.report.numbers import count, counted, number
from stepbench.report.study_tables import best_setting
from stepbench.report.tables import measure_name

if TYPE_CHECKING:
    from stepbench.autopsy import Autopsy
    from stepbench.study.profile import Profile
    from stepbench.study.sweep import Sweep
    from stepbench.study.tune import Tuning


def of_result(result: Result) -> str:
    """The problem, the method, and how the run ended; of a batch, how many of its runs ended in each way."""
    head = f"{result.problem} · {result.label}"
    if result.f.ndim == 1:
        return f"{head}: {_end(result)}"
    least = f"least {measure_name(result)} {number(float(result.value[-1].min()))}"
    return f"{head}: {counted(result.status.size, 'run')}: {_tally(result.status)}; {least}"


def of_comparison(comparison: Comparison) -> str:
    """The problem, and a line per method."""
    lines = [f"  {r.label}: {_end(r)}" for r in comparison.results]
    return "\n".join([str(comparison.results[0].problem), *lines])


def of_sweep(sweep: Sweep) -> str:
    """The problem, the methods, what is varied, and how the runs ended."""
    varied = ", ".join(f"{axis.name} ({counted(len(axis.values), 'value')})" for axis in sweep.axes)
    lines = [f"{sweep.problem} · {', '.join(sweep.labels)} over {varied}"]
    lines.append(f"  {counted(sweep.cost.size, 'run')}: {_tally(sweep.ends.status)}")
    if sweep.target is not None:
        lines[-1] += f"; error ≤ {sweep.target:g} reached by {np.count_nonzero(sweep.reached):,}"
    return "\n".join(lines)


def of_tuning(tuning: Tuning) -> str:
    """The problem, and a line per tuned method, the best first: its best setting and what that costs."""
    lines = []
    for tuned in tuning.ranked:
        if not tuned.found:
            lines.append(
                f"  {tuned.label}: none of its {counted(tuned.trials, 'setting')} kept most runs from being lost"
            )
            continue
        end = f"f {number(float(np.median(tuned.left)))} at the end, in the median"
        if tuning.target is not None:
            end = f"error ≤ {tuning.target:g} not reached by most cases"
            if math.isfinite(tuned.median):
                evaluations = "evaluations of f" if tuned.gradient_free else "gradient evaluations"
                end = f"error ≤ {tuning.target:g} after {count(tuned.median)} {evaluations}, in the median"
        lines.append(f"  {tuned.label}, {best_setting(tuned)}: {end}")
    return "\n".join([f"{tuning.problem} · {counted(len(lines), 'tuned method')}", *lines])


def of_profile(profile: Profile) -> str:
    """How many problems there are, and a line per method, the best first: its area and what it solves."""
    n = len(profile.problems)
    return "\n".join(
        [
            f"{counted(n, 'problem')} · {counted(len(profile.labels), 'method')}",
            *(
                f"  {profile.labels[m]}: {profile.judged} area {profile.areas[:, m].mean():.3f}, "
                f"solves {n - len(profile.unsolved(m))} at tolerance {profile.tolerances[-1]:g}"
                for m in profile.ranking
            ),
        ]
    )


def of_autopsy(autopsy: Autopsy) -> str:
    """The run, and how many of those that were tried in its place did better."""
    others = f"{len(autopsy.helped)} of {counted(len(autopsy.tried), 'other run')} did better"
    return f"{of_result(autopsy.result)}; {others}"


def _end(r: Result) -> str:
    """How one run ended: its status, what it is judged by, and what it spent."""
    accuracy = "" if r.accuracy is None else f", accuracy {r.accuracy[-1]:.1%}"
    counts = {"gradient evaluation": int(r.evals[-1]), "function evaluation": int(r.fevals[-1])}
    spent = " and ".join(counted(n, what) for what, n in counts.items() if n) or "no evaluations"
    return f"{r.status}, {measure_name(r)} {number(float(r.value[-1]))}{accuracy} after {spent}"


def _tally(status: Any) -> str:
    """How many runs have each status: 3 converged, 4 diverged."""
    return ", ".join(f"{n:,} {name}" for name, n in sorted(Counter(np.ravel(status).tolist()).items()))
