"""Specs: from a text such as ``rosenbrock:b=10`` or ``adam:beta1=0.5+rdbd:eta=1e-6`` to an object, and back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from stepbench.catalog import files
from stepbench.catalog.names import (
    ALIASES,
    KINDS,
    is_foreign,
    libraries,
    load,
    method_names,
    names,
    problem_name,
    suite,
)
from stepbench.contracts import (
    Changed,
    Direction,
    Joined,
    Problem,
    Runnable,
    StepSize,
    changed,
    hyperparameters,
    same,
    values_of,
    with_values,
)
from stepbench.fields import Field, InputError, fields_of, nearest, shown_path
from stepbench.methods.libraries import load as load_foreign


def problem(spec: str | Problem, **values: Any) -> Problem:
    """The problem of a spec, ``rosenbrock:b=10``, with any fields given by keyword; raises InputError."""
    if isinstance(spec, Problem):
        return _changed(spec, values)
    plain, changes = _halves(_text(spec, "problem"))
    [(name, options)] = _parts(plain, several=False)
    cls = _problem_class(name)
    return _changed(cls(), _named(fields_of(cls), options) | changes | values)


_CHANGES = re.compile(r"@(?!.*\.py$)([\w-]+(?:=[^,@/\\]*)?(?:,[\w-]+(?:=[^,@/\\]*)?)*)$")
"""What follows a problem in a spec, as @rotate=30,noise=0.1; a file's path may hold an @ too."""


def _halves(spec: str) -> tuple[str, dict[str, str]]:
    """A problem's spec without its changes, and those, as @rotate: 30."""
    match = _CHANGES.search(spec)
    plain = spec[: match.start()] if match else spec
    name = plain.partition(":")[0]
    if "@" in name and not re.match(files.PATH, plain):
        raise InputError(f"{spec!r}: after one @ stand changes with commas between, as @rotate=30,noise=0.1")
    changes: dict[str, str] = {}
    for key, equals, value in (piece.partition("=") for piece in match[1].split(",")) if match else ():
        if not equals:
            raise InputError(f"{spec!r}: after @ stands change=value, as @rotate=30,noise=0.1; got {key}")
        if f"@{key}" in changes:
            raise InputError(f"@{key} is given twice")
        changes[f"@{key}"] = value
    return plain, changes


def _changed(problem: Problem, values: dict[str, Any]) -> Problem:
    """A problem with fields changed, and with the changes ``@rotate`` and so on made, or made otherwise."""
    known = fields_of(Changed)
    changes = {key[1:]: value for key, value in values.items() if key.startswith("@")}
    if unknown := [key for key in changes if key not in known]:
        raise InputError(f"no change @{unknown[0]}{nearest(unknown[0], known)}; there are {', '.join(known)}")
    base = changed(problem.unchanged, {key: value for key, value in values.items() if not key.startswith("@")})
    if base is problem.unchanged and not changes:
        return problem
    if problem.unchanged is problem and not changes:
        return cast(Problem, base)
    before = {key: getattr(problem, key) for key in known} if problem.unchanged is not problem else {}
    read = {key: known[key].parse(value) if isinstance(value, str) else value for key, value in changes.items()}
    return Changed(base, **{**before, **read})


def _problem_class(name: str) -> type:
    if files.is_path(name):
        return files.load(name, "problem")
    whole = problem_name(name)
    if whole is None:
        if name in method_names():
            raise InputError(f"{name} is a method, not a problem")
        raise InputError(f"no problem {name}{_meant(name, names('problems'))}; see stepbench list")
    return load("problems", whole)


def _meant(name: str, known: Iterable[str]) -> str:
    """What an unknown name may have meant: a user's file, or known names, with or without their suites."""
    if Path(f"{name}.py").is_file():
        return f" (a file is named with its ending: {shown_path(Path(name + '.py').absolute())})"
    if is_foreign(folder := name.partition("/")[0]):
        return nearest(name, suite(folder))
    return nearest(name, {*known, *(whole.rpartition("/")[2] for whole in known)})


