"""What a figure shows, in a sentence computed from what was run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stepbench.engine.result import Result
from stepbench.report.numbers import count, counted, short_exponent, value_name

if TYPE_CHECKING:
    from stepbench.study.grid import Axis
    from stepbench.study.profile import Profile
    from stepbench.study.sweep import Sweep
    from stepbench.study.tune import Tuning

ROUNDING = 1e-16
"""An error below this part of the first one is rounding: to be smaller still is no progress."""


def finding(results: Sequence[Result]) -> str:
    """Who was best and who was worst, with what they reached and what it cost; who was lost."""
    if len(results) == 1:
        [only] = results
        return f"{only.label} on {only.problem}: {_outcome(only)}"
    lost = [r for r in results if r.status in ("diverged", "failed")]
    ranked = sorted((r for r in results if r not in lost), key=_rank)
    said = []
    if ranked:
        best, worst = ranked[0], ranked[-1]
        first, last = _outcome(best), _outcome(worst)
        if worst is best:
            said.append(f"{best.label}: {first}")
        elif first == last:
            who = f"{best.label} and {worst.label}" if len(ranked) == 2 else f"all {len(ranked)}"
            said.append(f"{who}: {first}")
        else:
            said += [f"{best.label}: {first}", f"{worst.label}: {last.removesuffix(' gradients')}"]
    for status, verb, verbs in (("diverged", "diverges", "diverge"), ("failed", "fails", "fail")):
        names = [r.label for r in lost if r.status == status]
        if names:
            they = " and ".join(names) if len(names) < 3 else f"{len(names)} methods"
            said.append(f"{they} {verb if len(names) == 1 else verbs}")
    return "; ".join(said)


def _rank(r: Result) -> tuple[bool, float]:
    """Those that got there first, by their cost, and then those that did not, by what is left."""
    there = _there(r)
    return there is None, float(r.value[-1]) if there is None else float(r.cost[there])


def _there(r: Result) -> int | None:
    """The record at which a run had its target, or an error that is rounding, and kept it; None where it has none."""
    if r.error is None or r.status == "converged":
        return len(r.f) - 1 if r.status == "converged" else None
    level = max(r.target or 0.0, ROUNDING * abs(float(r.error[0])))
    above = np.flatnonzero(~(r.error <= level))
    first = int(above[-1]) + 1 if above.size else 0
    return first if first < len(r.error) else None


def _outcome(r: Result) -> str:
    """What a run reached, and after how many evaluations."""
    if r.status == "diverged":
        return f"diverges after {_cost(r, len(r.f) - 1)}"
    if r.status == "failed":
        return "fails"
    there = _there(r)
    if there is not None and r.error is not None:
        if r.target:
            return f"{_brief(r.target)} after {_cost(r, there)}"
        return f"{_cost(r, there)} to {'the minimum' if r.error[-1] <= 0 else 'rounding'}"
    what = r.problem.f_means or ("f =" if r.error is None else "error")
    value = r.f[-1] if r.problem.f_means else r.value[-1]
    cost = _cost(r, len(r.f) - 1)
    return f"{what} {_brief(float(value))} after {cost}"


def _brief(value: float) -> str:
    return short_exponent(f"{value:.2g}" if not value or abs(value) >= 1e-3 else f"{value:.1e}").replace(".0e", "e")


def _cost(r: Result, k: int) -> str:
    spent = int(r.cost[k])
    noun = "value" if r.gradient_free else "gradient"
    return f"{spent:,} {noun}" if spent == 1 else f"{spent:,} {noun}s"


def of_sweep(sweep: Sweep) -> str:
    """Who reaches the target cheapest, at which value, and whose usable range is widest."""
    from stepbench.report.study_tables import decades_name

    axis, problem = sweep.axes[0], sweep.problem
    lines = [(line, line.best) for line in sweep.sensitivities() if line.best is not None]
    if not lines:
        return f"{problem}: every run is lost"
    there = [(line, k) for line, k in lines if sweep.target is not None and math.isfinite(line.cost[k])]
    if not there:
        line, k = min(lines, key=lambda found: float(found[0].left[found[1]]))
        nearest = f"{line.label} gets lowest on {problem}, to {_brief(float(line.left[k]))}, with {_setting(axis, k)}"
        if sweep.target is None:
            return nearest
        return f"Nothing reaches {_brief(sweep.target)} in {sweep.budget:,} evaluations; {nearest}"
    line, k = min(there, key=lambda found: float(found[0].cost[found[1]]))
    said = f"{line.label} is cheapest on {problem}: {count(float(line.cost[k]))} evaluations with {_setting(axis, k)}"
    ranged = [line for line, _ in there if line.decades is not None]
    if len(ranged) > 1:
        widest = max(ranged, key=lambda line: line.decades or 0.0)
        who = "its usable range is the widest" if widest is line else f"{widest.label} has the widest usable range"
        said += f"; {who}, {decades_name(widest)} decades"
    return said


def _setting(axis: Axis, k: int) -> str:
    return f"{axis.name}={value_name(axis.values[k])}"


def of_map(sweep: Sweep) -> str:
    """From what part of the map the methods reach the target: the most, and the least; or which is faster."""
    parts = [float(reached.mean()) for reached in sweep.reached]
    most, least = int(np.argmax(parts)), int(np.argmin(parts))
    starts = all(axis.kind == "start" for axis in sweep.axes)
    preposition, where = ("from", "the starts") if starts else ("with", "the settings")

    def reaching(who: str) -> str:
        share = f"{preposition} {parts[most]:.0%} of {where}"
        return f"{sweep.problem}: {who} reaches {_brief(sweep.target or 0.0)} {share}"

    if len(parts) == 1:
        return reaching(sweep.labels[0])
    if parts[most] > parts[least]:
        return f"{reaching(sweep.labels[most])}, {sweep.labels[least]} {preposition} {parts[least]:.0%}"
    medians = [float(np.median(cost)) for cost in sweep.cost]
    fast, slow = int(np.argmin(medians)), int(np.argmax(medians))
    said = reaching("every method")
    if not math.isfinite(medians[slow]) or medians[fast] == medians[slow]:
        return said
    quick, long = (f"{sweep.labels[m]} in {count(medians[m])}" for m in (fast, slow))
    return f"{said}, {quick} evaluations, {long}"


def of_tuning(tuning: Tuning) -> str:
    """Who is best when all are tuned alike, and who is last."""
    first, *rest = tuning.ranked
    last = rest[-1] if rest else None
    if tuning.target is None:
        least, most = (float(np.median(tuned.left)) for tuned in (first, last or first))
        said = f"Tuned alike, {first.label} ends at f = {_brief(least)}"
        return said + (f", {last.label} at {_brief(most)}" if last else "")
    said = f"Tuned alike, {first.label} needs {_typical(first.median)}"
    return said + (f", {last.label} {_typical(last.median)}" if last else "")


def _typical(median: float) -> str:
    return f"{count(median)} evaluations" if math.isfinite(median) else "more than the budget"


def of_profile(profile: Profile) -> str:
    """How many of the problems the best and the last method solve to the smallest tolerance."""
    best, last = profile.ranking[0], profile.ranking[-1]
    solved = [int(np.isfinite(profile.medians[-1][:, m]).sum()) for m in (best, last)]
    n = len(profile.medians[-1])
    said = f"{profile.labels[best]} solves {solved[0]} of {counted(n, 'problem')} to {_brief(profile.tolerances[-1])}"
    return said + (f", {profile.labels[last]} {solved[1]}" if last != best else "")
