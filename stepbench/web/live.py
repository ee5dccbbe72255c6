"""A page of runs, one file that asks the network for nothing: they are made in the browser, anew as sliders move.

A method that cannot be recorded stands in the page as it was run.
"""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Iterable, Sequence
from string import Template
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, Problem, Window
from stepbench.engine.result import Result
from stepbench.fields import Field
from stepbench.kernels.javascript import RUN
from stepbench.report.ending import ending
from stepbench.report.landscape import drawable, window
from stepbench.report.styles import COLOURS
from stepbench.report.tables import derivations, unequal
from stepbench.web import controls
from stepbench.web.assets import asset
from stepbench.web.recorded import Recorded, normals

MOST = 2000
"""How many records of a run that stays as it is stand in a page at most."""

GRID = (160, 120)
"""In how many columns and rows a page has f where it cannot compute it."""

SIZES = 6
"""How many step sizes of a run that stays as it is stand in a page, where there is one per component or tensor."""

BEFORE, AFTER = ("settings", "words", "theme", "pen"), ("controls", "frame")
"""The scripts of every page, before and after those of what it shows."""

NOISE = Field("noise", "float", False, False, (), 0.0, "σ", "noise on each component of the gradient", "[0, inf)", "")

OF_RUNS = ("runs", "plane", "curves", "table", "hands")
"""The scripts that show runs."""


class Stage(NamedTuple):
    """What a page is told: its facts and the programs in it, and whether the paths can be drawn in a plane."""

    facts: dict[str, Any]
    programs: str
    plane: bool

    def scripts(self, shown: Sequence[str], last: Sequence[str] = ()) -> str:
        """The scripts of a page that shows this, in their order, as they stand in HTML."""
        facts = json.dumps(self.facts, ensure_ascii=False).replace("<", "\\u003c")
        texts = "\n".join(asset(f"scripts/{name}.js") for name in (*BEFORE, *shown, *AFTER, *last))
        return (
            f'<script type="application/json" id="facts">{facts}</script>\n'
            f"<script>\n{RUN}\n{self.programs}\n</script>\n<script>\n{texts}</script>"
        )


def page(results: Sequence[Result], command: str, steps: int | None = None) -> str:
    """A page of runs of one problem, each a single run, with the command that made them.

    ``steps`` is the number of steps that the runs were allowed, where one was given.
    """
    stage = staged(results, steps)
    problem = results[0].problem
    told = notes(results)
    for r, method in zip(results, stage.facts["methods"], strict=True):
        if not method["live"] and len(r.f) > MOST:
            told.append(f"{r.label}: {MOST:,} of {len(r.f):,} records are drawn")
    title = f"{', '.join(r.label for r in results)} on {problem}"
    return Template(asset("live.html")).substitute(
        title=html.escape(title),
        header=header(problem),
        style=asset("live.css"),
        runs=asset("runs.html"),
        footer=footer(told, command, results[0].version),
        scripts=stage.scripts(OF_RUNS),
        plane="" if stage.plane else "no-plane",
    )


def header(problem: Problem) -> str:
    """The head of a page about a problem, with the buttons that all such pages have."""
    summary = html.escape(catalog.summary(type(problem.unchanged)))
    return Template(asset("header.html")).substitute(heading=html.escape(str(problem)), summary=summary)


def footer(told: Sequence[str], command: str, version: str) -> str:
    """The foot of a page: notes, the settings as a command, and what made the page."""
    return Template(asset("footer.html")).substitute(
        notes=paragraphs(told), command=html.escape(command), version=version
    )


def notes(results: Sequence[Result]) -> list[str]:
    """What stands below runs: who is told more than the others, and which derivatives nobody wrote down."""
    return [*unequal([r.label for r in results], [r.told for r in results]), *derivations(results)]


def paragraphs(texts: Iterable[str]) -> str:
    """Texts as paragraphs of HTML."""
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _values(problem: Problem, view: Window) -> dict[str, Any]:
    """The values of f over a window, in rows from above, as float64 in base 64."""
    columns, rows = GRID
    (left, right), (bottom, top) = view
    across, up = np.meshgrid(np.linspace(left, right, columns), np.linspace(top, bottom, rows))
    with np.errstate(all="ignore"):
        f = problem.f(np.stack([across.ravel(), up.ravel()]))
    return {"columns": columns, "rows": rows, "f": base64.b64encode(f.astype("<f8").tobytes()).decode()}


