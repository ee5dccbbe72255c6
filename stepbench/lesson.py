"""Lessons: what a small TOML file says is to be run, shown and remembered.

A lesson cannot lie: where its question names a measure, the answer is computed from what was run, and a file that
says otherwise is refused.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stepbench import catalog
from stepbench.comparison import compare
from stepbench.fields import InputError, nearest
from stepbench.result import Result
from stepbench.study.sweep import Sweep, sweep, window_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

FOLDER = Path(__file__).with_name("lessons")
PICTURES = ("paths", "step sizes")
"""What a comparison may show of each method, beside the errors of all."""

RUN = {
    "problem": "a text",
    "budget": "an integer",
    "steps": "an integer",
    "target": "a number",
    "start": "a list of numbers",
    "seed": "an integer",
    "noise": "a number",
    "methods": "a list of texts",
}
KEYS = {
    "": dict.fromkeys(("title", "text", "why", "take_away"), "a text")
    | dict.fromkeys(("question", "compare", "sweep", "map"), "a table"),
    "question": {"ask": "a text", "choices": "a list of texts", "answer": "a text", "measure": "a text"},
    "compare": RUN | {"picture": "a text"},
    "sweep": RUN | {"over": "a list of texts"},
    "map": RUN | {"over": "a list of texts", "points": "an integer"},
}
"""What a file may say, table by table, and what each must be."""
NEEDED = {
    "": ("title", "text", "why", "take_away"),
    "question": ("ask", "answer"),
    "compare": ("problem", "methods"),
    "sweep": ("problem", "methods", "over"),
    "map": ("problem", "methods"),
}
_KINDS: dict[str, Callable[[Any], bool]] = {
    "a text": lambda value: isinstance(value, str) and bool(value.strip()),
    "an integer": lambda value: type(value) is int,
    "a number": lambda value: type(value) in (int, float),
    "a table": lambda value: isinstance(value, dict),
    "a list of texts": lambda value: _is_list(value, lambda item: isinstance(item, str)),
    "a list of numbers": lambda value: _is_list(value, lambda item: type(item) in (int, float)),
}


def _is_list(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(map(fits, value))


@dataclass(frozen=True)
class Question:
    """What to predict before the result is seen.

    ``answer`` is one of the choices. Where there is a ``measure``, the choices are methods, and the answer is the one
    that has the most, or the least, of what is measured.
    """

    ask: str
    choices: tuple[str, ...]
    answer: str
    measure: str | None


@dataclass(frozen=True)
class Lesson:
    """One lesson: ``text`` before the result, ``why`` after it, and the sentence to take away.

    ``kind`` is compare, sweep or map, and ``options`` what its table in the file says.
    """

    file: str
    title: str
    text: str
    why: str
    take_away: str
    question: Question | None
    kind: str
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.file).stem

    def run(self) -> Lecture:
        """Run what is to be shown; raises InputError where it cannot be run, or the answer is not what was measured."""
        options = dict(self.options)
        problem, methods = catalog.problem(options.pop("problem")), options.pop("methods")
        options.pop("picture", None)
        try:
            if self.kind == "compare":
                shown = Lecture(self, tuple(compare(problem, methods, **options).results), None)
            else:
                points = options.pop("points", 60)
                over = options.pop("over", None) or window_axes(problem, points)
                shown = Lecture(self, (), sweep(problem, methods, over, **options))
        except InputError as error:
            raise InputError(f"{self.file}: [{self.kind}]: {error}") from None
        if self.question and self.question.measure and (measured := shown.answer) != self.question.answer:
            raise InputError(
                f"{self.file}: question.answer says {self.question.answer}, but the {self.question.measure} "
                f"is that of {measured}: mend the answer, or what is run"
            )
        return shown


@dataclass(frozen=True, eq=False)
class Lecture:
    """A lesson with what was run for it: the results of a comparison, or a sweep."""

    lesson: Lesson
    results: tuple[Result, ...]
    sweep: Sweep | None

    @property
    def answer(self) -> str:
        """The answer to the question: the choice that the measure singles out, or as the lesson says."""
        question = self.lesson.question
        assert question is not None
        if question.measure is None:
            return question.answer
        amounts = MEASURES[self.lesson.kind][question.measure](self)
        among = {label: amounts[label] for label in question.choices}
        best = min((amount for amount in among.values() if not math.isnan(amount)), default=math.inf)
        first = [label for label, amount in among.items() if amount == best]
        if len(first) > 1 or math.isinf(best):
            told = "none" if math.isinf(best) else " and ".join(first)
            raise InputError(
                f"{self.lesson.file}: question.measure: the {question.measure} is that of {told}: ask what has one "
                "answer"
            )
        return first[0]

    def table(self, width: int = 80) -> Table:
        """What was measured, for rich."""
        from stepbench.report.study_tables import map_table, sensitivity_table
        from stepbench.report.tables import comparison

        if self.sweep is None:
            return comparison(self.results, width)
        return (map_table if self.lesson.kind == "map" else sensitivity_table)(self.sweep, width)

    def notes(self) -> list[str]:
        """How to read the table."""
        from stepbench.report.study_tables import map_notes, sweep_notes
        from stepbench.report.tables import notes

        if self.sweep is None:
            return notes(self.results)
        return (map_notes if self.lesson.kind == "map" else sweep_notes)(self.sweep)

    def figure(self) -> Figure:
        """The picture, to be seen from the back row."""
        from stepbench.report.plots import comparison_figure, step_size_figure

        if self.sweep is None:
            paths = self.lesson.options.get("picture", "paths") == "paths"
            figure = (comparison_figure if paths else step_size_figure)(self.results)
        else:
            figure = self.sweep.map() if self.lesson.kind == "map" else self.sweep.figure()
        figure.suptitle(self.lesson.title.replace("$", r"\$"), fontsize=14, weight="bold")
        width, height = figure.get_size_inches()
        figure.set_size_inches(0.8 * width, 0.9 * height)  # and so larger letters
        return figure


def _last(result: Result) -> float:
    value = float((result.f if result.error is None else result.error)[-1])
    return value if result.status in ("converged", "budget") else math.inf


def _spent(result: Result) -> float:
    return float(result.cost[-1]) if result.status == "converged" else math.inf


def _negative(result: Result) -> float:
    if result.step_size is None:
        return 0.0
    known = result.step_size[np.isfinite(result.step_size)]
    return -float((known < 0).mean()) if known.size else 0.0


def _of_results(measure: Callable[[Result], float]) -> Callable[[Lecture], dict[str, float]]:
    return lambda shown: {r.label: measure(r) for r in shown.results}


def _of_lines(measure: Callable[[Any], float]) -> Callable[[Lecture], dict[str, float]]:
    def measured(shown: Lecture) -> dict[str, float]:
        assert shown.sweep is not None
        return {line.label: measure(line) for line in shown.sweep.sensitivities()}

    return measured


def _unreached(shown: Lecture) -> dict[str, float]:
    assert shown.sweep is not None
    return {label: -float(own.mean()) for label, own in zip(shown.sweep.labels, shown.sweep.reached, strict=True)}


MEASURES: dict[str, dict[str, Callable[[Lecture], dict[str, float]]]] = {
    "compare": {
        "least error": _of_results(_last),
        "least evaluations": _of_results(_spent),
        "only divergence": _of_results(lambda r: 0.0 if r.status == "diverged" else math.inf),
        "most negative step sizes": _of_results(_negative),
    },
    "sweep": {
        "least evaluations": _of_lines(lambda line: float(line.cost[line.best])),
        "widest usable range": _of_lines(lambda line: math.inf if line.decades is None else -line.decades),
        "steadiest cost": _of_lines(
            lambda line: float(line.cost.max() / line.cost.min()) if np.isfinite(line.cost).all() else math.inf
        ),
    },
    "map": {"most starts": _unreached},
}
"""What answers a question, by what is run: an amount a method, of which the least is meant; infinite where none."""


def names() -> list[str]:
    """The lessons that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Lesson:
    """The lesson of a name, or of a file; raises InputError, which names the file and the key, where it is not one."""
    own = name.endswith(".toml") or "/" in name or "\\" in name
    if not own and name not in names():
        file = f" (a file is named with its ending: ./{name}.toml)" if Path(f"{name}.toml").is_file() else ""
        raise InputError(f"no lesson {name}{file or nearest(name, names())}; see stepbench demo")
    path = Path(name).expanduser() if own else FOLDER / f"{name}.toml"
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}; stepbench new lesson NAME writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name} is not TOML: {error}") from None
    return _read(name if own else path.name, said)