def method(spec: str | Runnable, **values: Any) -> Any:
    """The method of a spec, ``adam+rdbd:eta=1e-6``, with any hyper-parameters given by keyword; raises InputError.

    A bare rule stands on the gradient, and a bare direction has a constant step size.
    """
    if isinstance(spec, Direction | StepSize):
        spec = _joined(spec)
    if isinstance(spec, Runnable):
        return with_values(spec, values)
    halves = _parts(_text(spec, "method"), several=True)
    unchanged = _find([name for name, _ in halves])
    known = hyperparameters(unchanged)
    for i, (name, options) in enumerate(halves):
        for key, value in _named({key: field for key, (_, field) in known.items()}, options).items():
            owners = (unchanged.parts[i], unchanged) if len(halves) > 1 else unchanged.parts
            meant = [
                full for full, (part, field) in known.items() if field.name == key and any(part is o for o in owners)
            ]
            if not meant and key in known:
                raise InputError(f"{name} has no field {key}: it is {known[key][0].name}'s")
            values.setdefault(meant[0] if len(meant) == 1 else key, value)
    return with_values(unchanged, values)


def find(spec: str) -> Problem | Runnable:
    """What a spec names, be it a problem or a method; raises InputError where it names neither."""
    plain, changes = _halves(spec)
    if changes:
        return problem(spec)
    parts = _parts(plain, several=True)
    name = parts[0][0]
    if (
        len(parts) > 1
        or name in method_names()
        or _in_library(name)
        or (files.is_path(name) and files.holds(name) == "method")
    ):
        return cast(Runnable, method(spec))
    if files.is_path(name) or problem_name(name):
        return problem(spec)
    raise InputError(
        f"nothing is called {name}{_meant(name, names('problems') + method_names() + libraries())}; see stepbench list"
    )


def _text(spec: Any, kind: files.Kind) -> str:
    """A spec as text; raises InputError, with what to do, for what is none."""
    if isinstance(spec, str | os.PathLike):
        return os.fspath(spec)
    if isinstance(spec, type):
        raise InputError(f"{spec.__name__} is a class: give an object of it, {spec.__name__}()")
    other: files.Kind = "method" if kind == "problem" else "problem"
    if isinstance(spec, files.BASES[other]):
        raise InputError(f"{spec} is a {other}, not a {kind}")
    raise InputError(
        f"a {kind} is a spec, a file's path, or an object of a class that derives from {files.PARENTS[kind]}; got "
        f"{'a function' if callable(spec) else repr(spec)}"
    )


def defaults(spec: str | Runnable) -> dict[str, Any]:
    """A method's hyper-parameters by their keys, as the name that a spec begins with has them, or as the fields do."""
    if isinstance(spec, str | os.PathLike):
        return values_of(_find([name for name, _ in _parts(os.fspath(spec), several=True)]))
    fields = {key: field for key, (_, field) in hyperparameters(method(spec)).items()}
    return {key: field.plain(field.default) for key, field in fields.items()}


def is_rebuilt(thing: Problem | Runnable) -> bool:
    """Whether the spec of a problem or a method makes it again, so that another process, or a later one, can have it.

    It does not for a class that is in no file of its own, for an object that holds more than its fields, and where a
    file, or what it reads, has changed since.
    """
    parts = _pieces(thing)
    sources = [files.sources_of(type(part)) for part in parts if files.is_users(type(part))]
    try:
        with files.sent({path: held for source in sources for path, held in source.items()}):
            again = _pieces(problem(thing.spec()) if isinstance(thing, Problem) else method(thing.spec()))
    except Exception:  # of a user's file
        return False
    return len(parts) == len(again) and all(map(same, parts, again))


def _pieces(thing: Problem | Runnable) -> list[Any]:
    """The objects of which a problem or a method is made; what joins two has nothing of its own beside its fields."""
    pieces: list[Any] = []
    for part in [thing, thing.unchanged] if isinstance(thing, Problem) else thing.parts:
        pieces += [getattr(part, name) for name in fields_of(Joined)] if isinstance(part, Joined) else [part]
    return pieces


