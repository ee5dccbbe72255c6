"""What is selected in the explorer: a problem, up to four methods, a start and a budget; its link, and its runs.

A link is data: it names what is in the catalogue and sets its fields, and can name no file.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote, unquote

from stepbench import catalog
from stepbench.contracts import Problem, Runnable, values_of
from stepbench.engine.result import Result
from stepbench.engine.running import Interrupted, run_quietly
from stepbench.fields import Field, InputError, fields_of, nearest, show_value

METHODS = 4
"""How many methods are shown at once, at most."""

BUDGET = 5000
"""Gradient evaluations of a run, and iterations, at most; also the most that a whole number of a method may be."""

SECONDS = 2.0
"""How long a run may take, unless a single step takes longer."""

LENGTH = 2000
"""Characters of a link that are read."""


@dataclass(frozen=True)
class Selection:
    """Everything that a link holds; where ``start`` is None, it is the problem's own.

    ``basins`` is the number of the method of which the page shows where all starts lead, from 1; 0 for none.
    """

    problem: Problem
    methods: tuple[Runnable, ...]
    start: tuple[float, float] | None = None
    budget: int = 1000
    basins: int = 0

    @property
    def query(self) -> str:
        """The link's part from the question mark on; ``parse`` reads it back."""
        pairs = [("problem", str(self.problem)), *(("method", catalog.label(m)) for m in self.methods)]
        if self.start:
            pairs.append(("start", _numbers(self.start)))
        pairs.append(("budget", str(self.budget)))
        if self.basins:
            pairs.append(("basins", str(self.basins)))
        return "?" + "&".join(f"{key}={quote(value, safe=':=,+/')}" for key, value in pairs)

    @property
    def command(self) -> str:
        """The command that makes the same runs."""
        words = ["stepbench", "compare", str(self.problem), *(catalog.label(m) for m in self.methods)]
        if self.start:
            words.append(f"--start={_numbers(self.start)}")
        return shlex.join([*words, "--budget", str(self.budget)])

    @property
    def begins(self) -> tuple[float, float]:
        """The first point."""
        w1, w2 = self.start or self.problem.x0
        return float(w1), float(w2)

    def having(self, **values: Any) -> Selection:
        """Another selection with these parts changed."""
        return dataclasses.replace(self, **values)


def _numbers(point: tuple[float, float] | None) -> str:
    return ",".join(show_value(w) for w in point or ())


def first() -> Selection:
    """What is selected where the link says nothing."""
    return Selection(problem("rosenbrock"), (method("gd"), method("csawg:K=2")))


def parse(query: str) -> tuple[Selection, list[str]]:
    """The selection of a link, and in sentences which parts of the link could not be used; never raises."""
    selection, unused = first(), []
    methods: list[Runnable] = []
    pairs = [pair.partition("=") for pair in query[:LENGTH].removeprefix("?").split("&") if pair]
    for key, _, text in pairs:
        value = unquote(text)
        try:
            if key == "problem":
                selection = selection.having(problem=problem(value))
            elif key == "method":
                if len(methods) == METHODS:
                    raise InputError(f"there are {METHODS} methods already")
                methods.append(method(value))
            elif key == "start":
                selection = selection.having(start=point(value))
            elif key == "budget":
                selection = selection.having(budget=budget(value))
            elif key == "basins":
                selection = selection.having(basins=basins(value))
            else:
                raise InputError(f"a link has problem, method, start, budget and basins{nearest(key, _KEYS)}")
        except InputError as error:
            unused.append(f"{_plain(key)}={_plain(value)} is left out: {error}")
    chosen = tuple(methods) or selection.methods
    return selection.having(methods=chosen, basins=min(selection.basins, len(chosen))), unused


_KEYS = ("problem", "method", "start", "budget", "basins")


def _plain(text: str) -> str:
    """A part of a link, short and printable."""
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable if len(printable) <= 40 else f"{printable[:40]}…"


def point(text: str) -> tuple[float, float]:
    """Two finite numbers, as -1,0; raises InputError."""
    try:
        w1, w2 = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError("a start is two numbers, as -1,0") from None
    if not (abs(w1) <= 1e100 and abs(w2) <= 1e100):
        raise InputError("a start is finite, and not beyond 1e100")
    return w1, w2


def budget(text: str) -> int:
    """A number of gradient evaluations; raises InputError."""
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= BUDGET:
        raise InputError(f"a budget here is an integer from 1 to {BUDGET}")
    return int(text)


def basins(text: str) -> int:
    """The number of a method, 0 for none; raises InputError."""
    if not re.fullmatch(rf"[0-{METHODS}]", text, re.ASCII):
        raise InputError(f"basins are of a method by its number, 1 to {METHODS}, or 0 for none")
    return int(text)


@cache
def problems() -> tuple[str, ...]:
    """The problems on offer: those with two parameters and a window, and no networks."""
    offered = []
    for name in catalog.names("problems"):
        if name.startswith("networks/"):
            continue
        try:
            candidate = catalog.problem(name)
            if candidate.x0.size == 2 and candidate.view:
                offered.append(name)
        except InputError:  # its data are not installed
            continue
    return tuple(offered)


@cache
def method_names() -> tuple[str, ...]:
    """The names of methods on offer: all but those that own their loop."""
    return tuple(name for name in catalog.method_names() if name not in catalog.peers())


