"""Lessons as pages: the question first, then the runs, which are made in the page, beside the sentences about them."""

from __future__ import annotations

import dataclasses
import html
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from stepbench import catalog, lessons
from stepbench.contracts import Problem, parameters
from stepbench.contracts.settings import hyperparameters
from stepbench.engine.comparison import Comparison
from stepbench.engine.running import attempt
from stepbench.fields import InputError
from stepbench.lessons import Lecture, Lesson, Question, Trial, Tunings
from stepbench.report.styles import COLOURS
from stepbench.study.grid import Axis
from stepbench.study.sweep import Sweep
from stepbench.version import __version__
from stepbench.web import controls, live
from stepbench.web.assets import asset
from stepbench.web.live import OF_RUNS, Stage
from stepbench.web.recorded import CHECKED, Case, Recorded

MADE = "What is shown was computed when the page was made: it cannot be computed in the page."

SHOWN = {"compare": OF_RUNS, "sweep": ("ends", "sweep"), "map": ("ends", "map"), "tune": ("ends", "sweep")}
"""The scripts that show what a lesson runs, by its kind."""


def page(lecture: Lecture, command: str, course: str = "") -> str:
    """The page of a lesson that was run; ``course`` is the way to the list of all lessons, where there is one."""
    lesson = lecture.lesson
    stage, notes = STAGED[lesson.kind](lecture)
    question = lesson.question
    stage.facts["lesson"] = {
        "question": question and {"answer": lecture.answer, "by": question.measure},
        "picture": lesson.options.get("picture", "paths"),
        "tries": [_set(lesson, stage.facts, trial) for trial in lesson.tries],
    }
    return Template(asset("lesson.html")).substitute(
        title=html.escape(lesson.title),
        style=asset("live.css") + asset("lesson.css"),
        kind=lesson.kind,
        plane="" if stage.plane else "no-plane",
        asking=" asking" if question else "",
        place=f'<a href="{html.escape(course)}">All lessons</a>' if course else html.escape(f"{lesson.name}: a lesson"),
        text=_paragraphs(lesson.text),
        no_question="" if question else "hidden",
        ask=html.escape(question.ask) if question else "",
        choices=_choices(lesson, question) if question else "",
        why=_paragraphs(lesson.why),
        take_away=html.escape(lesson.take_away),
        tries=_tries(lesson),
        stage=asset(f"{'runs' if lesson.kind == 'compare' else SHOWN[lesson.kind][-1]}.html"),
        footer=live.footer(notes, command, __version__),
        scripts=stage.scripts(SHOWN[lesson.kind], ["lesson"]),
    )


