"""Tables of studies: sensitivities, maps, tuned methods, profiles, and what a study's file holds."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from stepbench.report.literal import Table
from stepbench.report.numbers import count, counted, number, value_name
from stepbench.report.tables import BARS, STYLES, titled, unequal, width_of
from stepbench.study.kinds import DRAWS, TARGETS

if TYPE_CHECKING:
    from stepbench.study.ends import Numbers
    from stepbench.study.profile import Profile
    from stepbench.study.sweep import Sensitivity, Sweep
    from stepbench.study.tune import Tuned, Tuning

WORDS = ("second", "problem", "best setting")
"""Headings of columns of words, beside the first column."""
NARROWEST = 10
"""Letters that a folded column keeps in a line."""

OF_THE_LEAST = (
    "times the least cost of all methods here: another set of methods may rank two of them otherwise "
    "(Gould & Scott 2016)"
)
"""What ratios to the least cost are, and what that does to them."""


def _fitted(title: str, columns: dict[str, list[Any]], width: int, spare: Sequence[str] = ()) -> Table:
    """A table of these columns, the first of them words and the others numbers.

    The spare columns are left out, one after the other, where the width has no room for them. Columns of words may be
    folded between words; the first only where nothing else helps.
    """
    spare = [*spare]
    while True:
        table = titled(title)
        for k, (heading, cells) in enumerate(columns.items()):
            folded = heading in WORDS
            pieces = [piece for cell in map(str, [heading, *cells]) for piece in (cell.split() if folded else [cell])]
            table.add_column(
                heading,
                justify="left" if k == 0 or folded else "right",
                no_wrap=k > 0 and not folded,
                overflow="fold",
                min_width=min(max(map(len, pieces)), 28),
            )
        for row in zip(*columns.values(), strict=True):
            table.add_row(*row)
        excess = width_of(table).minimum - width
        if excess <= 0:
            return table
        if not spare:  # the names give way
            for column, heading in zip(table.columns, columns, strict=True):
                if excess > 0 and (column is table.columns[0] or heading in WORDS):
                    column.width = max((column.min_width or 0) - excess, NARROWEST)
                    excess -= (column.min_width or 0) - column.width
                    column.min_width = None
            return table
        columns = {heading: cells for heading, cells in columns.items() if heading != spare[0]}
        del spare[0]


def sensitivity_table(sweep: Sweep, width: int = 120) -> Table:
    """A row per method and setting of the other axes: best value, its cost, the usable range, and the whole answer.

    The last column draws the cost against the value: a low bar is cheap, · where the target was not reached, ✗ where
    the run diverged.
    """
    axis, lines, known = sweep.axes[0], sweep.sensitivities(), sweep.target is not None
    costs = np.concatenate([line.cost[np.isfinite(line.cost)] for line in lines])
    columns: dict[str, list[Any]] = {
        "method": [line.label for line in lines],
        f"best {axis.name}": ["–" if line.best is None else value_name(axis.values[line.best]) for line in lines],
    }
    if known:
        columns["cost"] = [count(float(line.cost.min())) for line in lines]
        if axis.kind == "method" and axis.numeric:
            columns["usable range"] = [_usable(line) for line in lines]
            columns["decades"] = [decades_name(line) for line in lines]
        columns["reached"] = [f"{line.reached.mean():.0%}" for line in lines]
    else:
        columns["f at the end"] = ["–" if line.best is None else number(float(line.left[line.best])) for line in lines]
    if any(np.isfinite(line.accuracy).any() for line in lines):
        columns["accuracy"] = ["–" if line.best is None else f"{line.accuracy[line.best]:.1%}" for line in lines]
    columns["diverged"] = [f"{line.diverged.mean():.0%}" for line in lines]
    bars = f"{value_name(axis.values[0])} … {value_name(axis.values[-1])}"
    columns[bars] = [_bars(line, costs, 24 if width > 100 else 12) for line in lines]
    goal = f" · error ≤ {sweep.target:g}" if known else ""
    title = f"{sweep.problem}{goal} · {sweep.budget:,} evaluations"
    return _fitted(title, columns, width, ["reached", "diverged", "usable range", bars])


def _usable(line: Sensitivity) -> str:
    if line.usable is None:
        return "–"
    return " … ".join(value_name(line.axis.values[k]) for k in line.usable)


def decades_name(line: Sensitivity) -> str:
    """The usable range in decades, ≥ where it reaches an edge of the sweep."""
    if line.usable is None or line.decades is None:
        return "–"
    at_edge = line.usable[0] == 0 or line.usable[1] == len(line.cost) - 1
    return f"≥ {line.decades:.2g}" if at_edge else f"{line.decades:.2g}"


def _bars(line: Sensitivity, costs: Numbers, width: int) -> Text:
    """The cost at every value, or at ``width`` of them, on one logarithmic scale for all lines."""
    text = Text()
    low, high = (math.log(max(c, 1)) for c in (costs.min(), costs.max())) if costs.size else (0.0, 1.0)
    for k in np.unique(np.linspace(0, len(line.cost) - 1, width).round().astype(int)):
        if line.diverged[k] > 0.5:
            text.append("✗", "red")
        elif math.isfinite(line.cost[k]):
            part = (math.log(max(line.cost[k], 1)) - low) / max(high - low, 1e-9)
            text.append(BARS[round(part * (len(BARS) - 1))], "green")
        else:
            text.append("·", "dim")
    return text


def sweep_notes(sweep: Sweep, study: Path | None = None) -> list[str]:
    """How to read a sweep, and what its table alone would hide; ``study`` is the file that keeps its runs."""
    axis, lines = sweep.axes[0], sweep.sensitivities()
    notes = []
    if sweep.target is None:
        notes.append(f"{sweep.problem} does not know its minimum: values are compared by f at the end")
    elif not sweep.reached.any():
        errors = sweep.ends.error[np.isfinite(sweep.ends.error) & ~sweep.ends.lost]
        if errors.size:
            least = f"the least error was {number(float(errors.min()))}"
            notes.append(
                f"no run reached the error {sweep.target:g}; {least}: choose a larger --target, or more --budget"
            )
        else:
            diverged = (sweep.ends.status == "diverged").all()
            notes.append("every run diverged: sweep smaller step sizes" if diverged else "every run diverged or failed")
    elif any(line.decades is not None for line in lines):
        notes.append(
            f"usable: the {axis.name} around the best that cost at most twice as much; as far as the grid shows"
        )
    wide = axis.numeric and axis.kind == "method" and len(axis.values) > 2
    if edge := [line.label for line in lines if wide and line.at_edge]:
        notes.append(f"{', '.join(edge)}: the best {axis.name} is at an edge of the sweep: sweep further")
    if hopeless := [line.label for line in lines if line.best is None]:
        notes.append(f"{', '.join(hopeless)}: the runs were lost at every {axis.name}, so that none is best")
    if any(axis.kind == "seed" for axis in sweep.axes[1:]):
        n = next(len(axis.values) for axis in sweep.axes if axis.kind == "seed")
        notes.append(f"costs are medians over {n} seeds")
    return notes + map_notes(sweep, study)


def failures(failed: int, study: Path | None) -> list[str]:
    """How many runs ended as failed, where any did, and the command that tells why where a study keeps them."""
    if not failed:
        return []
    told = f"{counted(failed, 'run')} failed"
    if study is not None:
        told += f": {shlex.join(['stepbench', 'study', 'show', str(study), '--status', 'failed'])} tells why"
    return [told]


def in_values_of_f(labels: Sequence[str]) -> list[str]:
    """Whose costs are evaluations of f, where there are any."""
    if not labels:
        return []
    return [f"{', '.join(labels)} asks for no gradients: its costs are evaluations of f"]


def beside(labels: Sequence[str], asked: Sequence[float]) -> list[str]:
    """Who asked for f many times beside each gradient, which a cost in gradients does not show."""
    many = [f"{label} {ratio:.1f}" for label, ratio in zip(labels, asked, strict=False) if ratio > 0.5]
    if not many:
        return []
    return [f"costs count gradients; evaluations of f beside each: {', '.join(many)}"]


def map_table(sweep: Sweep, width: int = 120) -> Table:
    """A row per method: how much of the map reaches the target, and where at the least cost."""
    first, second = sweep.axes
    reached, diverged = sweep.reached, sweep.ends.status == "diverged"
    cheapest = [np.unravel_index(int(np.argmin(cost)), cost.shape) for cost in sweep.cost]
    columns = {
        "method": [*sweep.labels],
        "reached": _shares(reached),
        "not reached": _shares(~reached & ~sweep.ends.lost),
        "diverged": _shares(diverged),
        "least cost": [count(cost[cell]) for cost, cell in zip(sweep.cost, cheapest, strict=True)],
    }
    for k, (axis, word) in enumerate(((first, "at"), (second, "and"))):
        columns[f"{word} {axis.name}"] = [
            value_name(axis.values[cell[k]]) if some.any() else "–"
            for cell, some in zip(cheapest, reached, strict=True)
        ]
    title = f"{sweep.problem} · error ≤ {sweep.target:g} · {sweep.budget:,} evaluations"
    return _fitted(title, columns, width, ["not reached"])


def _shares(runs: Numbers) -> list[str]:
    """Which part of each method's runs is meant, in per cent."""
    return [f"{of_method.mean():.1%}" for of_method in runs]