NO_FILES = "files are not opened from here"

_SPEC = re.compile(r"[a-z0-9/-]+(:[A-Za-z0-9_.=,+-]+)?", re.ASCII)
_PLUS = re.compile(r"(?<![0-9.][eE])\+")


def problem(spec: str) -> Problem:
    """A problem on offer by its spec; raises InputError for any other, and for one that sets a whole number."""
    [name] = _names(spec, joined=False)
    whole = catalog.problem_name(name)
    if whole not in problems():
        raise InputError("here a problem has two parameters and a window" if whole else _unknown(name, problems()))
    known = fields_of(catalog.load("problems", whole))
    if any(field.kind == "file" and re.search(rf"[:,]{key}=", spec) for key, field in known.items()):
        raise InputError(NO_FILES)
    selected = catalog.problem(spec)
    free = problem_fields(selected)
    for key, field in known.items():
        if key not in free and getattr(selected, key) != field.default:
            raise InputError(f"{key} cannot be changed here")
    return selected


def problem_fields(problem: Problem) -> dict[str, Field]:
    """The parameters of a problem that can be changed here: those that make no run take longer."""
    return {key: field for key, field in fields_of(type(problem)).items() if field.kind == "float"}


def method(spec: str) -> Runnable:
    """A method of the bench by its spec; raises InputError for any other, and for too large a whole number."""
    for name in _names(spec, joined=True):
        if name not in method_names():
            raise InputError(_unknown(name, method_names()))
    selected: Runnable = catalog.method(spec)
    for key, value in values_of(selected).items():
        if isinstance(value, int) and not isinstance(value, bool) and value > BUDGET:
            raise InputError(f"{key} is at most {BUDGET} here")
    return selected


def short(method: Runnable) -> str:
    """A method's name without its settings."""
    return "+".join(half.partition(":")[0] for half in _PLUS.split(catalog.label(method)))


def _unknown(name: str, known: tuple[str, ...]) -> str:
    return f"nothing here is called {_plain(name)}{nearest(name[:40], known)}"


def _names(spec: str, *, joined: bool) -> list[str]:
    """The names in a spec; raises InputError, before the catalogue is asked, where it is more than names and fields."""
    if ".py" in spec or "\\" in spec or spec.startswith((".", "/", "~")):
        raise InputError(NO_FILES)
    halves = _PLUS.split(spec) if joined else [spec]
    if len(spec) > 300 or not all(_SPEC.fullmatch(half) for half in halves):
        raise InputError("write name or name:key=value,key=value")
    return [half.partition(":")[0] for half in halves]


def run_all(selection: Selection) -> tuple[Selection, list[Result], list[str]]:
    """The runs of a selection, which then has those methods alone that could be run; and why the others could not.

    Where none can, gradient descent stands in for them; where that cannot either, the start is the problem's own, and
    in the end all is as where a link says nothing.
    """
    pairs = [*zip(selection.methods, run(selection), strict=True)]
    refused = [f"{catalog.label(method)} is left out: {r}" for method, r in pairs if isinstance(r, str)]
    made = [(method, r) for method, r in pairs if isinstance(r, Result)]
    if not made:
        plain = (method("gd"),)
        if selection.methods != plain:
            simpler = selection.having(methods=plain)
        elif selection.start:
            simpler = selection.having(start=None)
            refused = [f"start={_numbers(selection.start)} is left out: {pairs[0][1]}"]
        else:
            simpler = first()
        selection, results, more = run_all(simpler)
        return selection, results, [*refused, *more]
    methods = tuple(method for method, _ in made)
    selection = selection.having(methods=methods, basins=min(selection.basins, len(methods)))
    return selection, [r for _, r in made], refused


def run(selection: Selection) -> list[Result | str]:
    """The run of each method; in place of a run that cannot be made, the reason in words."""
    problem_spec, start = selection.problem.spec(), selection.begins

    def made(method: Runnable) -> Result | str:
        try:
            return _run(problem_spec, method.spec(), start, selection.budget)
        except _OutOfTimeError as stop:
            return stop.result

    return [made(method) for method in selection.methods]


OUT_OF_TIME = "it was stopped after"
"""How the detail of a run begins that may end later when it is made again."""


class _OutOfTimeError(Exception):
    """A run's time was over: what is raised is not kept."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


@lru_cache(maxsize=16)
def _run(problem_spec: str, method_spec: str, start: tuple[float, float], evaluations: int) -> Result | str:
    selected: Runnable = catalog.method(method_spec)
    label = catalog.label(selected)
    limit = Limit(SECONDS)
    try:
        return run_quietly(problem_spec, selected, start=start, budget=evaluations, label=label, progress=limit)
    except InputError as error:
        return str(error)
    except Interrupted as stop:
        if not limit.over:
            raise
        detail = f"{OUT_OF_TIME} {SECONDS:g} seconds"
        raise _OutOfTimeError(dataclasses.replace(stop.result, detail=detail)) from None


class Limit:
    """Stops a run between two blocks of its steps, as Ctrl-C would, when its time is over."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.clock, self.until, self.over = seconds, clock, clock() + seconds, False

    def __call__(self, done: int, total: int) -> None:
        """Raise KeyboardInterrupt where the time is over."""
        if self.clock() > self.until:
            self.over = True
            raise KeyboardInterrupt