def _read(file: str, said: dict[str, Any]) -> Lesson:
    _check(file, "", said)
    kinds = [kind for kind in ("compare", "sweep", "map") if kind in said]
    if len(kinds) != 1:
        has = f"it has {' and '.join(f'[{kind}]' for kind in kinds)}" if kinds else "it has none"
        raise InputError(f"{file}: one table says what to run, [compare], [sweep] or [map]: {has}")
    [kind] = kinds
    for table in (kind, *["question"] * ("question" in said)):
        _check(file, table, said[table])
    options = said[kind]
    _build(f"{file}: {kind}.problem", catalog.problem, options["problem"])
    for method in options["methods"]:
        _build(f"{file}: {kind}.methods", catalog.method, method)
    if twice := [one for k, one in enumerate(options["methods"]) if one in options["methods"][:k]]:
        raise InputError(f"{file}: {kind}.methods has {twice[0]} twice: leave one out")
    if (picture := options.get("picture", "paths")) not in PICTURES:
        raise InputError(
            f"{file}: {kind}.picture: no picture {picture}{nearest(picture, PICTURES)}; there are {', '.join(PICTURES)}"
        )
    if not " ".join(said["title"].split()).isprintable():
        raise InputError(f"{file}: title has characters that cannot be printed: leave them out")
    if kind == "map" and len(options.get("over", "12")) != 2:
        raise InputError(f"{file}: map.over must have two axes, as lr=1e-4:1:20:log and problem.kappa=10:1000:20:log")
    words = {key: " ".join(said[key].split()) for key in ("title", "take_away")}
    question = _question(file, kind, options["methods"], said["question"]) if "question" in said else None
    return Lesson(file, text=said["text"], why=said["why"], question=question, kind=kind, options=options, **words)