def map_notes(sweep: Sweep, study: Path | None = None) -> list[str]:
    """What the table of a sweep, or of a map, alone would hide; ``study`` is the file that keeps its runs."""
    failed = int((sweep.ends.status == "failed").sum())
    free, asked = in_values_of_f(sweep.gradient_free), beside(sweep.labels, sweep.asked)
    return failures(failed, study) + free + asked + unequal(sweep.labels, sweep.told)


def tuning_table(tuning: Tuning, width: int = 120) -> Table:
    """A row per method, the cheapest first: its best setting, its cost, and its cost with the tuning charged."""
    known, ranked = tuning.target is not None, tuning.ranked
    columns: dict[str, list[Any]] = {
        "method": [tuned.label for tuned in ranked],
        "best setting": [best_setting(tuned) if tuned.found else "–" for tuned in ranked],
        "cost" if known else "f at the end": [count(tuned.median) if known else _left(tuned) for tuned in ranked],
        "95 %": [_interval(tuned, tuning) for tuned in ranked],
        "reached": [f"{np.isfinite(tuned.cost).sum()} of {tuned.cost.size}" if known else "–" for tuned in ranked],
        "trials": [str(tuned.trials) for tuned in ranked],
        "with tuning" if known else "tuning": [_charged(tuned, tuning) for tuned in ranked],
    }
    goal = f" · error ≤ {tuning.target:g}" if known else ""
    title = f"{tuning.problem}{goal} · {tuning.budget:,} evaluations"
    return _fitted(title, columns, width, ["trials", "reached"])


