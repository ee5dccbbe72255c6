"""Reading a lesson's TOML file; what is wrong in it is said with the file and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepbench import catalog
from stepbench.fields import InputError, nearest
from stepbench.lessons.lesson import Lesson, Question
from stepbench.lessons.measures import MEASURES

FOLDER = Path(__file__).parent
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
    if kind == "map" and "over" in options and len(options["over"]) != 2:
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