def framed(view: Window) -> Window:
    """A window in the shape of the picture in the page, 4:3, with this one in its middle.

    One that is much longer than wide, or wider than long, stays as it is.
    """
    (left, right), (bottom, top) = view
    wide, high = right - left, top - bottom
    if not 0.2 < wide / high < 5:
        return view
    wider, higher = max(0.0, high * 4 / 3 - wide) / 2, max(0.0, wide * 3 / 4 - high) / 2
    return (left - wider, right + wider), (bottom - higher, top + higher)


def staged(results: Sequence[Result], steps: int | None = None) -> Stage:
    """What a page of runs is told: of those that were recorded how they are made, of the others what was run."""
    first = results[0]
    problem, horizon = first.problem, min(first.budget, steps or first.budget)
    made = Recorded.of(results, horizon)
    traced = [r for r in results if drawable(r)]
    view = framed(window(traced)) if traced else None
    facts = {
        **of_problem(made, first),
        "view": view,
        "values": _values(problem, view) if view and not made.first else None,
        "limits": {
            "budget": first.budget,
            "steps": horizon,
            "target": first.target or 0.0,
            "gradTarget": first.grad_target,
        },
        "stepsGiven": steps,
        "errorName": problem.f_means or ("f(w)" if problem.f_star is None else "error f(w) − f*"),
        "methods": [
            _method(r, method, COLOURS[i % len(COLOURS)], bool(some), why)
            for i, (r, method, some, why) in enumerate(zip(results, made.methods, made.cases, made.whys, strict=True))
        ],
    }
    if first.noise and made.first:
        facts["noise"] |= {"normals": normals(problem, first.seed, horizon), "seed": first.seed}
    return Stage(facts, made.script(), view is not None)


def of_problem(made: Recorded, r: Result) -> dict[str, Any]:
    """What a page is told of the problem, of the start, and of the noise on the gradient, where there is some."""
    return {
        "problem": str(made.problem),
        "spec": controls.problem_spec(made.problem, made.free),
        "parameters": controls.of_problem(made.problem, made.free),
        "start": r.x[0].tolist() if r.x is not None else [],
        "known": {"fStar": made.problem.f_star, "xStar": minimisers(made.problem)},
        "noise": {"control": controls.control("noise", "noise", NOISE, r.noise)} if r.noise else None,
    }


def _method(r: Result, method: Method | str, colour: str, live: bool, why: str) -> dict[str, Any]:
    """What the page is told of a method: its sliders, or the run as it was made."""
    facts: dict[str, Any] = {"label": r.label, "colour": colour, "live": live, "why": why, "ending": ending(r)}
    if not live or isinstance(method, str):
        return facts | {"run": _kept(r)}
    return facts | controls.of_method(method)


def _kept(r: Result) -> dict[str, Any]:
    """The records of a run that stays as it is, thinned where they are many."""
    n = len(r.f)
    shown = np.unique(np.linspace(0, n - 1, min(n, MOST)).astype(int))
    sizes = None if r.step_size is None else np.reshape(r.step_size, (n, -1))[:, :SIZES]

    def listed(values: Any) -> Any:
        return None if values is None else [number(v) for v in np.ravel(np.asarray(values)[shown])]

    return {
        "x": listed(r.x if drawable(r) else None),
        "f": listed(r.f),
        "value": listed(r.value),
        "evals": listed(r.cost),
        "alpha": listed(sizes),
        "sizes": 0 if sizes is None else sizes.shape[1],
        "spent": [int(r.evals[-1]), int(r.fevals[-1])],
        "steps": int(r.steps),
        "status": r.status,
        "detail": r.detail,
        "last": number(float(r.value[-1])),
    }


def minimisers(problem: Problem) -> list[float]:
    """The points that are known to be least, one after the other; empty where none is."""
    return [] if problem.x_star is None else np.ravel(np.transpose(problem.x_star)).tolist()


def number(value: Any) -> float | None:
    """A number as JSON has it: none where it is not finite."""
    return float(value) if math.isfinite(value) else None