def _left(tuned: Tuned) -> str:
    median = float(np.median(tuned.left))
    return number(median) if math.isfinite(median) else "–"


def best_setting(tuned: Tuned) -> str:
    """The best value of each tuned hyper-parameter, short."""
    return " ".join(f"{key}={value_name(value)}" for key, value in tuned.setting.items()) or "as it is"


def _charged(tuned: Tuned, tuning: Tuning) -> str:
    if tuning.target is None:
        return count(tuned.spent)
    if not tuned.found:
        return "–"
    return count(tuned.charged) if math.isfinite(tuned.charged) else f"> {count(tuned.spent + tuning.budget)}"


def _interval(tuned: Tuned, tuning: Tuning) -> str:
    low, high = tuned.interval
    if math.isnan(low) or not tuned.found:
        return "–"
    if tuning.target is None:
        return f"{number(low)} … {number(high)}"
    if low >= tuning.budget:
        return f"> {count(low)}"
    return f"{count(low)} … > {count(high)}" if high >= tuning.budget else f"{count(low)} … {count(high)}"


def tuning_notes(tuning: Tuning, study: Path | None = None) -> list[str]:
    """How the tuning was done, and in words what makes it less than fair; ``study`` is the file that keeps its runs."""
    cases = "seeds" if tuning.noisy else "starts"
    first = tuning.methods[0]
    notes = [
        f"medians over {first.cost.size} fresh {cases}, not those tuned on; 95 % intervals of them by the bootstrap"
    ]
    if tuning.redrawn:
        notes.append(
            f"{counted(tuning.redrawn, 'start')} fell where f or its gradient is not finite, and were drawn again: "
            "give the problem its domain"
        )
    for tuned in tuning.methods:
        if not tuned.found:
            notes.append(
                f"{tuned.label}: none of its {counted(tuned.trials, 'setting')} kept most runs from being lost"
            )
            continue
        if edges := tuned.at_edges:
            notes.append(
                f"{tuned.label}: its best is at the edge of the range, {_of_ranges(tuned, edges)}: widen it with --over"
            )
        if outermost := [key for key in tuned.outermost if key not in edges]:
            notes.append(
                f"{tuned.label}: no trial lay beyond its best, {_of_ranges(tuned, outermost)}: give more --trials"
            )
    if tuning.tune_budget != tuning.budget:
        notes.append(f"tuned on {tuning.tune_budget:,} evaluations and scored on {tuning.budget:,}: another horizon")
    numbers = {tuned.label: len(tuned.ranges) for tuned in tuning.methods if tuned.ranges}
    if untuned := [tuned.label for tuned in tuning.methods if not tuned.ranges]:
        notes.append(f"{', '.join(untuned)} has nothing to tune, and was tried once")
    if len(set(numbers.values())) > 1:
        shown = ", ".join(f"{label} {n}" for label, n in numbers.items())
        notes.append(f"unequal: as many trials each, over different numbers of hyper-parameters: {shown}")
    shared = {key for tuned in tuning.methods for key in tuned.ranges}
    for key in sorted(shared):
        spans = {tuned.label: str(tuned.ranges[key]) for tuned in tuning.methods if key in tuned.ranges}
        if len(set(spans.values())) > 1:
            notes.append(f"unequal ranges of {key}: {', '.join(f'{label} {span}' for label, span in spans.items())}")
    best, *others = tuning.ranked
    if others:
        against_best = tuning.pairs()[: len(others)]  # the pairs of the best come first
        alike = [f"{pair.second} (p = {pair.p:.2g})" for pair in against_best if pair.p > 0.05]
        if alike:
            notes.append(
                f"{best.label} cannot be told apart, by the sign test over these cases, from {', '.join(alike)}"
            )
    notes.append("the costs are of these settings: another draw of trials, --seed, may choose others")
    notes += failures(sum(tuned.failed for tuned in tuning.methods), study)
    notes += in_values_of_f([tuned.label for tuned in tuning.methods if tuned.gradient_free])
    labels = [tuned.label for tuned in tuning.methods]
    notes += beside(labels, [tuned.asked for tuned in tuning.methods])
    return notes + unequal(labels, [tuned.told for tuned in tuning.methods])


