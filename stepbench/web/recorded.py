"""What of a problem and of methods can be recorded for a page, and the programs of it."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, Problem
from stepbench.contracts.counting import Oracle
from stepbench.engine.engines import obstacle
from stepbench.engine.result import Result
from stepbench.fields import Field, InputError, fields_of
from stepbench.kernels import symbols
from stepbench.kernels.javascript import answers, module, recorded
from stepbench.kernels.recording import Program, Recording, evaluated, with_inputs
from stepbench.kernels.symbols import Unrecordable
from stepbench.web.controls import slider_range

CHECKED = 8
"""How many steps of a recorded program are compared with those of the run before the page trusts it."""

MOST_NOISE = 50_000
"""How many normal numbers of a run's noise stand in a page at most."""


@dataclass(frozen=True)
class Case:
    """The program of a method for one kind of problem: that whose field ``zero`` is 0, or "", the general one."""

    zero: str
    program: Program
    recording: Recording


@dataclass(frozen=True)
class Recorded:
    """What was recorded of some methods on one problem.

    ``methods`` has each method, or why it cannot be recorded; ``cases`` its programs, none where it cannot be, and
    ``whys`` then says why. ``free`` are the fields of the problem that every program takes as inputs.
    """

    problem: Problem
    methods: list[Method | str]
    cases: list[list[Case]]
    whys: list[str]
    free: tuple[str, ...]

    @classmethod
    def of(cls, results: Sequence[Result], horizon: int) -> Recorded:
        """Record the methods of these runs of one problem, and compare each with the first steps of its run.

        ``horizon`` is the number of steps that a run may take.
        """
        problem = results[0].problem
        methods = [_method_of(r, horizon) for r in results]
        candidates = _candidates(problem)
        while True:
            cases, whys = _cases(results, methods, horizon, candidates)
            used = [_fields_in(some) for some in cases if some]
            kept = tuple(name for name in candidates if used and all(name in names for names in used))
            if kept == candidates or not used:
                return cls(problem, methods, cases, whys, kept)
            candidates = kept

    @property
    def first(self) -> list[Case] | None:
        """The programs of the first method that has some; None where none has."""
        return next((some for some in self.cases if some), None)

    def script(self) -> str:
        """The programs, and what is known of the problem's minimum, as JavaScript."""
        zero = next((some[0].zero for some in self.cases if some and some[0].zero), "")
        programs = ["null" if not some else f"[{', '.join(map(_written, some))}]" for some in self.cases]
        known = [_known(self.problem, case, zero) for case in self.first or ()]
        return f"const PROGRAMS = [{', '.join(programs)}]\nconst KNOWN = [{', '.join(known)}]"


def normals(problem: Problem, seed: int, steps: int) -> str:
    """The standard normal numbers whose multiples are the noise of so many steps, as float64 in base 64."""
    oracle = Oracle(problem, seed=seed, noise=1.0)
    numbers = np.concatenate([oracle.noise_of(k)[:, 0] for k in range(1, steps + 1)])
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode()


def _method_of(r: Result, horizon: int) -> Method | str:
    """The method of a run, or why it cannot be recorded."""
    try:
        method = catalog.method(r.method)
    except InputError:
        return "no spec makes it again"
    if why := obstacle(r.problem, method):
        return why
    if r.noise and r.problem.stochastic:
        return "each of its steps sees something else"
    if r.noise and horizon * r.problem.x0.size > MOST_NOISE:
        return "its noise is too much for a page"
    assert isinstance(method, Method)
    return method


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
    low, high, _ = slider_range(field, value)
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
                some = _programs(r.problem, method, horizon, free, noise=r.noise)
                if not _agrees(some, r):
                    some, why = [], "its text does otherwise when it is recorded"
            except Unrecordable as reason:
                why = str(reason)
        cases.append(some)
        whys.append(why)
    return cases, whys


def _programs(problem: Problem, method: Method, horizon: int, free: tuple[str, ...], *, noise: float) -> list[Case]:
    """The program of a method; two where the problem asks whether a field is 0, as ``if not angle`` does."""
    try:
        program, recording = recorded(problem, method, horizon, free, noise=noise)
    except Unrecordable:
        if not free:
            raise
        return _programs(problem, method, horizon, (), noise=noise)
    decided = [name for name in free if f"q.{name}" in recording.known]
    if not decided:
        return [Case("", program, recording)]
    rest = tuple(name for name in free if name not in decided[1:])
    try:
        flat = dataclasses.replace(problem, **{decided[0]: 0.0})
        general = recorded(problem, method, horizon, rest, nonzero=(decided[0],), noise=noise)
        special = recorded(flat, method, horizon, tuple(name for name in rest if name != decided[0]), noise=noise)
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
    oracle = Oracle(r.problem, seed=r.seed, noise=r.noise)
    slots = {f"w.{i}": float(x) for i, x in enumerate(r.x[0])}
    looked = ["f", *(f"g.{i}" for i in range(program.d))]
    slots |= zip(looked, evaluated(program.look[:-1], slots | inputs), strict=True)
    slots |= zip(program.start, evaluated([*program.start.values()], slots | inputs), strict=True)
    phase = program.phases[0]
    following = [k for k, step in enumerate(r.iteration) if step][:CHECKED]
    for k in range(1, CHECKED + 1):
        if k > int(r.steps):
            break
        seen = inputs | dict(zip(program.seen, oracle.noise_of(k)[:, 0].tolist(), strict=False))
        slots |= zip(phase.slots, evaluated([*phase.slots.values()], slots | seen), strict=True)
        slots |= zip(looked, evaluated(program.look[:-1], slots | inputs), strict=True)
        phase = program.phases[phase.next]
        for record in [n for n in following if r.iteration[n] == k]:
            now = [slots[f"w.{i}"] for i in range(program.d)]
            if not np.allclose(now, r.x[record], 1e-9, 1e-12):
                return False
    return True


def _written(case: Case) -> str:
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
