"""A page whose runs are made in the browser: sliders change a method, the problem and the start, and all is run anew.

A method that cannot be recorded stands in the page as it was run.
"""

from __future__ import annotations

import copy
import dataclasses
import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, Problem, values_of
from stepbench.contracts.settings import hyperparameters, with_arrays
from stepbench.engine.result import Result
from stepbench.fields import Field, InputError, fields_of
from stepbench.kernels import symbols
from stepbench.kernels.javascript import RUN, answers, module, recorded
from stepbench.kernels.recording import Program, Recording, evaluated, with_inputs
from stepbench.kernels.symbols import Unrecordable
from stepbench.report.ending import ending
from stepbench.report.landscape import drawable, window
from stepbench.report.styles import COLOURS
from stepbench.report.tables import derivations, unequal
from stepbench.web.assets import asset
from stepbench.web.figures import framed

CHECKED = 8
"""How many steps of a recorded program are compared with those of the run before the page trusts it."""

MOST = 2000
"""How many records of a run that stays as it is stand in a page at most."""


@dataclass(frozen=True)
class Case:
    """The program of a method for one kind of problem: that whose field ``zero`` is 0, or "", the general one."""

    zero: str
    program: Program
    recording: Recording


def page(results: Sequence[Result], command: str, steps: int | None = None) -> str | None:
    """A page of runs of one problem, each a single run; None where no method of them can be recorded.

    ``steps`` is the number of steps that the runs were allowed, where one was given.
    """
    problem = results[0].problem
    horizon = min(results[0].budget, steps or results[0].budget)
    methods = [_method_of(r) for r in results]
    candidates = _candidates(problem)
    while True:
        cases, whys = _cases(results, methods, horizon, candidates)
        used = [_fields_in(some) for some in cases if some]
        if not used:
            return None
        kept = tuple(name for name in candidates if all(name in names for names in used))
        if kept == candidates:
            break
        candidates = kept
    zero = next((some[0].zero for some in cases if some and some[0].zero), "")
    first = next(some for some in cases if some)
    traced = [r for r in results if drawable(r)]
    view = framed(window(traced)) if traced else None
    facts: dict[str, Any] = {
        "problem": str(problem),
        "spec": _problem_spec(problem, candidates),
        "parameters": [
            _control(f"q.{name}", name, fields_of(type(problem))[name], getattr(problem, name)) for name in candidates
        ],
        "view": view,
        "start": results[0].x[0].tolist() if results[0].x is not None else [],
        "limits": {
            "budget": results[0].budget,
            "steps": horizon,
            "target": results[0].target or 0.0,
            "gradTarget": results[0].grad_target,
        },
        "stepsGiven": steps,
        "errorName": problem.f_means or ("f(w)" if problem.f_star is None else "error f(w) − f*"),
        "methods": [
            _method(r, method, COLOURS[i % len(COLOURS)], bool(some), why)
            for i, (r, method, some, why) in enumerate(zip(results, methods, cases, whys, strict=True))
        ],
    }
    programs = ", ".join("null" if not some else f"[{', '.join(_case(case) for case in some)}]" for some in cases)
    known = [_known(problem, case, zero) for case in first]
    notes = [*unequal([r.label for r in results], [r.told for r in results]), *derivations(results)]
    title = f"{', '.join(r.label for r in results)} on {problem}"
    return Template(asset("live.html")).substitute(
        title=html.escape(title),
        heading=html.escape(str(problem)),
        summary=html.escape(catalog.summary(type(problem.unchanged))),
        style=asset("live.css"),
        notes="".join(f"<p>{html.escape(note)}</p>" for note in notes),
        command=html.escape(command),
        version=results[0].version,
        facts=json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c"),
        run=RUN,
        programs=f"const PROGRAMS = [{programs}]\nconst KNOWN = [{', '.join(known)}]",
        script=asset("live.js"),
        plane="" if view else "no-plane",
    )


# What can be recorded -------------------------------------------------------------------------------------------------


def _method_of(r: Result) -> Method | str:
    """The method of a run, or why it cannot be recorded."""
    if r.noise:
        return "its gradients have noise"
    if not r.problem.in_numpy or r.problem.stochastic or r.x is None:
        return f"the steps of {r.problem} see samples"
    if r.problem.at(0) is not r.problem or r.problem.at(1) is not r.problem:
        return f"{r.problem} drifts"
    try:
        method = catalog.method(r.method)
    except InputError:
        return "no spec makes it again"
    return method if isinstance(method, Method) else "it owns its loop"