def _check(file: str, table: str, said: dict[str, Any]) -> None:
    """Refuse a key that there is not, a value that is not what it must be, and a key that is missing."""
    known, prefix = KEYS[table], f"{table}." if table else ""
    for key, value in said.items():
        if key not in known:
            where = f" in [{table}]" if table else ""
            raise InputError(
                f"{file}: there is no key {prefix}{key}{nearest(key, known)}; those{where} are {', '.join(known)}"
            )
        if not _KINDS[known[key]](value):
            raise InputError(f"{file}: {prefix}{key} must be {known[key]}, got {value!r}")
    for key in NEEDED[table]:
        if key not in said:
            raise InputError(f"{file}: {prefix}{key} is missing: give it {known[key]}")


def _build(where: str, make: Callable[[str], Any], spec: str) -> None:
    try:
        make(spec)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _question(file: str, kind: str, methods: list[str], said: dict[str, Any]) -> Question:
    measure = said.get("measure")
    if measure is None and "choices" not in said:
        raise InputError(f"{file}: question.choices is missing: give them, or a question.measure that chooses a method")
    choices = said.get("choices", methods)
    if measure is not None:
        if measure not in MEASURES[kind]:
            meant = nearest(measure, MEASURES[kind])
            raise InputError(
                f"{file}: question.measure: no measure {measure}{meant}; of a {kind} there are "
                f"{', '.join(MEASURES[kind])}"
            )
        if strange := [choice for choice in choices if choice not in methods]:
            raise InputError(
                f"{file}: question.choices: {strange[0]} is not among {kind}.methods{nearest(strange[0], methods)}: "
                "with a measure the choices are methods"
            )
    if len({*choices}) < max(2, len(choices)):
        raise InputError(f"{file}: question.choices must be two or more, each another: they are {', '.join(choices)}")
    if said["answer"] not in choices:
        raise InputError(
            f"{file}: question.answer: {said['answer']} is not among the choices{nearest(said['answer'], choices)}; "
            f"they are {', '.join(choices)}"
        )
    return Question(said["ask"], tuple(choices), said["answer"], measure)
