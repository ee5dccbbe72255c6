"""Reading a lesson's TOML file; a message about what is wrong in it names the file and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepbench import catalog
from stepbench.fields import InputError, named_path, nearest, refuse_no_file
from stepbench.lessons.lesson import Lesson, Question, Trial
from stepbench.lessons.measures import MEASURES

FOLDER = Path(__file__).parent
PICTURES = ("paths", "step sizes")
"""What the figure of a comparison may show of each method, beside the errors of all."""

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
TABLES = ("compare", "sweep", "map", "tune")
"""The tables that say what to run, of which a file has one."""

KEYS = {
    "": dict.fromkeys(("title", "chapter", "text", "why", "take_away"), "a text")
    | dict.fromkeys(("question", *TABLES), "a table")
    | {"try": "a list of tables"},
    "question": {"ask": "a text", "choices": "a list of texts", "answer": "a text", "measure": "a text"},
    "try": {"say": "a text"} | {key: RUN[key] for key in ("problem", "methods", "start", "noise")},
    "compare": RUN | {"picture": "a text"},
    "sweep": RUN | {"over": "a list of texts"},
    "map": RUN | {"over": "a list of texts", "points": "an integer"},
    "tune": {key: RUN[key] for key in ("problem", "methods", "budget", "target", "seed", "noise")}
    | {"trials": "a list of integers", "cases": "an integer", "over": "a list of texts"},
}
"""The keys of each table of a file, and what their values must be."""
NEEDED = {
    "": ("title", "text", "why", "take_away"),
    "question": ("ask", "answer"),
    "try": ("say",),
    "compare": ("problem", "methods"),
    "sweep": ("problem", "methods", "over"),
    "map": ("problem", "methods"),
    "tune": ("problem", "methods", "trials"),
}
_KINDS: dict[str, Callable[[Any], bool]] = {
    "a text": lambda value: isinstance(value, str) and bool(value.strip()),
    "an integer": lambda value: type(value) is int,
    "a number": lambda value: type(value) in (int, float),
    "a table": lambda value: isinstance(value, dict),
    "a list of tables": lambda value: _is_list(value, lambda item: isinstance(item, dict)),
    "a list of integers": lambda value: _is_list(value, lambda item: type(item) is int),
    "a list of texts": lambda value: _is_list(value, lambda item: isinstance(item, str)),
    "a list of numbers": lambda value: _is_list(value, lambda item: type(item) in (int, float)),
}


def _is_list(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(map(fits, value))


def names() -> list[str]:
    """The lessons that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Lesson:
    """The lesson of a name, or of a file; raises InputError, which names the file and the key, where it is not one."""
    is_path = name.endswith(".toml") or "/" in name or "\\" in name
    if not is_path and name not in names():
        file = f" (a file is named with its ending: ./{name}.toml)" if Path(f"{name}.toml").is_file() else ""
        raise InputError(f"no lesson {name}{file or nearest(name, names())}; see stepbench demo")
    path = named_path(name) if is_path else FOLDER / f"{name}.toml"
    refuse_no_file(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}; stepbench new lesson NAME writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name} is not TOML: {error}") from None
    return _read(name if is_path else path.name, content)


def _read(file: str, content: dict[str, Any]) -> Lesson:
    _check(file, "", content)
    kinds = [kind for kind in TABLES if kind in content]
    if len(kinds) != 1:
        has = f"it has {' and '.join(f'[{kind}]' for kind in kinds)}" if kinds else "it has none"
        raise InputError(f"{file}: one table says what to run, [compare], [sweep], [map] or [tune]: {has}")
    [kind] = kinds
    _check(file, kind, content[kind])
    if "question" in content:
        _check(file, "question", content["question"])
    options = content[kind]
    _build(f"{file}: {kind}.problem", catalog.problem, options["problem"])
    for method in options["methods"]:
        _build(f"{file}: {kind}.methods", catalog.method, method)
    if twice := [one for k, one in enumerate(options["methods"]) if one in options["methods"][:k]]:
        raise InputError(f"{file}: {kind}.methods has {twice[0]} twice: leave one out")
    if (picture := options.get("picture", "paths")) not in PICTURES:
        raise InputError(
            f"{file}: {kind}.picture: no picture {picture}{nearest(picture, PICTURES)}; there are {', '.join(PICTURES)}"
        )
    if not " ".join(content["title"].split()).isprintable():
        raise InputError(f"{file}: title has characters that cannot be printed: leave them out")
    if kind == "map" and "over" in options and len(options["over"]) != 2:
        raise InputError(f"{file}: map.over must have two axes, as lr=1e-4:1:20:log and problem.kappa=10:1000:20:log")
    question = None
    if "question" in content:
        question = _question(file, kind, options["methods"], content["question"])
    return Lesson(
        file,
        title=" ".join(content["title"].split()),
        text=content["text"],
        why=content["why"],
        take_away=" ".join(content["take_away"].split()),
        question=question,
        kind=kind,
        options=options,
        chapter=" ".join(content.get("chapter", "").split()),
        tries=tuple(_trial(file, options["methods"], one) for one in content.get("try", ())),
    )


def _check(file: str, table: str, content: dict[str, Any]) -> None:
    """Refuse an unknown key, a value that is not what it must be, and a missing key."""
    known, prefix = KEYS[table], f"{table}." if table else ""
    for key, value in content.items():
        if key not in known:
            in_table = f" in [{table}]" if table else ""
            raise InputError(
                f"{file}: there is no key {prefix}{key}{nearest(key, known)}; those{in_table} are {', '.join(known)}"
            )
        if not _KINDS[known[key]](value):
            raise InputError(f"{file}: {prefix}{key} must be {known[key]}, got {value!r}")
    for key in NEEDED[table]:
        if key not in content:
            raise InputError(f"{file}: {prefix}{key} is missing: give it {known[key]}")


def _build(key: str, build: Callable[[str], Any], spec: str) -> None:
    """Raise InputError, which begins with the file and the key, where the spec builds nothing."""
    try:
        build(spec)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _trial(file: str, methods: list[str], content: dict[str, Any]) -> Trial:
    """Something to try: the same methods with other numbers, on the problem with other numbers."""
    _check(file, "try", content)
    if "problem" in content:
        _build(f"{file}: try.problem", catalog.problem, content["problem"])
    if (others := content.get("methods")) is not None:
        for method in others:
            _build(f"{file}: try.methods", catalog.method, method)
        bare = [[catalog.method(one).name for one in some] for some in (others, methods)]
        if bare[0] != bare[1]:
            raise InputError(
                f"{file}: try.methods must be those of the lesson, in its order, with other numbers: "
                f"{', '.join(methods)}"
            )
    return Trial(
        content["say"],
        content.get("problem"),
        tuple(content["methods"]) if "methods" in content else None,
        tuple(content["start"]) if "start" in content else None,
        content.get("noise"),
    )


def _question(file: str, kind: str, methods: list[str], content: dict[str, Any]) -> Question:
    measure = content.get("measure")
    if measure is None and "choices" not in content:
        raise InputError(f"{file}: question.choices is missing: give them, or a question.measure that chooses a method")
    choices = content.get("choices", methods)
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
    answer = content["answer"]
    if answer not in choices:
        raise InputError(
            f"{file}: question.answer: {answer} is not among the choices{nearest(answer, choices)}; "
            f"they are {', '.join(choices)}"
        )
    return Question(content["ask"], tuple(choices), answer, measure)