def _candidates(problem: Problem) -> tuple[str, ...]:
    """The real fields of a problem that its f, its gradient and what it knows of its minimum can have as inputs.

    One counts only where the formula with another value of it is the problem with that value: a problem may compute
    something of its fields once, when it is made. A changed problem computes its coordinates so.
    """
    if problem.unchanged is not problem:
        return ()
    fields = [field for field in fields_of(type(problem)).values() if field.kind == "float" and not field.optional]
    return tuple(field.name for field in fields if _is_input(problem, field))


def _is_input(problem: Problem, field: Field) -> bool:
    value = getattr(problem, field.name)
    low, high, _ = _range(field, value)
    other = low + 0.37 * (high - low)
    try:
        changed = dataclasses.replace(problem, **{field.name: other})
        symbols.begin()
        symbolic = with_inputs(problem, [field.name], [field.name])
        d = problem.x0.size
        w = symbols.inputs((d, 1), lambda i: f"w.{i}")
        point = np.repeat(np.asarray(changed.x0, dtype=float)[:, None], 2, axis=1)
        inputs = {f"w.{i}": float(x) for i, x in enumerate(changed.x0)} | {f"q.{field.name}": other}
        asked = [
            (symbols.symbols(symbolic.f(w)), changed.f(point)[:1]),
            (symbols.symbols(symbolic.grad(w)), changed.grad(point)[:, :1]),
            *((_listed(getattr(symbolic, name)), _listed(getattr(changed, name))) for name in ("f_star", "x_star")),
        ]
        for formula, right in asked:
            found = evaluated([symbols.node_or_number(a) for a in np.ravel(formula)], inputs)
            if not np.allclose(found, np.ravel(right).astype(float), 1e-12, 1e-12, equal_nan=True):
                return False
    except Exception:  # of a text that cannot have a symbol there
        return False
    return True


def _listed(value: Any) -> Any:
    """What is known of a minimum, as a list; empty where nothing is."""
    return [] if value is None else np.ravel(value)


def _cases(
    results: Sequence[Result], methods: Sequence[Method | str], horizon: int, free: tuple[str, ...]
) -> tuple[list[list[Case]], list[str]]:
    """The programs of each method, none where it cannot be recorded, and then why."""
    cases: list[list[Case]] = []
    whys: list[str] = []
    for r, method in zip(results, methods, strict=True):
        some, why = [], ""
        if isinstance(method, str):
            why = method
        else:
            try:
                some = _programs(r.problem, method, horizon, free)
                if not _agrees(some, r):
                    some, why = [], "its text does otherwise when it is recorded"
            except Unrecordable as reason:
                why = str(reason)
        cases.append(some)
        whys.append(why)
    return cases, whys


def _programs(problem: Problem, method: Method, horizon: int, free: tuple[str, ...]) -> list[Case]:
    """The program of a method; two where the problem asks whether a field is 0, as ``if not angle`` does."""
    try:
        program, recording = recorded(problem, method, horizon, free)
    except Unrecordable:
        if not free:
            raise
        return _programs(problem, method, horizon, ())
    decided = [name for name in free if f"q.{name}" in recording.known]
    if not decided:
        return [Case("", program, recording)]
    rest = tuple(name for name in free if name not in decided[1:])
    try:
        flat = dataclasses.replace(problem, **{decided[0]: 0.0})
        general = recorded(problem, method, horizon, rest, nonzero=(decided[0],))
        special = recorded(flat, method, horizon, tuple(name for name in rest if name != decided[0]))
    except (Unrecordable, InputError):
        return [Case("", program, recording)]
    if f"q.{decided[0]}" in general[1].known:
        return [Case("", program, recording)]
    return [Case(decided[0], *special), Case("", *general)]


def _fields_in(cases: Sequence[Case]) -> set[str]:
    """The problem's fields that are inputs of a method's programs."""
    last = cases[-1]
    return {name[2:] for name in last.program.parameters if name.startswith("q.")}


def _agrees(cases: Sequence[Case], r: Result) -> bool:
    """Whether the first steps of the recorded program are those of the run."""
    case = next(c for c in cases if not c.zero or getattr(r.problem, c.zero) == 0)
    program, values = case.program, case.recording.values
    inputs = {name: float(values[name]) for name in program.parameters}
    slots = {f"w.{i}": float(x) for i, x in enumerate(r.x[0])}
    looked = ["f", *(f"g.{i}" for i in range(program.d))]
    slots |= zip(looked, evaluated(program.look[:-1], slots | inputs), strict=True)
    slots |= zip(program.start, evaluated([*program.start.values()], slots | inputs), strict=True)
    phase = program.phases[0]
    following = [k for k, step in enumerate(r.iteration) if step][:CHECKED]
    for k in range(1, CHECKED + 1):
        if k > int(r.steps):
            break
        slots |= zip(phase.slots, evaluated([*phase.slots.values()], slots | inputs), strict=True)
        slots |= zip(looked, evaluated(program.look[:-1], slots | inputs), strict=True)
        phase = program.phases[phase.next]
        for record in [n for n in following if r.iteration[n] == k]:
            now = [slots[f"w.{i}"] for i in range(program.d)]
            if not np.allclose(now, r.x[record], 1e-9, 1e-12):
                return False
    return True


