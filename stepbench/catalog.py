"""The catalogue: from a name, or a spec such as ``adam:beta1=0.5+rdbd:eta=1e-6``, to an object.

One file holds one problem or one method, and the file's name is its name in the catalogue. Nothing is registered.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any, cast

from stepbench.contracts import (
    Direction,
    Joined,
    Problem,
    Runnable,
    StepSize,
    changed,
    hyperparameters,
    with_values,
)
from stepbench.fields import Field, InputError, fields_of, nearest

ALIASES = {
    "gd": "gradient+constant",
    "sgd": "gradient+constant",
    "csawg-p5": "csawg:P=5,M=10",
    "l4-mom": "ema+l4",
    "l4-adam": "adam:eps=1e-4+l4",
    "adam+rdbd": "adam:beta1=0.05,beta2=0.99+rdbd:eta=5e-7",
    "adam-sqrt": "adam+decay-sqrt:form=root",
    "adam-exact": "adam+exact",
    "adamloss": "adam:beta2=0.99+adaloss:form=adam",
}
"""Names for settings that a paper gives a name to, or sets otherwise than its parts' defaults."""

KINDS = {"directions": Direction, "stepsizes": StepSize, "methods": Runnable}

_PACKAGE = Path(__file__).parent
_LOCK = threading.RLock()


@cache
def problem_folder() -> Path:
    """Where the problems' files are: beside the package's code in a wheel, at the top of a checkout."""
    packed = _PACKAGE / "problems"
    return packed if packed.is_dir() else _PACKAGE.parent / "problems"


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of one kind: "problems", "directions", "stepsizes" or "methods"."""
    folder = problem_folder() if kind == "problems" else _PACKAGE / kind
    return tuple(sorted(p.stem.replace("_", "-") for p in folder.glob("[!_]*.py")))


def method_names() -> tuple[str, ...]:
    """Every name that ``method`` takes."""
    return tuple(sorted({*ALIASES, *(name for kind in KINDS for name in names(kind))}))


@cache
def load(kind: str, name: str) -> type:
    """The class in one file of the catalogue."""
    stem = name.replace("-", "_")
    if kind == "problems":
        module = _import_file(f"stepbench.problems.{stem}", problem_folder() / f"{stem}.py")
        base: type = Problem
    else:
        module = importlib.import_module(f"stepbench.{kind}.{stem}")
        base = KINDS[kind]
    [found] = [
        cls
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, base) and cls.__module__ == module.__name__
    ]
    return found


def _import_file(module_name: str, path: Path) -> Any:
    with _LOCK:  # two threads that load one file must get one class
        if module_name not in sys.modules:
            _execute_file(module_name, path)
        return sys.modules[module_name]


def _execute_file(module_name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise


def problem(spec: str | Problem, **values: Any) -> Problem:
    """The problem of a spec, ``rosenbrock:b=10``, with any fields given by keyword; raises InputError."""
    if isinstance(spec, Problem):
        return cast(Problem, changed(spec, values))
    name, options = _read(spec)
    if name not in names("problems"):
        if name in method_names():
            raise InputError(f"{name} is a method, not a problem")
        raise InputError(f"no problem {name}{nearest(name, names('problems'))}; see stepbench list")
    cls = load("problems", name)
    return cast(Problem, changed(cls(), _named(fields_of(cls), options) | values))


def method(spec: str | Runnable, **values: Any) -> Any:
    """The method of a spec, ``adam+rdbd:eta=1e-6``, with any hyper-parameters given by keyword; raises InputError.

    A bare rule stands on the gradient, and a bare direction has a constant step size.
    """
    if isinstance(spec, Direction | StepSize):
        spec = _joined(spec)
    if isinstance(spec, Runnable):
        return with_values(spec, values)
    halves = [_read(half) for half in (re.split(r"(?<![0-9.][eE])\+", spec) if isinstance(spec, str) else [spec])]
    found = _find([name for name, _ in halves])
    known = hyperparameters(found)
    for name, options in halves:
        for key, value in _named({key: field for key, (_, field) in known.items()}, options).items():
            full = f"{name}.{key}" if f"{name}.{key}" in known else key
            if full in known and len(halves) > 1 and known[full][0].name not in (name, found.name):
                raise InputError(f"{name} has no field {key}: it is {known[full][0].name}'s")
            values.setdefault(full, value)
    return with_values(found, values)


def _find(parts: list[str]) -> Runnable:
    """The method of one name, or of a direction's and a rule's, with its defaults."""
    name = "+".join(parts)
    if name in ALIASES:
        halves = [_read(half) for half in ALIASES[name].split("+")]
        made = [changed(_part(half), dict(options)) for half, options in halves]
    else:
        for part in parts:
            if part not in method_names():
                if part in names("problems"):
                    raise InputError(f"{part} is a problem, not a method")
                raise InputError(f"no method {part}{nearest(part, method_names())}; see stepbench list")
        made = [_part(part) for part in parts]
    if len(made) == 1:
        return made[0] if isinstance(made[0], Runnable) else _joined(made[0])
    if len(made) == 2 and isinstance(made[0], Direction) and isinstance(made[1], StepSize):
        return Joined(*made)
    raise InputError(f"{name} is not direction+rule, such as adam+rdbd; see stepbench list")


def _part(name: str) -> Any:
    for kind in KINDS:
        if name in names(kind):
            return load(kind, name)()
    return _find([name])


def _joined(part: Direction | StepSize) -> Joined:
    """A bare rule on the gradient, a bare direction with a constant step size."""
    if isinstance(part, Direction):
        return Joined(part, _part("constant"))
    return Joined(_part("gradient"), part)


def _read(spec: str) -> tuple[str, list[tuple[str, str]]]:
    """A spec's name and its options; an option without a key, as in ``scipy:bfgs``, has the key ""."""
    if not isinstance(spec, str):
        raise InputError(f"{spec!r} is not a spec: write name or name:key=value,key=value")
    name, colon, rest = spec.partition(":")
    name = name.strip()
    if not name or (colon and not rest):
        raise InputError(f"{spec!r} is not a spec: write name or name:key=value,key=value")
    options = [piece.partition("=") for piece in rest.split(",")] if rest else []
    return name, [(key.strip(), value) if eq else ("", key.strip()) for key, eq, value in options]


def _named(fields: dict[str, Field], options: list[tuple[str, str]]) -> dict[str, str]:
    """The options by key; a bare word, as in scipy:bfgs, is for the field that has it among its choices."""
    named: dict[str, str] = {}
    for key, value in options:
        if not key:
            choosing = [name for name, field in fields.items() if value in field.choices]
            if not choosing:
                words = [choice for field in fields.values() for choice in field.choices]
                raise InputError(
                    f"{value!r} is not an option{nearest(value, words)}: write key=value, or one of {', '.join(words)}"
                )
            key = choosing[0]
        if key in named:
            raise InputError(f"{key} is given twice")
        named[key] = value
    return named


def label(method: Runnable) -> str:
    """A short name for a method that, as a spec, builds it again."""
    short = str(method)
    return short if _same(short, method) else method.spec()


def _same(short: str, made: Runnable) -> bool:
    try:
        return bool(method(short).spec() == made.spec())
    except InputError:  # a class of the user's own, or an array of values
        return True


def summary(cls: type) -> str:
    """The first line of an object's docstring: its line in ``stepbench list``."""
    return (inspect.getdoc(cls) or "").partition("\n")[0]
