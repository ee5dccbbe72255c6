"""Tables of studies: sensitivities, maps, tuned methods, profiles, and what a study's file holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from stepbench.contracts import NEEDS
from stepbench.report.tables import BARS, number, table_width

if TYPE_CHECKING:
    from stepbench.study.sweep import Numbers, Sensitivity, Sweep


def _table(title: str, *columns: str) -> Table:
    """A table whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for k, heading in enumerate(columns):
        table.add_column(heading, justify="left" if k == 0 else "right", no_wrap=k > 0, overflow="fold")
    return table


def count(value: float) -> str:
    """A number of evaluations, or a dash where it is infinite."""
    return f"{value:,.0f}" if math.isfinite(value) else "–"


def value_name(value: object) -> str:
    """A value of an axis, short."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def sensitivity_table(sweep: Sweep, width: int = 120) -> Table:
    """One row a method and setting of the other axes: best value, its cost, the usable range, and the whole answer.

    The last column draws the cost against the value: a low bar is cheap, · where the target was not reached, ✗ where
    the run diverged. Columns are left out where the width cannot hold them.
    """
    for bars, extras in ((24, 3), (16, 3), (16, 2), (12, 2), (12, 1), (10, 0), (0, 0)):
        table = _sensitivity_table(sweep, bars, ["usable range", "diverged", "reached"][:extras])
        if table_width(table) <= width:
            break
    return table


def _sensitivity_table(sweep: Sweep, bars: int, extras: Sequence[str]) -> Table:
    axis, lines, known = sweep.axes[0], sweep.sensitivities(), sweep.target is not None
    goal = f" · error ≤ {sweep.target:g}" if known else ""
    table = _table(f"{sweep.problem}{goal} · {sweep.budget:,} evaluations", "method", f"best {axis.name}")
    costs = np.concatenate([line.cost[np.isfinite(line.cost)] for line in lines])
    columns: dict[str, list[Any]] = {
        "cost" if known else "f at the end": [
            count(line.cost[line.best]) if known else number(float(line.left[line.best])) for line in lines
        ]
    }
    if known and axis.kind == "method" and axis.numeric:
        if "usable range" in extras:
            columns["usable range"] = [_span(line) for line in lines]
        columns["decades"] = [_decades(line) for line in lines]
    if known and "reached" in extras:
        columns["reached"] = [f"{line.reached.mean():.0%}" for line in lines]
    if "diverged" in extras:
        columns["diverged"] = [f"{line.diverged.mean():.0%}" for line in lines]
    if bars:
        columns[f"{value_name(axis.values[0])} … {value_name(axis.values[-1])}"] = [
            _bars(line, costs, bars) for line in lines
        ]
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for k, line in enumerate(lines):
        table.add_row(line.label, value_name(axis.values[line.best]), *(cells[k] for cells in columns.values()))
    return table


def _span(line: Sensitivity) -> str:
    if line.usable is None:
        return "–"
    return " … ".join(value_name(line.axis.values[k]) for k in line.usable)


def _decades(line: Sensitivity) -> str:
    if line.usable is None or line.decades is None:
        return "–"
    at_edge = line.usable[0] == 0 or line.usable[1] == len(line.cost) - 1
    return f"{'≥ ' * at_edge}{line.decades:.2g}"


def _bars(line: Sensitivity, costs: Numbers, width: int) -> Text:
    """The cost at every value, or at so many of them, on one logarithmic scale for all lines."""
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


def sweep_notes(sweep: Sweep) -> list[str]:
    """How to read a sweep, and what its table alone would hide."""
    axis, lines = sweep.axes[0], sweep.sensitivities()
    notes = []
    if sweep.target is None:
        notes.append(f"{sweep.problem} does not know its minimum: values are compared by f at the end")
    elif not sweep.reached.any():
        errors = sweep.ends.error[np.isfinite(sweep.ends.error)]
        least = f"the least error was {number(float(errors.min()))}" if errors.size else "every run failed"
        notes.append(f"no run reached the error {sweep.target:g}; {least}: choose a larger --target, or more --budget")
    elif any(line.decades is not None for line in lines):
        notes.append(
            f"usable: the {axis.name} around the best that cost at most twice as much; in steps of the grid, so at "
            "least these decades"
        )
    if axis.numeric and axis.kind == "method" and len(axis.values) > 2:
        edge = [line.label for line in lines if line.best in (0, len(axis.values) - 1)]
        if edge and sweep.reached.any():
            notes.append(f"{', '.join(edge)}: the best {axis.name} is at an edge of the sweep: sweep further")
    if any(axis.kind == "seed" for axis in sweep.axes[1:]):
        n = next(len(axis.values) for axis in sweep.axes if axis.kind == "seed")
        notes.append(f"costs are medians over {n} seeds")
    return notes + failures(sweep.ends.status) + unequal(sweep.labels, sweep.told)


def failures(status: Numbers) -> list[str]:
    """How many runs ended as failed, where any did."""
    failed = int((status == "failed").sum())
    if not failed:
        return []
    return [f"{failed:,} runs failed: stepbench study show STUDY --status failed tells why"]


def unequal(labels: Sequence[str], told: Sequence[tuple[str, ...]]) -> list[str]:
    """Which methods were told more than f and ∇f, where others were not."""
    lines = []
    for need, (meaning, _) in NEEDS.items():
        knowing = [label for label, needs in zip(labels, told, strict=True) if need in needs]
        if knowing and len(knowing) < len(labels):
            lines.append(f"{', '.join(knowing)} was told {meaning}; the others were not")
    return lines


def map_table(sweep: Sweep) -> Table:
    """One row a method: how much of the map reaches the target, and where at the least cost."""
    first, second = sweep.axes
    title = f"{sweep.problem} · error ≤ {sweep.target:g} · {sweep.budget:,} evaluations"
    table = _table(title, "method", "reached", "not reached", "diverged", "least cost", f"at {first.name}", second.name)
    for m, label in enumerate(sweep.labels):
        reached, diverged = sweep.reached[m], sweep.ends.status[m] == "diverged"
        cells = [f"{part.mean():.1%}" for part in (reached, ~reached & ~diverged, diverged)]
        i, j = np.unravel_index(int(np.argmin(sweep.cost[m])), reached.shape)
        if reached.any():
            where = [value_name(first.values[i]), value_name(second.values[j])]
            table.add_row(label, *cells, count(sweep.cost[m][i, j]), *where)
        else:
            table.add_row(label, *cells, "–", "–", "–")
    return table


def map_notes(sweep: Sweep) -> list[str]:
    """What a map's table alone would hide."""
    return failures(sweep.ends.status) + unequal(sweep.labels, sweep.told)