# What the page is told ------------------------------------------------------------------------------------------------


def _case(case: Case) -> str:
    return f"{{ zero: {json.dumps(case.zero and f'q.{case.zero}')}, program: {module(case.program)} }}"


def _known(problem: Problem, case: Case, zero: str) -> str:
    """f* and the minimisers, as functions of the parameters of a case's program."""
    parameters = case.program.parameters
    if case.zero:
        problem = dataclasses.replace(problem, **{case.zero: 0.0})
    nonzero = (zero,) if zero and not case.zero else ()
    parts = {
        name: answers(problem, parameters, lambda p, name=name: _known_of(p, name), nonzero)  # type: ignore[misc]
        for name in ("f_star", "x_star")
    }
    return f"{{ fStar: {parts['f_star']}, xStar: {parts['x_star']} }}"


def _known_of(problem: Problem, name: str) -> Any:
    value = getattr(problem, name)
    return None if value is None else np.ravel(np.transpose(np.asarray(value, dtype=object)))


def _range(field: Field, value: float) -> tuple[float, float, bool]:
    """Between which values a slider goes, and whether evenly in the logarithm: as in tuning, or around the value."""
    low, high = field.limits
    if field.search:
        words = field.search.split(":") if ":" in field.search else [*field.search.split(",")]
        log = words[-1] == "log"
        numbers = [float(word) for word in words if word != "log"]
        first, last = min(numbers), max(numbers)
    elif low >= 0 and value > 0 and high > 10 * value:
        first, last, log = max(low, value / 100), min(high, value * 100), True
    elif high - low <= 720:
        first, last, log = low, high, False
    else:
        size = 3 * max(1.0, abs(value))
        first, last, log = max(low, value - size), min(high, value + size), False
    first, last = min(first, value), max(last, value)
    return first, last, log and first > 0


def _control(key: str, name: str, field: Field, value: float) -> dict[str, Any]:
    """A slider: which input it sets, how it is called, and between which values it goes."""
    first, last, log = _range(field, value)
    low, high = field.limits
    return {
        "input": key,
        "name": name,
        "symbol": field.symbol,
        "meaning": field.meaning,
        "value": value,
        "first": first,
        "last": last,
        "log": log,
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
        "open": [field.bounds[:1] == "(", field.bounds[-1:] == ")"],
        "range": field.range,
    }


def _method(r: Result, method: Method | str, colour: str, live: bool, why: str) -> dict[str, Any]:
    """What the page is told of a method: its sliders, or the run as it was made."""
    facts: dict[str, Any] = {"label": r.label, "colour": colour, "live": live, "why": why, "ending": ending(r)}
    if not live or isinstance(method, str):
        return facts | {"run": _kept(r)}
    places: list[str] = []

    def place(_: Any) -> Any:
        places.append(f"p.{len(places)}")
        return f"{{{places[-1]}}}"

    shown = with_arrays(method, place)
    known, values = hyperparameters(method), values_of(method)
    order = [id(part) for part in reversed(method.parts)]  # the step size stands before the direction
    settable = {key: word[1:-1] for key, word in values_of(shown).items() if str(word)[1:-1] in places}
    return facts | {
        "spec": shown.spec(),
        "fixed": {name: str(float(values[key])).replace("inf", "Infinity") for key, name in settable.items()},
        "parameters": [
            _control(name, key, known[key][1], float(values[key]))
            for key, name in sorted(settable.items(), key=lambda item: order.index(id(known[item[0]][0])))
            if math.isfinite(values[key])
        ],
    }


def _problem_spec(problem: Problem, free: Sequence[str]) -> str:
    """The spec of a problem in which the page puts its values: each stands as {q.field}."""
    shown = copy.copy(problem)
    for name in free:
        object.__setattr__(shown, name, f"{{q.{name}}}")
    return shown.spec()


def _kept(r: Result) -> dict[str, Any]:
    """The records of a run that stays as it is, thinned where they are many."""
    n = len(r.f)
    shown = np.unique(np.linspace(0, n - 1, min(n, MOST)).astype(int))

    def listed(values: Any) -> Any:
        return None if values is None else [_number(v) for v in np.ravel(np.asarray(values)[shown])]

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
        "last": _number(float(r.value[-1])),
    }


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