def write_course(folder: Path, command: str) -> list[Path]:
    """Write every lesson, and a list of them, into a folder, which is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    known = [lessons.load(name) for name in lessons.names()]
    for lesson in known:
        text = page(lesson.run(), command, "index.html")
        (folder / f"{lesson.name}.html").write_text(text, encoding="utf-8")
    known.sort(key=lambda lesson: lesson.chapter)
    chapters = [
        f"<h2>{html.escape(chapter)}</h2><ul>{''.join(map(_row, inside))}</ul>"
        for chapter, inside in itertools.groupby(known, key=lambda lesson: lesson.chapter)
    ]
    index = Template(asset("course.html")).substitute(
        style=asset("live.css") + asset("lesson.css"), lessons="".join(chapters), version=__version__
    )
    (folder / "index.html").write_text(index, encoding="utf-8")
    return [folder / f"{lesson.name}.html" for lesson in known]


def _row(lesson: Lesson) -> str:
    take_away = html.escape(lesson.take_away)
    return f'<li><a href="{lesson.name}.html">{html.escape(lesson.title)}</a> {take_away}</li>'


# What is told in words ------------------------------------------------------------------------------------------------


def _paragraphs(text: str) -> str:
    return live.paragraphs(" ".join(one.split()) for one in text.strip().split("\n\n"))


def _choices(lesson: Lesson, question: Question) -> str:
    """A button for each choice, with the mark of its method where it is one."""
    places = {method: k for k, method in enumerate(lesson.options["methods"])}
    marks = [
        f' data-run="{places[choice]}"><canvas class="mark" data-swatch="{places[choice]}" width="40" height="40"'
        ' aria-hidden="true"></canvas>'
        if choice in places
        else ">"
        for choice in question.choices
    ]
    return "".join(
        f'<button type="button" aria-pressed="false" data-choice="{html.escape(choice)}"{mark}{html.escape(choice)}'
        "</button>"
        for choice, mark in zip(question.choices, marks, strict=True)
    )


def _tries(lesson: Lesson) -> str:
    if not lesson.tries:
        return ""
    said = [html.escape(" ".join(trial.say.split())) for trial in lesson.tries]
    items = "".join(
        f'<li><button type="button" data-try="{k}" aria-label="Show: {one}">Show</button> <span>{one}</span></li>'
        for k, one in enumerate(said)
    )
    return f'<h2>Try it</h2><ul class="tries">{items}</ul>'


# What is run ----------------------------------------------------------------------------------------------------------


def _of_runs(lecture: Lecture) -> tuple[Stage, list[str]]:
    """What the page is told of a comparison, and what stands below it."""
    assert isinstance(lecture.shown, Comparison)
    results = lecture.shown.results
    return live.staged(results, lecture.lesson.options.get("steps")), live.notes(results)


def _of_ends(lecture: Lecture) -> tuple[Stage, list[str]]:
    """What the page is told of a sweep or a map."""
    shown, options = lecture.shown, lecture.lesson.options
    assert isinstance(shown, Sweep)
    if not all(axis.numeric for axis in shown.axes):
        raise InputError(f"{lecture.lesson.file}: {lecture.lesson.kind}.over must have numbers, to be drawn in a page")
    problem, horizon = shown.problem, min(shown.budget, options.get("steps") or shown.budget)
    one_run = {key: options[key] for key in ("noise", "seed", "start") if key in options}
    first = [attempt(problem, m, label=m, steps=CHECKED, **one_run).alone() for m in options["methods"]]
    made = Recorded.of(first, horizon)
    inputs = [_inputs(made, shown, k) for k in range(len(first))]
    is_live = [some is not None for some in inputs]
    labels, kept = _lines(lecture)
    if len(labels) != len(first):  # a line for each value of another axis
        nothing: list[list[Case]] = [[] for _ in labels]
        made, inputs = Recorded(problem, [""] * len(labels), nothing, [""] * len(labels), ()), [None] * len(labels)
        is_live = [False] * len(labels)
    elif not any(is_live):
        made = dataclasses.replace(made, cases=[[] for _ in labels])
    target = f"an error of {shown.target:g}" if shown.target is not None else ""
    axes = shown.axes[:1] if lecture.lesson.kind == "sweep" else shown.axes
    facts = {
        **live.of_problem(made, first[0]),
        "view": None,
        "limits": {"budget": shown.budget, "steps": horizon, "target": shown.target or 0.0, "gradTarget": None},
        "stepsGiven": options.get("steps"),
        "what": f"gradients to {target}" if lecture.lesson.kind == "sweep" else target,
        "axes": [
            {
                "name": axis.name,
                "title": _title(axis, shown),
                "values": list(axis.values),
                "log": axis.log,
                "choosable": axis.kind in ("method", "start"),
                "inputs": [some and some[k] for some in inputs],
            }
            for k, axis in enumerate(axes)
        ],
        "basins": all(axis.kind == "start" for axis in axes) and _minimisers(problem) > 1,
        "methods": [
            _line(made, k, label, kept[k], live=is_live[k], varied=inputs[k] or ()) for k, label in enumerate(labels)
        ],
    }
    if not any(is_live):
        facts |= {"made": MADE, "parameters": []}
    else:
        facts["parameters"] = [c for c in facts["parameters"] if not any(c["input"] in (some or ()) for some in inputs)]
    return Stage(facts, made.script(), False), []


def _of_tunings(lecture: Lecture) -> tuple[Stage, list[str]]:
    """What the page is told of methods that were tuned with more and more trials."""
    shown = lecture.shown
    assert isinstance(shown, Tunings)
    first, axis = (
        shown.tunings[0],
        {"name": "trials", "title": "trials of each method", "log": True, "choosable": False},
    )
    facts: dict[str, Any] = {
        "problem": str(first.problem),
        "spec": first.problem.spec(),
        "parameters": [],
        "start": [],
        "known": {"fStar": first.problem.f_star, "xStar": []},
        "noise": None,
        "view": None,
        "limits": {"budget": first.budget, "steps": first.budget, "target": first.target or 0.0, "gradTarget": None},
        "stepsGiven": None,
        "what": f"gradients to an error of {first.target:g}" if first.target is not None else "",
        "axes": [axis | {"values": shown.trials, "inputs": [None for _ in shown.labels]}],
        "basins": False,
        "made": MADE,
        "methods": [
            {
                "label": label,
                "colour": COLOURS[k % len(COLOURS)],
                "live": False,
                "why": "",
                "kept": {
                    "cost": [live.number(v) for v in costs],
                    "status": ["converged" if math.isfinite(v) else "budget" for v in costs],
                },
            }
            for k, (label, costs) in enumerate(zip(shown.labels, shown.cost, strict=True))
        ],
    }
    empty = ["" for _ in shown.labels]
    nothing = Recorded(first.problem, list(empty), [[] for _ in empty], empty, ())
    return Stage(facts, nothing.script(), False), []


def _line(
    made: Recorded, k: int, label: str, kept: dict[str, Any], *, live: bool, varied: Sequence[str]
) -> dict[str, Any]:
    """What a page is told of one curve or one panel: the sliders that remain, or what was run."""
    facts: dict[str, Any] = {"label": label, "colour": COLOURS[k % len(COLOURS)], "live": live, "why": made.whys[k]}
    method = made.methods[k]
    if not live or isinstance(method, str):
        return facts | {"kept": kept}
    told = controls.of_method(method)
    return facts | told | {"parameters": [c for c in told["parameters"] if c["input"] not in varied]}


def _inputs(made: Recorded, shown: Sweep, k: int) -> list[str] | None:
    """The input of a method's program that each axis sets; None where one is no input of it."""
    method, cases = made.methods[k], made.cases[k]
    if not cases or isinstance(method, str):
        return None
    names = controls.inputs_of(method)
    found: list[str] = []
    for axis in shown.axes:
        if axis.kind == "start":
            found.append(f"w.{axis.component}")
        elif axis.kind == "method" and axis.name in names:
            found.append(names[axis.name])
        elif axis.kind == "problem" and axis.name[8:] in made.free and _starts_alike(shown.problem, axis):
            found.append(f"q.{axis.name[8:]}")
        else:
            return None
    return found


