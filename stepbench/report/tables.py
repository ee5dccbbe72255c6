"""Tables of results, for the terminal and for notebooks."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.text import Text

from stepbench import catalog
from stepbench.contracts import NEEDS, Method, Problem
from stepbench.engine.result import Result
from stepbench.fields import InputError, show_value
from stepbench.report.literal import Table
from stepbench.report.numbers import number

if TYPE_CHECKING:
    from stepbench.autopsy.quick import QuickTrial
    from stepbench.conformance import Finding
    from stepbench.conformance.implementations import Parting, Reason

FULL = 10_000
"""A width, in letters, that holds every table with all its columns."""
BARS = "▁▂▃▄▅▆▇█"
STYLES = {"converged": "green", "budget": "yellow", "diverged": "bold red", "failed": "bold red"}


class PrintedTable(Table):
    """A table of rich that plain ``print`` shows, too."""

    def __repr__(self) -> str:
        """The table as text: at most 120 characters wide, or as wide as it must be for nothing to be cut off."""
        page = Console(width=max(120, width_of(self).minimum), color_system=None, force_jupyter=False)
        with page.capture() as shown:
            page.print(self)
        return "\n".join(line.rstrip() for line in shown.get().strip("\n").splitlines())


def titled(title: str) -> PrintedTable:
    """An empty table in the style of all tables, under its title."""
    return PrintedTable(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def width_of(table: Table) -> Measurement:
    """The least width of a table, where its cells are folded as far as they may be, and its full width."""
    wide = Console(width=FULL, markup=False, emoji=False)
    return Measurement.get(wide, wide.options, table)


def decades(results: Sequence[Result]) -> list[float]:
    """The powers of ten of the error, from the start's to the least that any of the runs reached.

    Of networks, whose losses span a few powers only, 5 and 2 times each of them too.
    """
    errors = np.concatenate([[], *(r.error for r in results if r.error is not None)])
    positive = errors[errors > 0]
    if not positive.size:
        return []
    if results[0].accuracy is not None:
        series = [digit * 10.0**e for e in range(3, -10, -1) for digit in (5, 2, 1)]
        return [float(f"{level:.1g}") for level in series if errors[0] > level >= positive.min()]
    high = math.ceil(math.log10(max(r.error[0] for r in results if r.error is not None and r.error[0] > 0))) - 1
    low = math.log10(positive.min())
    if (errors > 0).all():
        return [10.0**e for e in range(high, math.ceil(low) - 1, -1)]
    return [*(10.0**e for e in range(high, math.floor(low) - 1, -1)), 0.0]  # and the level 0, which some run reached


def thinned(levels: list[float], most: int) -> list[float]:
    """At most so many of the levels, the last among them, and more of the first ones: 1e1, 1e0, 1e-2, 1e-6 …."""
    if len(levels) <= most:
        return levels
    if most < 1:
        return []
    index = np.unique(np.geomspace(min(3, len(levels)), len(levels), most).round().astype(int)) - 1
    return [levels[i] for i in index]


def level_name(level: float, result: Result) -> str:
    """1e-3, or 0; of a network's loss, 0.05."""
    if level == 0 or result.accuracy is not None:
        return f"{level:g}"
    return f"1e{round(math.log10(level))}"


def convergence(result: Result, width: int = 100, rows: int = 16) -> Table:
    """One run: where it stood when its error first fell to each power of ten, and at its end.

    The step size and the point are left out where the width cannot hold them.
    """
    extras = []
    if result.x is not None and result.x.shape[1] <= 3:
        extras.append("w")
    if result.step_size is not None:
        extras.append("step size α")
    while True:
        table = _convergence(result, rows, extras)
        if not extras or width_of(table).maximum <= width:
            return table
        extras.pop()