def _of_ranges(tuned: Tuned, keys: Sequence[str]) -> str:
    """These values of the best setting, each with its range."""
    return ", ".join(f"{key}={value_name(tuned.setting[key])} of {tuned.ranges[key]}" for key in keys)


def profile_table(profile: Profile, width: int = 120) -> Table:
    """The methods by the mean area under their profiles; what each solves at each tolerance.

    The areas are of data profiles where no kind that has areas was chosen; those of performance profiles, which depend
    on the methods compared, stand beside them.
    """
    order = profile.ranking
    columns = {
        "method": [profile.labels[m] for m in order],
        f"{profile.judged} area": [f"{profile.areas[:, m].mean():.3f}" for m in order],
    }
    spare = []
    for t, tolerance in enumerate(profile.tolerances):
        if profile.judged in ("data", "performance"):  # which have an area for each tolerance
            spare.append(f"area at {tolerance:g}")
            columns[spare[-1]] = [f"{profile.areas[t, m]:.3f}" for m in order]
        columns[f"solved {tolerance:g}"] = [str(np.isfinite(profile.costs[t, :, m]).sum()) for m in order]
    if profile.unknown and profile.judged == "data":
        columns["known f*"] = [_area(profile.areas_of_known[:, m]) for m in order]
        spare.append("known f*")
    if profile.kind is None:
        columns["performance area"] = [f"{profile.performance.areas[:, m].mean():.3f}" for m in order]
    if len(order) > 1:
        spare.append("fastest")
        ratios = profile.performance.amounts[-1].reshape(-1, len(order))
        columns["fastest"] = [f"{(ratios[:, m] == 1).sum() / len(profile.instances):.3g}" for m in order]
    return _fitted(
        f"{counted(len(profile.problems), 'problem')} · {profile.budget:,} evaluations",
        columns,
        width,
        [*spare, "performance area"],
    )


def _area(areas: Numbers) -> str:
    """The mean of some areas, or a dash where there are none."""
    return "–" if np.isnan(areas).any() else f"{areas.mean():.3f}"


def pairs_table(profile: Profile, width: int = 120) -> Table:
    """Every pair of methods at the smallest tolerance: on how many problems each is cheaper, and the sign test."""
    pairs = sorted(profile.pairs(), key=lambda pair: pair.p)
    columns = {
        "first": [pair.first for pair in pairs],
        "second": [pair.second for pair in pairs],
        "first cheaper": [str(pair.wins) for pair in pairs],
        "second cheaper": [str(pair.losses) for pair in pairs],
        "tied": [str(pair.ties) for pair in pairs],
        "p": [f"{pair.p:.2g}" for pair in pairs],
    }
    title = f"pairs at tolerance {profile.tolerances[-1]:g}: sign test over problems, Holm's correction"
    return _fitted(title, columns, width)