def _starts_alike(problem: Problem, axis: Axis) -> bool:
    """Whether the problem begins at the same point at all values of an axis."""
    return all(
        np.array_equal(catalog.problem(problem, **{axis.name[8:]: value}).x0, problem.x0) for value in axis.values
    )


def _lines(lecture: Lecture) -> tuple[list[str], list[dict[str, Any]]]:
    """The labels of the curves or panels, and for each what was run: its costs and how the runs ended."""
    shown = lecture.shown
    assert isinstance(shown, Sweep)

    def listed(cost: Any) -> list[float | None]:
        return [live.number(v) for v in np.ravel(cost)]

    if lecture.lesson.kind == "map":
        flat = [np.swapaxes(a, 1, 2) for a in (shown.cost, shown.ends.status)]  # the second axis goes up
        lost = np.isin(flat[1], ("diverged", "failed"))
        goal = np.swapaxes(_goals(shown), 1, 2)
        kept = [
            {"cost": listed(flat[0][m]), "lost": np.ravel(lost[m]).tolist(), "goal": np.ravel(goal[m]).tolist()}
            for m in range(len(shown.labels))
        ]
        return list(shown.labels), kept
    lines = shown.sensitivities()
    return [line.label for line in lines], [
        {
            "cost": listed(line.cost),
            "status": [
                "converged" if math.isfinite(cost) else "diverged" if lost > 0.5 else "budget"
                for cost, lost in zip(line.cost, line.diverged, strict=True)
            ],
        }
        for line in lines
    ]


def _goals(shown: Sweep) -> Any:
    """The minimiser that is nearest to where each run ended, by its place; 0 where none is known."""
    if shown.problem.x_star is None:
        return np.zeros(shown.cost.shape, dtype=int)
    stars = np.reshape(shown.problem.x_star, (shown.problem.x0.size, -1)).T
    away = ((shown.ends.point[..., None, :] - stars) ** 2).sum(-1)
    return np.nan_to_num(away, nan=math.inf).argmin(-1)


def _title(axis: Axis, shown: Sweep) -> str:
    if axis.kind == "start":
        return f"start w{'₁₂₃₄₅₆₇₈₉'[axis.component]}" if axis.component < 9 else f"start {axis.name}"
    if axis.kind == "problem":
        field = parameters(shown.problem)[axis.name[8:]][1]
    else:
        field = hyperparameters(catalog.method(shown.labels[0]))[axis.name][1]
    title = f"{field.meaning} {field.symbol}".strip()
    room = 40 if len(shown.axes) == 1 else 25  # beside a map a name stands upright
    return title if 0 < len(title) < room else field.symbol or axis.name


def _minimisers(problem: Problem) -> int:
    return 0 if problem.x_star is None else np.size(problem.x_star) // len(problem.x_star)


def _set(lesson: Lesson, facts: dict[str, Any], trial: Trial) -> dict[str, Any]:
    """What a sentence sets, by the inputs of the page; raises InputError where the page has no slider for it."""
    given = catalog.problem(lesson.options["problem"])
    problem = catalog.problem(trial.problem or given)
    places = {control["name"]: control["input"] for control in facts["parameters"]}
    if type(problem) is not type(given):
        raise InputError(f"{lesson.file}: try.problem: the page has no slider for another problem than {given}")
    changed = {name: value for name, value in vars(problem).items() if value != getattr(given, name, value)}
    if strange := [name for name in changed if name not in places]:
        raise InputError(f"{lesson.file}: try.problem: the page has no slider for {strange[0]} of {given}")
    methods: list[dict[str, float] | None] = []
    for k, one in enumerate(trial.methods or ()):
        told, fixed = facts["methods"][k], controls.of_method(catalog.method(one))["fixed"]
        methods.append({key: float(value) for key, value in fixed.items()} if told["live"] else None)
    return {
        "problem": {places[name]: float(value) for name, value in changed.items()},
        "methods": methods,
        "start": list(trial.start) if trial.start else None,
        "noise": trial.noise,
    }


STAGED = {"compare": _of_runs, "sweep": _of_ends, "map": _of_ends, "tune": _of_tunings}
"""What tells a page what it shows, by the kind of the lesson."""
