"""Tables of guarantees: the worst cases of a method, and a run beside its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from stepbench.guarantees import CRITERIA, Beside, Guarantee
from stepbench.report.literal import Table
from stepbench.report.numbers import number
from stepbench.report.records import finite
from stepbench.report.tables import titled


def rate_table(found: Guarantee) -> Table:
    """The worst case after each number of steps, and beside it what a paper has proved."""
    functions = "smooth convex f" if found.mu == 0 else f"{found.mu:g}-strongly convex f"
    table = titled(f"{found.method} · all {functions} with L = {found.L:g}")
    headings = ("steps N", f"worst {CRITERIA[found.criterion]}", "closed form", "seconds")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.rows:
        known = "" if row.known is None else f"{'=' if row.known.exact else '≤'} {row.known.value:.6g}"
        worst = f"{row.worst:.6g}" if math.isfinite(row.worst) else "unbounded"
        table.add_row(str(row.steps), worst, known, f"{row.seconds:.2f}")
    return table


def rate_notes(found: Guarantee) -> list[str]:
    """In what the numbers are, and where the closed forms come from."""
    sources = dict.fromkeys(row.known.source for row in found.rows if row.known is not None)
    ended = [found.ended] if found.ended else []
    return [*ended, "where ‖w_0 − w*‖ = 1; each number grows with its square", *(f"closed form: {s}" for s in sources)]


def rate_facts(found: Guarantee) -> dict[str, Any]:
    """A guarantee as JSON tells it; what is not bounded is null."""
    rows = [
        {
            "steps": row.steps,
            "evals": row.evals,
            "worst": finite(row.worst),
            "closed_form": None if row.known is None else row.known._asdict(),
            "seconds": row.seconds,
        }
        for row in found.rows
    ]
    return {"method": found.method, "mu": found.mu, "L": found.L, "criterion": found.criterion, "rows": rows} | (
        {"ended": found.ended} if found.ended else {}
    )


def beside_table(found: Sequence[Beside]) -> Table:
    """The errors of some runs after each of their first steps, beside the worst that they can be."""
    lone = len(found) == 1
    table = titled(f"{found[0].result.label} beside its guarantee" if lone else "beside their guarantees")
    if not lone:
        table.add_column("method", no_wrap=True)
    for heading in ("steps N", "f(w_N) − f*", "worst of all f", "part of it"):
        table.add_column(heading, justify="right", no_wrap=True)
    for told in found:
        label = [] if lone else [told.result.label]
        for steps, measured, worst in zip(told.steps, told.measured, told.worst, strict=True):
            known = not np.isnan(measured)
            error, part = (number(measured), f"{measured / worst:.1%}") if known else ("–", "–")
            table.add_row(*label, str(steps), error, number(worst), part)
    return table


def beside_facts(told: Beside) -> list[dict[str, Any]]:
    """A run beside its guarantee as JSON tells it."""
    columns = (told.steps, told.evals, told.measured, told.worst)
    return [
        {"steps": int(n), "evals": int(evals), "error": finite(float(error)), "worst": finite(float(worst))}
        for n, evals, error, worst in zip(*columns, strict=True)
    ]