def profile_notes(profile: Profile, study: Path | None = None) -> list[str]:
    """How to read the profile, each method's unsolved problems, and what the table alone would hide.

    ``study`` is the file that keeps its runs.
    """
    notes = [_areas_meant(profile)]
    if profile.kind is None:
        notes.append(f"performance area: up to {profile.performance.high:.3g} {OF_THE_LEAST}")
    if len(profile.labels) > 1:
        notes.append(f"fastest: on so many problems at tolerance {profile.tolerances[-1]:g}")
    if profile.kind == "log-ratio":
        neither = [int(np.isnan(ratios).sum()) for ratios in profile.log_ratio]
        told = ", ".join(f"{n} at {tau:g}" for n, tau in zip(neither, profile.tolerances, strict=True) if n)
        notes += [f"problems that neither method solves have no ratio: {told}"] if told else []
    if (seeds := len(profile.instances)) > 1 and profile.judged == "runtime":
        notes.append(f"restarts are drawn from the {seeds} seeds of a problem, {DRAWS} times, alike for every method")
    elif seeds > 1:
        notes.append(
            f"each of {seeds} seeds is a set of problems, in which those that are not random are the same; areas are "
            "means over the seeds, and bands leave out a tenth of them at either end"
        )
    for m in profile.ranking:
        names = [name.rpartition("/")[2] for name in profile.unsolved(m)]
        if names:
            notes.append(
                f"{profile.labels[m]} does not solve {len(names)} at {profile.tolerances[-1]:g}: {', '.join(names)}"
            )
    if profile.guessed:
        notes.append(
            f"the minimum is the least f that any method found on {', '.join(profile.guessed)}, in a run that did not "
            "diverge: another set of methods may find another"
            + ("; known f*: the data area without these" if profile.judged == "data" else "")
        )
    if free := ", ".join(profile.gradient_free):
        notes.append(f"{free} asks for no gradients: d + 1 evaluations of f count as one of them, in the budget too")
    notes.append("methods run as given: nothing was tuned; a run that diverged or failed counts for nothing")
    if profile.evaluations:
        told = "; ".join(
            f"{profile.labels[m]} {count(profile.evaluations[m][0])} and {count(profile.evaluations[m][1])}"
            for m in profile.ranking
        )
        notes.append(f"spent in all, evaluations of ∇f and of f: {told}")
    notes += failures(profile.failed, study) + beside(profile.labels, profile.asked)
    return notes + unequal(profile.labels, profile.told)


def _areas_meant(profile: Profile) -> str:
    """What the areas in the table are."""
    end = f"{profile.tolerances[-1]:g}"
    meant = {
        "data": f"from 1 evaluation to the budget of {profile.budget:,}; no other method changes it"
        + (", but through a minimum that is unknown" if profile.unknown else ""),
        "performance": f"up to {profile.performance.high:.3g} {OF_THE_LEAST}",
        "quality": f"digits of accuracy at the end, as a part of those of the smallest tolerance, {end}, where runs "
        "end: a smaller --tolerance goes further",
        "runtime": f"from 1 evaluation to the budgets of all runs of a problem; {TARGETS} targets down to {end}; runs "
        "that missed one are restarted as simulated",
    }
    return f"{profile.judged} area: {meant[profile.judged]}; on a logarithmic axis, 1 at most"


def study_table(name: str, settings: Sequence[tuple[dict[str, Any], dict[str, int]]], width: int = 120) -> Table:
    """What a study holds: a row per method, budget and version, with how many runs have each status."""
    rows: dict[tuple[str, ...], tuple[set[str], Counter[str]]] = {}
    for setting, counts in settings:
        key = setting["method"], f"{setting['budget']:,}", setting["stepbench"]
        problems, total = rows.setdefault(key, (set(), Counter()))
        problems.add(setting["problem"])
        total.update(counts)
    methods, budgets, versions = zip(*rows, strict=True) if rows else ((), (), ())
    columns: dict[str, list[Any]] = {
        "method": [*methods],
        "problem": [
            min(problems) if len(problems) == 1 else f"{len(problems)} problems" for problems, _ in rows.values()
        ],
        "evaluations": [*budgets],
        "runs": [f"{total.total():,}" for _, total in rows.values()],
    }
    for status, style in STYLES.items():
        columns[status] = [
            Text(f"{total[status]:,}", style=style if total[status] else "dim") for _, total in rows.values()
        ]
    columns["stepbench"] = [*versions]
    return _fitted(name, columns, width, ["evaluations", "stepbench"])