def _find(parts: list[str]) -> Runnable:
    """The method of one name, or of a direction's and a rule's, with its defaults."""
    name = "+".join(parts)
    joins: dict[str, str] = {}  # what an alias sets of the join
    if name in ALIASES:
        objects = []
        for half, options in _parts(ALIASES[name], several=True):
            part = _part(half)
            known = fields_of(type(part))
            objects.append(changed(part, {key: value for key, value in options if key in known}))
            joins |= {key: value for key, value in options if key not in known}
    else:
        for part in parts:
            if part not in method_names() and not files.is_path(part) and not _in_library(part):
                if problem_name(part):
                    raise InputError(f"{part} is a problem, not a method")
                raise InputError(f"no method {part}{_meant(part, method_names() + libraries())}; see stepbench list")
        objects = [_part(part) for part in parts]
    if len(objects) == 1:
        return objects[0] if isinstance(objects[0], Runnable) else _joined(objects[0])
    if len(objects) == 2 and isinstance(objects[0], Direction) and isinstance(objects[1], StepSize):
        return cast(Runnable, changed(Joined(*objects), joins))
    kinds = {Direction: "a direction", StepSize: "a step-size rule", Runnable: "a whole method"}
    described = [
        f"{part} is {next(words for base, words in kinds.items() if isinstance(thing, base))}"
        for part, thing in zip(parts, objects, strict=True)
    ]
    raise InputError(f"{name} is not direction+rule, such as adam+rdbd: {', '.join(described)}")


def _part(name: str) -> Any:
    if files.is_path(name):
        return files.load(name, "method")()
    if _in_library(name):
        owner, _, optimizer = name.partition(":")
        return load_foreign(owner, optimizer)()
    for kind in KINDS:
        if name in names(kind):
            return load(kind, name)()
    return _find([name])


def _in_library(name: str) -> bool:
    """Whether a name is that of another library's optimizer, torch:Adam."""
    return name.partition(":")[0] in libraries()


def _joined(part: Direction | StepSize) -> Joined:
    """A rule alone is joined to the gradient, and a direction alone to a constant step size."""
    if isinstance(part, Direction):
        return Joined(part, _part("constant"))
    return Joined(_part("gradient"), part)


_PART = re.compile(rf"({files.PATH}|[^:+]*)(:.*?)?((?<![0-9.][eE])\+(?=[^,])|$)")
_LONE = re.compile(rf"({files.PATH}|[^:]*)(:.*)?($)")


def _parts(spec: str, several: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """The name and the options of each part of a spec, where there are ``several`` joined by +.

    An option without a key, as in scipy:bfgs, has the key "". An optimizer of another library is called as torch:Adam
    is, and its options follow a colon or a comma.
    """
    parts: list[tuple[str, list[tuple[str, str]]]] = []
    begin, more = 0, True
    while more:
        match = (_PART if several else _LONE).match(spec, begin)
        name = match[1].strip() if match else ""
        if not match or not name or match[2] == ":":
            raise InputError(f"{spec!r} is not a spec: write name or name:key=value,key=value")
        options = (match[2] or ":")[1:]
        if several and name in libraries():
            optimizer, *rest = re.split("[:,]", options, maxsplit=1)
            if "=" in optimizer or not optimizer.strip():
                raise InputError(f"{name} is a library: name one of its optimizers; see stepbench list --peers")
            name, options = f"{name}:{optimizer.strip()}", "".join(rest)
        pieces = [piece.partition("=") for piece in options.split(",")] if options else []
        parts.append((name, [(key.strip(), value) if eq else ("", key.strip()) for key, eq, value in pieces]))
        begin, more = match.end(), bool(match[3])
    return parts


def _named(fields: dict[str, Field], options: list[tuple[str, str]]) -> dict[str, str]:
    """The options by key; a bare word, as in scipy:bfgs, is for the field that has it among its choices."""
    named: dict[str, str] = {}
    for key, value in options:
        if not key:
            fitting = [name for name, field in fields.items() if value in field.choices]
            if not fitting:
                words = [choice for field in fields.values() for choice in field.choices]
                listed = f", or one of {', '.join(words)}" if words else ""
                raise InputError(f"{value!r} is not an option{nearest(value, words)}: write key=value{listed}")
            key = fitting[0]
        if key in named:
            raise InputError(f"{key} is given twice")
        named[key] = value
    return named


def label(method: Runnable) -> str:
    """A short name for a method that, as a spec, builds it again."""
    short = str(method)
    return short if _same(short, method) else method.spec()


def labelled(methods: Sequence[str | Runnable]) -> tuple[list[str], list[Any]]:
    """What each method is called in a table, and the methods themselves; one given by a spec is called by the spec."""
    built = [method(one) for one in methods]
    return [one if isinstance(one, str) else label(one) for one in methods], built


def _same(short: str, thing: Runnable) -> bool:
    try:
        return bool(method(short).spec() == thing.spec())
    except InputError:  # a class of the user's own, or an array of values
        return True
