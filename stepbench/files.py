"""Files that hold one problem or one method: how they are loaded, and what is said where one cannot be.

A file of the user's own is loaded only when it is named. It is compiled from what it holds at that moment, never from
a cache, and a changed file is another module.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import inspect
import re
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from stepbench.contracts import Direction, Problem, Runnable, StepSize
from stepbench.fields import USER_FILES, InputError, nearest, shown_path

Kind = Literal["problem", "method"]

PATH = r"(?:~|\.{0,2}|[A-Za-z]:)[/\\].*?\.py(?=[:+]|$)|[^:+]*\.py(?=[:+]|$)"
"""A file in a spec; where it begins as a path does, it may hold + and :."""

BASES: dict[Kind, tuple[type, ...]] = {"problem": (Problem,), "method": (Direction, StepSize, Runnable)}

_PARENTS = {"problem": "stepbench.Problem", "method": "stepbench.StepSize, Direction or Method"}
_LOCK = threading.RLock()
_loaded: set[str] = set()


def is_path(name: str) -> bool:
    """Whether the name in a spec is that of a file."""
    return name.endswith(".py")


def load_own(module_name: str, path: Path) -> ModuleType:
    """The module of a file of this package's problems."""
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    return _once(module_name, importlib.util.module_from_spec(spec), spec.loader.exec_module)


def load(text: str, kind: Kind) -> type:
    """The one problem in a user's file, or its one direction, rule or whole method.

    Raises InputError where the file cannot be read or compiled, lacks a module that it imports, or does not hold
    exactly one such class that can be built; what else its own lines raise goes through as it is.
    """
    module = _module(text)
    found = _defined(module, kind)
    if len(found) == 1:
        _refuse_unfit(text, found[0])
        return found[0]
    if found:
        raise InputError(
            f"{text} holds more than one {kind}, {_listed(found)}: keep one a file, or begin the other's name with _"
        )
    other: Kind = "method" if kind == "problem" else "problem"
    if others := _defined(module, other):
        raise InputError(f"{text} holds a {other}, {_listed(others)}, and no {kind}")
    raise InputError(
        f"{text} holds no {kind}: derive a class from {_PARENTS[kind]}; `stepbench new {kind} NAME` writes one"
    )


def holds(text: str) -> Kind:
    """Whether a user's file holds a problem or a method; raises InputError where it holds neither, or both."""
    module = _module(text)
    found = {kind: _defined(module, kind) for kind in BASES}
    if found["problem"] and found["method"]:
        both = _listed(found["problem"] + found["method"])
        raise InputError(f"{text} holds a problem and a method, {both}: keep each in a file of its own")
    if not found["problem"] and not found["method"]:
        raise InputError(
            f"{text} holds no problem and no method: derive a class from {_PARENTS['problem']}, "
            f"{_PARENTS['method'].removeprefix('stepbench.')}; `stepbench new` writes one"
        )
    return "problem" if found["problem"] else "method"


def _listed(classes: list[type]) -> str:
    return " and ".join(f"{cls.__name__} (line {line_of(cls)})" for cls in classes)


def _defined(module: ModuleType, kind: Kind) -> list[type]:
    """The public classes of a kind that the module itself defines; those that others complete do not count."""
    own = [
        cls
        for name, cls in vars(module).items()
        if isinstance(cls, type)
        and issubclass(cls, BASES[kind])
        and cls.__module__ == module.__name__
        and name == cls.__name__
        and not name.startswith("_")
    ]
    return own if len(own) == 1 else [cls for cls in own if not inspect.isabstract(cls)]


def _module(text: str) -> ModuleType:
    path = Path(text).expanduser()
    try:
        source = path.read_bytes()
    except OSError as error:
        beside = [p.stem for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise InputError(f"{text} cannot be read: {error.strerror}{nearest(path.stem, beside)}") from None
    path = path.resolve()
    digest = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:16]
    module = ModuleType(f"{USER_FILES}{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{digest}")
    module.__file__ = str(path)
    _loaded.add(str(path))
    try:
        return _once(module.__name__, module, lambda module: exec(compile(source, path, "exec"), vars(module)))
    except SyntaxError as error:
        where = text if error.filename in (None, str(path)) else error.filename
        where += f", line {error.lineno}" if error.lineno else ""
        shown = f" in: {error.text.strip()}" if error.text else ""
        raise InputError(f"{where}: {error.msg}{shown}") from None
    except ImportError as error:
        where, _ = users_lines(error) or (text, "")
        raise InputError(f"{where}: {error}: install what is missing, or mend the import") from None


def _once(name: str, module: ModuleType, execute: Callable[[ModuleType], None]) -> ModuleType:
    """The module of this name, executed if it was not yet."""
    with _LOCK:  # two threads that load one file must get one class
        if name not in sys.modules:
            sys.modules[name] = module
            try:
                execute(module)
            except BaseException:
                del sys.modules[name]
                raise
        return sys.modules[name]


def _refuse_unfit(text: str, cls: Any) -> None:
    """Refuse, in one line, a class that cannot be built with its defaults."""
    where = f"{text}, line {line_of(cls)}: {cls.__name__}"
    if "__dataclass_fields__" not in vars(cls):
        bare = [name for name, value in vars(cls).items() if isinstance(value, dataclasses.Field)]
        if bare:
            raise InputError(
                f"{where} has the field {bare[0]}: put @dataclass(frozen=True) on the line above the class"
            )
    for field in dataclasses.fields(cls):
        if field.init and field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where} has a field {field.name} without a default: give it one")
    if missing := sorted(cls.__abstractmethods__):
        raise InputError(f"{where} gives no {' and no '.join(missing)}")


def is_users(cls: type) -> bool:
    """Whether the class comes from a user's file."""
    return cls.__module__.startswith(USER_FILES)


def path_of(cls: type) -> str:
    """The user's file that the class comes from."""
    return str(sys.modules[cls.__module__].__file__)


def line_of(thing: Any) -> int:
    """The line of its file on which a class or a function begins."""
    return inspect.getsourcelines(thing)[1]


def users_lines(error: BaseException) -> tuple[str, str] | None:
    """Of an error that a user's file raised: the file and the line, and its traceback without our frames; else None."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [k for k, frame in enumerate(frames) if frame.filename in _loaded]
    if not own:
        return None
    ours = str(Path(__file__).parent)
    kept = [frame for frame in frames[own[0] :] if not frame.filename.startswith(ours)]
    told = ["Traceback (most recent call last):\n", *traceback.format_list(kept)]
    told += traceback.format_exception_only(error)
    return f"{shown_path(frames[own[-1]].filename)}, line {frames[own[-1]].lineno}", "".join(told)
