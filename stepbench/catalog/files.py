"""Files that hold one problem or one method: how they are loaded, and what a user is told where one cannot be.

A user's file is loaded only when it is named. It is compiled from what it holds at that moment, never from a cache,
and a changed file is another module.
"""

from __future__ import annotations

import copyreg
import dataclasses
import hashlib
import importlib.util
import inspect
import linecache
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from stepbench.contracts import Direction, Problem, Runnable, StepSize
from stepbench.fields import USER_FILES, InputError, fields_of, nearest, shown_path

Kind = Literal["problem", "method"]

PACKAGE = Path(__file__).parents[1]
"""The folder of the package stepbench."""

PATH = r"(?:~|\.{0,2}|[A-Za-z]:)[/\\].*?\.py(?=[:+]|$)|[^:+]*\.py(?=[:+]|$)"
"""A file in a spec; where it begins as a path does, it may hold + and :."""

BASES: dict[Kind, tuple[type, ...]] = {"problem": (Problem,), "method": (Direction, StepSize, Runnable)}

_PARENTS = {"problem": "stepbench.Problem", "method": "stepbench.StepSize, Direction or Method"}
_LOCK = threading.RLock()
_loaded: set[str] = set()
_SOURCE = "__source__"
"""The name under which a module keeps what its file held when it was loaded."""
_sent: ContextVar[Mapping[str, bytes] | None] = ContextVar("_sent", default=None)


@contextmanager
def sent(contents: Mapping[str, bytes]) -> Iterator[None]:
    """Within the block these files, by their whole paths, hold what was sent, whatever is on this machine's disk."""
    before = _sent.set(contents)
    try:
        yield
    finally:
        _sent.reset(before)


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
    exactly one such class that can be built. Other errors that its lines raise go through as they are.
    """
    module = _module(text)
    classes = _defined(module, kind)
    if len(classes) == 1:
        _refuse_unfit(text, classes[0])
        return classes[0]
    if classes:
        listed = _listed(classes)
        raise InputError(
            f"{text} holds more than one {kind}, {listed}: keep one per file, or begin the other's name with _"
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
    problems, methods = _defined(module, "problem"), _defined(module, "method")
    if problems and methods:
        both = _listed(problems + methods)
        raise InputError(f"{text} holds a problem and a method, {both}: keep each in a file of its own")
    if not problems and not methods:
        raise InputError(
            f"{text} holds no problem and no method: derive a class from {_PARENTS['problem']}, "
            f"{_PARENTS['method'].removeprefix('stepbench.')}; `stepbench new` writes one"
        )
    return "problem" if problems else "method"


def _listed(classes: list[type]) -> str:
    return " and ".join(f"{cls.__name__} (line {line_of(cls)})" for cls in classes)


def _defined(module: ModuleType, kind: Kind) -> list[type]:
    """The public classes of a kind that the module itself defines; not the abstract ones that others derive from."""
    classes = [
        cls
        for name, cls in vars(module).items()
        if isinstance(cls, type)
        and issubclass(cls, BASES[kind])
        and cls.__module__ == module.__name__
        and name == cls.__name__
        and not name.startswith("_")
    ]
    return classes if len(classes) == 1 else [cls for cls in classes if not inspect.isabstract(cls)]


def _module(text: str) -> ModuleType:
    try:
        path = Path(text).expanduser()
        content = (_sent.get() or {}).get(str(path.resolve()))
        source = path.read_bytes() if content is None else content
    except RuntimeError as error:
        raise InputError(f"{text} cannot be read: {error}") from None
    except OSError as error:
        beside = [p.stem for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise InputError(f"{text} cannot be read: {error.strerror}{nearest(path.stem, beside)}") from None
    if b"\0" in source:
        raise InputError(f"{text} holds null bytes: it is no Python source")
    path = path.resolve()
    digest = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:16]
    module = ModuleType(f"{USER_FILES}{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{digest}")
    module.__file__ = str(path)
    vars(module)[_SOURCE] = source
    _loaded.add(str(path))
    # Tracebacks and messages quote these lines, wherever the file itself is.
    text_lines = source.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[str(path)] = (len(source), None, text_lines, str(path))

    def code() -> Any:
        return compile(source, path, "exec", dont_inherit=True)

    try:
        return _once(module.__name__, module, lambda module: exec(code(), vars(module)))
    except SyntaxError as error:
        place = text if error.filename in (None, str(path)) else error.filename
        if error.lineno:
            place += f", line {error.lineno}"
        line = f" in: {error.text.strip()}" if error.text else ""
        raise InputError(f"{place}: {error.msg}{line}") from None
    except ImportError as error:
        remedy = "install it, or mend the import"
        if (path.parent / f"{error.name}.py").is_file():
            remedy = "a file beside this one is not imported: keep all in one"
        raise InputError(f"{_place(error, text)}: {error}: {remedy}") from None
    except InputError as error:
        raise InputError(f"{_place(error, text)}: {error}") from None
    except SystemExit as error:
        raise InputError(f"{_place(error, text)}: the file ends the program instead of defining something") from None


def _place(error: BaseException, text: str) -> str:
    """The file and the line that raised the error."""
    lines = users_lines(error)
    return text if lines is None else lines[0]


def _once(name: str, module: ModuleType, execute: Callable[[ModuleType], None]) -> ModuleType:
    """The module of this name; it is executed once only."""
    with _LOCK:  # two threads that load one file must get one class
        if name not in sys.modules:
            sys.modules[name] = module
            try:
                execute(module)
            except BaseException:
                del sys.modules[name]
                raise
            if name.startswith(USER_FILES):
                _let_pickle(module)
        return sys.modules[name]


def _let_pickle(module: ModuleType) -> None:
    """Let the module's methods, problems and states be pickled by their file, as they cannot be imported by name."""
    for cls in vars(module).values():
        if (
            isinstance(cls, type)
            and cls.__module__ == module.__name__
            and (dataclasses.is_dataclass(cls) or issubclass(cls, tuple))
        ):
            copyreg.pickle(cls, _by_file)