def _convergence(result: Result, rows: int, extras: Sequence[str]) -> Table:
    columns: dict[str, Callable[[int], str]] = {
        "iteration": lambda k: f"{result.iteration[k]:,}",
        "∇f evals": lambda k: f"{result.evals[k]:,}",
    }
    if result.fevals[-1]:
        columns["f evals"] = lambda k: f"{result.fevals[k]:,}"
    value, accuracy, step_size = result.value, result.accuracy, result.step_size
    columns[measure_name(result)] = lambda k: number(float(value[k]))
    if accuracy is not None:
        columns["accuracy"] = lambda k: f"{accuracy[k]:.1%}"
    if "w" in extras:
        columns["w"] = lambda k: _vector(result.x[k])
    if "step size α" in extras and step_size is not None:
        columns["step size α"] = lambda k: _vector(step_size[k])

    table = titled(f"{result.problem} · {result.label}")
    table.add_column("" if result.error is None else f"{measure_name(result)} ≤", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    records = {0: "start"}
    for level in thinned(decades([result]), rows - 2):
        k = result.first_at(level)
        if k is not None:
            records.setdefault(k, level_name(level, result))
    for k, name in records.items():
        table.add_row(name, *(cell(k) for cell in columns.values()))
    last = len(result.f) - 1
    table.add_row("end", *(cell(last) for cell in columns.values()), style=STYLES[result.status])
    return table


def endings(batch: Result) -> Table:
    """A batch: how many of its runs ended in each way, with what errors and for how many evaluations."""
    values = batch.value[-1]
    table = titled(f"{batch.problem} · {batch.label} · {values.size:,} runs")
    table.add_column("status")
    for heading in ("runs", f"least {measure_name(batch)}", "median", "most", "∇f evals (median)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for status, style in STYLES.items():
        ended = batch.status == status
        if ended.any():
            numbers = (number(float(of(values[ended]))) for of in (np.min, np.median, np.max))
            evals = f"{int(np.median(batch.evals[-1][ended])):,}"
            table.add_row(Text(status, style=style), f"{np.count_nonzero(ended):,}", *numbers, evals)
    return table


def _vector(values: Any) -> str:
    values = np.atleast_1d(values)
    if len(values) > 3 and not np.isnan(values).all():
        return f"{values.min():.3g} … {values.max():.3g}"
    return ", ".join("–" if math.isnan(v) else f"{v:.3g}" for v in values[:3])


def measure_name(result: Result) -> str:
    """What the value of a run is called: error, loss or f."""
    if result.accuracy is not None:
        return "loss"
    return "f" if result.error is None else "error"


def outcome(result: Result) -> str:
    """One run's end, in a sentence."""
    measure, accuracy = result.problem.f_means or measure_name(result), ""
    if result.accuracy is not None:
        accuracy = f", {result.problem.accuracy_means} {result.accuracy[-1]:.1%}"
    last = float(result.value[-1])
    pace = ""
    if result.elapsed is not None and result.problem.f_means:  # a step of a function takes microseconds
        pace = f" ({1e3 * result.elapsed[-1] / max(result.steps, 1):.2g} ms per step)"
    told = ""
    if result.told:
        told = f"; it was told {' and '.join(NEEDS.get(need, (need,))[0] for need in result.told)}"
    return (
        f"{result.status}: {result.detail}. {measure} {number(last)}{accuracy} after {result.steps:,} iterations, "
        f"{result.evals[-1]:,} gradient and {result.fevals[-1]:,} function evaluations, "
        f"{result.seconds:.2g} s{pace}{told}.{''.join(f' {note}.' for note in derivations([result]))}"
    )


def suggestion(trial: QuickTrial, lost: Result, method: str, options: dict[str, Any]) -> str:
    """What a quick trial found for a run that was lost, as a command with its options, and what was measured."""
    result = trial.result
    if trial.method is None or result is None:
        return (
            f"none of the {trial.settings} settings of a quick trial ends lower than the start; what happened: "
            f"{pasted('explain', lost.problem, method, options)}"
        )
    return (
        f"try: {pasted('run', result.problem, catalog.label(trial.method), options)}  ({measure_name(result)} "
        f"{number(float(result.value[-1]))} after {result.cost[-1]:,} evaluations, the best in a quick trial of "
        f"{trial.settings} settings, which is not counted above)"
    )


def pasted(command: str, problem: Problem, method: str, options: dict[str, Any]) -> str:
    """The call of a command, ``run`` or ``explain``, with these options of ``stepbench.run``."""
    told = {key: show_value(value) for key, value in options.items() if key != "start" and value}
    if options.get("start") is not None:
        told["start"] = ",".join(f"{w:.17g}" for w in options["start"])
    asked = [f"--{key.replace('_', '-')}={value}" for key, value in told.items()]
    return shlex.join(["stepbench", command, str(problem), "--method", method, *asked])


def files_beside(seen: Sequence[str]) -> str:
    """Which other files a user's file was seen to read, and how one that was not seen can be."""
    return (
        f"other files seen that it reads: {', '.join(seen) or 'none'}. A change in them is noticed. One that a library "
        'reads in C code, such as HDF5 or Parquet, is seen where the file opens it too: open("data.h5").close()'
    )


def derivations(results: Sequence[Result]) -> list[str]:
    """What the bench derived because the problem leaves it out, and what the methods asked for, in sentences."""
    problem = results[0].problem
    told = {need for r in results for need in r.told}
    lines = []
    if "grad" in problem.derived:
        lines.append(f"∇f is derived from f by {problem.derivation('grad')}; its evaluations of f are not counted")
    if "hessian" in problem.derived and told & {"curvature", "hvp"}:
        lines.append(
            f"∇²f is derived from ∇f by {problem.derivation('hessian')}; its evaluations of ∇f are not counted"
        )
    return lines


def comparison(results: Sequence[Result], width: int = 120) -> Table:
    """One row per method: the cost of each power of ten of the error, and how it ended; the best of each is marked *.

    As many columns as the width holds: the counts and the time go first, then powers of ten, then the sparkline.
    """
    levels = decades(results)
    extras = ["log error", "∇f evals", "time", "f evals"]
    for least, beside in ((4, 4), (4, 3), (4, 2), (3, 2), (3, 1), (2, 1), (1, 1), (1, 0), (0, 0)):
        for most in range(min(len(levels), 12), least - 1, -1):
            table = _comparison(results, thinned(levels, most), extras[:beside])
            if width_of(table).maximum <= width:
                return table
    return table


def _comparison(results: Sequence[Result], levels: list[float], extras: Sequence[str]) -> Table:
    network = results[0].accuracy is not None
    table = titled(str(results[0].problem))
    table.padding = (0, 1, 0, 0)
    table.add_column("method", overflow="fold")
    for level in levels:
        table.add_column(level_name(level, results[0]), justify="right", no_wrap=True)
    table.add_column(measure_name(results[0]), justify="right", no_wrap=True)
    if network:
        table.add_column("accuracy", justify="right", no_wrap=True)
    for extra in sorted(extras, key=["∇f evals", "f evals", "time", "log error"].index):
        table.add_column(extra, justify="left" if extra == "log error" else "right", no_wrap=True)
    table.add_column("status", no_wrap=True)

    columns: list[list[tuple[float, str]]] = []
    for level in levels:
        column = []
        for r in results:
            k = r.first_at(level)
            column.append((math.inf, "–") if k is None else (float(r.cost[k]), _cost_at(r, k)))
        columns.append(column)
    finals = [float(r.value[-1]) for r in results]
    columns.append([(final, number(final)) for final in finals])
    if network:
        columns.append([(-float(r.accuracy[-1]), f"{r.accuracy[-1]:.1%}") for r in results if r.accuracy is not None])
    if "∇f evals" in extras:
        columns.append([(math.inf, f"{r.evals[-1]:,}") for r in results])
    if "f evals" in extras:
        columns.append([(math.inf, f"{r.fevals[-1]:,}") for r in results])
    if "time" in extras:
        columns.append([(r.seconds if r.status == "converged" else math.inf, f"{r.seconds:.2g} s") for r in results])
    diverged = [r.status in ("diverged", "failed") for r in results]  # such a run is not the best at anything
    winners = [
        min(math.inf if lost else amount for (amount, _), lost in zip(column, diverged, strict=True))
        for column in columns
    ]
    sparks = sparklines(results) if "log error" in extras else None
    for i, r in enumerate(results):
        cells: list[Text] = [Text(r.label)]
        for column, best in zip(columns, winners, strict=True):
            amount, text = column[i]
            won = amount == best and math.isfinite(best) and len(results) > 1 and not diverged[i]
            cells.append(Text(text + "*", style="bold green") if won else Text(text))
        if sparks:
            cells.append(Text(sparks[i]))
        cells.append(Text(r.status, style=STYLES[r.status]))
        table.add_row(*cells)
    return table


def _cost_at(r: Result, k: int) -> str:
    """What record k cost: evaluations, of f where it says so, and the iterations where they differ."""
    cost = f"{r.cost[k]:,}"
    if r.gradient_free:
        cost += "f"
    if r.iteration[k] != r.cost[k]:
        cost += f" ({r.iteration[k]:,})"
    return cost


def sparklines(results: Sequence[Result], width: int = 10, floor: float = 1e-16) -> list[str]:
    """The logarithm of each run's error against its evaluations, all to one scale; ✗ where it diverged."""
    most = max(int(r.cost[-1]) for r in results)
    ceiling = max(float(abs(r.value[0])) for r in results) or 1.0
    costs = np.linspace(0, most, width)
    curves = []
    for r in results:
        values = np.log10(np.clip(np.abs(r.value), floor, 10 * ceiling))
        records = np.searchsorted(r.cost, costs, side="right") - 1
        curves.append((values[records], (costs > r.cost[-1]) & (r.status == "diverged")))
    low, high = min(c.min() for c, _ in curves), max(c.max() for c, _ in curves)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return [
        "".join("✗" if lost else BARS[round((v - low) * scale)] for v, lost in zip(curve, diverged, strict=True))
        for curve, diverged in curves
    ]


def notes(results: Sequence[Result]) -> list[str]:
    """How to read a comparison, and what it alone would hide: who diverged and why, who was told more than f and ∇f."""
    problem = results[0].problem
    lines = ["* least"]
    if any(r.error is not None for r in results):
        lines = ["gradient evaluations (iterations, where they differ) to each error; * least"]
    if problem.f_means:
        best = f"{problem.f_means}, * least; {problem.accuracy_means}, * most"
        lines = [f"gradient evaluations (iterations, where they differ) to each loss; {best}"]
        steps = "step" if problem.every == 1 else f"{problem.every:,} steps"
        lines.append(f"loss and accuracy are looked at after every {steps}")
    if any(r.gradient_free for r in results):
        lines.append("f: function evaluations, of a method that asks for no gradients")
    lines += [f"{r.label} {r.status}: {r.detail}" for r in results if _is_told(r)]
    return lines + unequal([r.label for r in results], [r.told for r in results]) + derivations(results)


def _is_told(r: Result) -> bool:
    """Whether a run ended otherwise than by its target or its budget."""
    return r.status in ("diverged", "failed") or r.detail.startswith("stalled")


def unequal(labels: Sequence[str], told: Sequence[tuple[str, ...]]) -> list[str]:
    """Which methods were told more than f and ∇f, where others were not."""
    lines = []
    for need, (meaning, _) in NEEDS.items():
        knowing = [label for label, needs in zip(labels, told, strict=True) if need in needs]
        if knowing and len(knowing) < len(labels):
            lines.append(f"{', '.join(knowing)} was told {meaning}; the others were not")
    return lines


def suite_table(suite: str, words: str) -> Table:
    """The problems of a suite: dimension, minimum, conditioning there, smoothness, and whether steps see samples."""
    headings = ("problem", "d", "f*", "κ at w*", "smooth", "noise")
    problems = [catalog.problem(name) for name in catalog.suite(suite)]
    table = titled(words)
    for heading in headings:  # the last column gives way where the width cannot hold all
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("d", "f*", "κ at w*") else "left")
    table.add_column("")
    for problem in problems:
        summary = Text(catalog.summary(type(problem.unchanged)), no_wrap=True, overflow="ellipsis")
        table.add_row(problem.name, *_facts(problem), summary)
    return table


def _facts(problem: Problem) -> tuple[str, ...]:
    try:
        least, kappa = problem.f_star, problem.conditioning
    except InputError:  # its data are not installed
        least = kappa = None
    conditioning = "–"
    if kappa is not None:
        conditioning = "∞" if math.isinf(kappa) else number(kappa)
    minimum = "–" if least is None else number(least)
    return str(sum(problem.tensors)), minimum, conditioning, problem.smoothness, problem.sampling


def findings(name: str, found: Sequence[Finding]) -> Table:
    """What the checks of a problem or a method found: a row per check, with what was measured."""
    table = titled(name)
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    for finding in found:
        mark, style = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("–", "dim")}[finding.passed]
        table.add_row(Text(mark, style=style), Text(finding.check), Text(finding.detail, style=style))
    return table


def parted(
    steps: int,
    specs: Sequence[str],
    methods: Sequence[Method],
    found: Sequence[Parting],
    reasons: Sequence[Sequence[Reason]],
) -> Group:
    """Where methods leave the path of the first: a row per method and problem, and below why, where it is known."""
    from stepbench.conformance.implementations import in_words

    table = titled(f"{steps} steps beside {methods[0]}")
    for heading in ("method", "problem", "differs"):
        table.add_column(heading, overflow="fold")
    for spec, method in zip(specs[1:], methods[1:], strict=True):
        for parting in found:
            if parting.spec == spec:
                style = "green" if parting.step is None else "bold red"
                table.add_row(Text(str(method)), Text(parting.problem), Text(in_words(parting), style=style))
    why = Table.grid(padding=(0, 2))
    if any(parting.step is not None for parting in found):
        for method, known in zip(methods, reasons, strict=True):
            for reason in known:
                why.add_row(Text(str(method)), Text(f"{reason.words} ({reason.file}: {reason.line})"))
    return Group(table, why) if why.row_count else Group(table)
