"""A page whose runs are made in the browser: sliders change a method, the problem and the start, and all is run anew.

A method that cannot be recorded stands in the page as it was run.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from string import Template
from typing import Any, NamedTuple

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method
from stepbench.engine.result import Result
from stepbench.fields import Field
from stepbench.kernels.javascript import RUN
from stepbench.report.ending import ending
from stepbench.report.plots import COLOURS, drawable, window
from stepbench.report.tables import derivations, unequal
from stepbench.web import controls
from stepbench.web.assets import asset
from stepbench.web.frames import framed
from stepbench.web.recorded import Recorded, normals

MOST = 2000
"""How many records of a run that stays as it is stand in a page at most."""

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


def page(results: Sequence[Result], command: str, steps: int | None = None) -> str | None:
    """A page of runs of one problem, each a single run; None where no method of them can be recorded.

    ``steps`` is the number of steps that the runs were allowed, where one was given.
    """
    stage = staged(results, steps)
    if not any(method["live"] for method in stage.facts["methods"]):
        return None
    problem = results[0].problem
    notes = [*unequal([r.label for r in results], [r.told for r in results]), *derivations(results)]
    title = f"{', '.join(r.label for r in results)} on {problem}"
    return Template(asset("live.html")).substitute(
        title=html.escape(title),
        heading=html.escape(str(problem)),
        summary=html.escape(catalog.summary(type(problem.unchanged))),
        style=asset("live.css"),
        runs=asset("runs.html"),
        notes="".join(f"<p>{html.escape(note)}</p>" for note in notes),
        command=html.escape(command),
        version=results[0].version,
        scripts=stage.scripts(OF_RUNS),
        plane="" if stage.plane else "no-plane",
    )


def staged(results: Sequence[Result], steps: int | None = None) -> Stage:
    """What a page of runs is told: of those that were recorded how they are made, of the others what was run."""
    first = results[0]
    problem, horizon = first.problem, min(first.budget, steps or first.budget)
    made = Recorded.of(results, horizon)
    traced = [r for r in results if drawable(r)]
    view = framed(window(traced)) if traced and made.first else None
    facts = {
        **of_problem(made, first),
        "view": view,
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
        "known": {"fStar": made.problem.f_star, "xStar": []},
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

    def listed(values: Any) -> Any:
        return None if values is None else [number(v) for v in np.ravel(np.asarray(values)[shown])]

    return {
        "x": listed(r.x if drawable(r) else None),
        "f": listed(r.f),
        "value": listed(r.value),
        "evals": listed(r.cost),
        "alpha": None if r.step_size is None or np.ndim(r.step_size[0]) else listed(r.step_size),
        "spent": [int(r.evals[-1]), int(r.fevals[-1])],
        "steps": int(r.steps),
        "status": r.status,
        "detail": r.detail,
        "last": number(float(r.value[-1])),
    }


def number(value: Any) -> float | None:
    """A number as JSON has it: none where it is not finite."""
    return float(value) if math.isfinite(value) else None