def _by_file(thing: Any) -> Any:
    cls = type(thing)
    if isinstance(thing, tuple):
        values = tuple(thing)
    else:
        values = tuple(getattr(thing, field.name) for field in dataclasses.fields(thing) if field.init)
    return restore, (cls.__module__, path_of(cls), cls.__qualname__, values)


def restore(module_name: str, path: str, name: str, values: tuple[Any, ...]) -> Any:
    """The object of a pickle from a user's file; raises InputError where the file has changed since."""
    module = sys.modules.get(module_name) or _module(path)
    if module.__name__ != module_name:
        raise InputError(f"{path} has changed since {name} was pickled")
    return getattr(module, name)(*values)


def version_of(cls: type) -> str | None:
    """A digest of the user's file that the class comes from; None for a class of another origin."""
    return cls.__module__.rpartition("_")[2] if is_users(cls) else None


def source_of(cls: type) -> bytes:
    """What the user's file held that the class was loaded from."""
    return bytes(vars(sys.modules[cls.__module__])[_SOURCE])


def _refuse_unfit(text: str, cls: Any) -> None:
    """Refuse, in one line, a class that cannot be built with its defaults."""
    place = f"{text}, line {line_of(cls)}: {cls.__name__}"
    if "__dataclass_fields__" not in vars(cls):
        bare = [name for name, value in vars(cls).items() if isinstance(value, dataclasses.Field)]
        if bare:
            raise InputError(
                f"{place} has the field {bare[0]}: put @dataclass(frozen=True) on the line above the class"
            )
    for field in dataclasses.fields(cls):
        if field.init and field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f"{place} has a field {field.name} without a default: give it one")
        if field.init and field.name not in fields_of(cls):
            raise InputError(
                f"{place} has a field {field.name}, which is no number, bool or Literal of words: leave its annotation "
                "out, and it is a constant of the class"
            )
    if missing := sorted(cls.__abstractmethods__):
        raise InputError(f"{place} gives no {' and no '.join(missing)}")


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
    """Where a user's file raised an error, as ``./mine.py, line 3``, and the traceback without this package's lines.

    None for an error that no user's file had a part in.
    """
    frames = traceback.extract_tb(error.__traceback__)
    users = [k for k, frame in enumerate(frames) if frame.filename in _loaded]
    if not users:
        return None
    package = f"{PACKAGE}{os.sep}"
    shown = [frame for frame in frames[users[0] :] if not frame.filename.startswith(package)]
    lines = ["Traceback (most recent call last):\n", *traceback.format_list(shown)]
    lines += traceback.format_exception_only(error)
    last = frames[users[-1]]
    return f"{shown_path(last.filename)}, line {last.lineno}", "".join(lines)
