"""Files that hold one problem or one method: how they are loaded, and what a user is told where one cannot be.

A user's file is loaded only when it is named. It is compiled from what it holds at that moment, never from a cache. It
may read other files, and import modules that lie beside it: what they hold counts as if it stood in the file itself.
Where any of it has changed, the file is loaded again, as another module.
"""

from __future__ import annotations

import builtins
import copyreg
import dataclasses
import hashlib
import importlib.util
import inspect
import linecache
import os
import re
import stat
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from stepbench.catalog.spelling import instead_of
from stepbench.contracts import Direction, Problem, Runnable, StepSize
from stepbench.contracts.settings import is_cached
from stepbench.fields import (
    USER_FILES,
    InputError,
    fields_of,
    named_path,
    nearest,
    refuse_bare_fields,
    refuse_no_file,
    shown_path,
)

Kind = Literal["problem", "method"]

PACKAGE = Path(__file__).parents[1]
"""The folder of the package stepbench."""

PATH = r"(?:~|\.{0,2}|[A-Za-z]:)[/\\].*?\.py(?=[:+]|$)|[^:+]*\.py(?=[:+]|$)"
"""A file in a spec; where it begins as a path does, it may hold + and :."""

BASES: dict[Kind, tuple[type, ...]] = {"problem": (Problem,), "method": (Direction, StepSize, Runnable)}

PARENTS = {"problem": "stepbench.Problem", "method": "stepbench.StepSize, Direction or Method"}
_LOCK = threading.RLock()
_loaded: set[str] = set()
_sent: ContextVar[Mapping[str, bytes] | None] = ContextVar("_sent", default=None)


@contextmanager
def sent(contents: Mapping[str, bytes]) -> Iterator[None]:
    """Within the block these files, by their whole paths, hold what was sent, whatever is on this machine's disk."""
    before = _sent.set(contents)
    try:
        yield
    finally:
        _sent.reset(before)


@dataclass
class _Origin:
    """What a module of a user's file was made of.

    ``source`` is what its file held. ``reads`` are the files that its code has opened to read so far, by their whole
    paths, with a digest of each content that they had then. ``beside`` are the modules of the files beside it that it
    has imported, and ``imports`` says that it has imported others that are in no library, such as those of a folder
    that it put on the path. ``version`` is the digest of all of these when the file had been loaded.
    """

    source: bytes
    reads: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    beside: list[ModuleType] = dataclasses.field(default_factory=list)
    imports: bool = False
    version: str = ""


_origins: dict[str, _Origin] = {}
"""By the name of the module."""


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
        f"{text} holds no {kind}: derive a class from {PARENTS[kind]}; `stepbench new {kind} NAME` writes one"
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
            f"{text} holds no problem and no method: derive a class from {PARENTS['problem']}, "
            f"{PARENTS['method'].removeprefix('stepbench.')}; `stepbench new` writes one"
        )
    return "problem" if problems else "method"


def _listed(classes: list[type]) -> str:
    return " and ".join(f"{cls.__name__} ({_line(cls)[2:] or 'made by a call'})" for cls in classes)


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
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{text!a} cannot be read, for its name is not in UTF-8: rename it") from None
    try:
        path = named_path(text)
        refuse_no_file(path)
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
    try:
        return _current(path, source)
    except SyntaxError as error:
        place = text if error.filename in (None, str(path)) else error.filename
        if error.lineno:
            place += f", line {error.lineno}"
        line = f" in: {error.text.strip()}" if error.text else ""
        raise InputError(f"{place}: {error.msg}{line}") from None
    except ImportError as error:
        raise InputError(f"{_place(error, text)}: {error}: install it, or mend the import") from None
    except InputError as error:
        raise InputError(f"{_place(error, text)}: {error}") from None
    except SystemExit as error:
        raise InputError(f"{_place(error, text)}: the file ends the program instead of defining something") from None


def _place(error: BaseException, text: str) -> str:
    """The file and the line that raised the error."""
    lines = users_lines(error)
    return text if lines is None else lines[0]


def _current(path: Path, source: bytes) -> ModuleType:
    """The module of a file that holds this; one that is there already serves while nothing that it read has changed."""
    digest = hashlib.sha256(str(path).encode() + b"\0" + source).hexdigest()[:16]
    name = f"{USER_FILES}{re.sub(r'[^A-Za-z0-9]', '_', path.stem)}_{digest}"
    with _LOCK:  # two threads that load one file must get one class
        versions = [other for other in _origins if other == name or other.startswith(f"{name}_")]
        for other in versions:
            if _is_current(sys.modules[other]):
                return sys.modules[other]
        _watch()
        module = ModuleType(f"{name}_{len(versions)}" if versions else name)
        module.__file__ = str(path)
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": _importing_beside(module)}
        origin = _origins[module.__name__] = _Origin(source)
        _loaded.add(str(path))
        # Tracebacks and messages quote these lines, wherever the file itself is.
        linecache.cache[str(path)] = (len(source), None, _text_of(source).splitlines(keepends=True), str(path))

        def execute(module: ModuleType) -> None:
            exec(compile(source, path, "exec", dont_inherit=True), vars(module))

        try:
            _once(module.__name__, module, execute)
        except BaseException:
            del _origins[module.__name__]
            raise
        origin.version = _digest(module)
        _let_pickle(module)
        return module


def _text_of(source: bytes) -> str:
    """A file's lines, without the mark that some editors put before the first, in the encoding that it states."""
    try:
        return importlib.util.decode_source(source)
    except (SyntaxError, UnicodeDecodeError):
        return source.decode(errors="replace")


def _importing_beside(module: ModuleType) -> Callable[..., Any]:
    """The ``import`` of a user's file: it finds the files beside it first, as that of a script does."""
    folder = Path(str(module.__file__)).parent

    def importing(name: str, *how: Any, **also: Any) -> Any:
        head, _, rest = name.partition(".")
        if head and head != "stepbench" and head not in sys.stdlib_module_names:
            path = folder / f"{head}.py"
            if not rest and (str(path) in (_sent.get() or {}) or path.is_file()):
                beside = _module(str(path))
                _origins[module.__name__].beside.append(beside)
                return beside
        try:
            found = builtins.__import__(name, *how, **also)
        except ModuleNotFoundError as error:
            if error.name == head and (folder / head).is_dir():
                raise InputError(
                    f"{head} is a folder beside this file: put what is needed of it into a file beside this one, "
                    f"{head}.py, or install it"
                ) from None
            raise
        if head and head in _modules_of_no_library():
            _origins[module.__name__].imports = True
        return found

    return importing


def _modules_of_no_library() -> dict[str, str]:
    """The files of the modules of this program that a user may be editing, by the first words of their names."""
    outside = {}
    for name, module in [*sys.modules.items()]:
        path = getattr(module, "__file__", None)
        if path and name != "__main__" and not path.startswith(_passed()) and name not in _origins:
            outside[name] = os.path.abspath(path)
    return outside


_first_seen: dict[str, str] = {}
"""What the files of such modules held when they were first met: the modules stay what they were then."""


def _together(module: ModuleType) -> list[ModuleType]:
    """A user's module, and all that it has imported from beside it, directly or not."""
    found = [module]
    for one in found:  # the list grows meanwhile
        found += [other for other in _origins[one.__name__].beside if other not in found]
    return found


def _reads(module: ModuleType) -> dict[str, set[str]]:
    """What the module, and those that it has imported from beside it, have read so far."""
    merged: dict[str, set[str]] = {}
    for one in _together(module):
        for path, digests in _origins[one.__name__].reads.items():
            merged.setdefault(path, set()).update(digests)
    if any(_origins[one.__name__].imports for one in _together(module)):
        for path in _modules_of_no_library().values():
            merged[path] = {_first_seen.setdefault(path, digest_of(path))}
    return merged


def _digest(module: ModuleType) -> str:
    """A digest of all that the module is made of so far; the same wherever its folder lies."""
    folder = Path(str(module.__file__)).parent
    parts = [(_origins[one.__name__].source.hex(), str(one.__file__)) for one in _together(module)]
    parts += [(",".join(sorted(digests)), path) for path, digests in _reads(module).items()]
    told = sorted((os.path.relpath(path, folder), content) for content, path in parts)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def _is_current(module: ModuleType) -> bool:
    """Whether all that a user's module was made of is as it was; true while it is being loaded."""
    sent = _sent.get() or {}
    for one in _together(module)[1:]:
        path = str(one.__file__)
        try:
            source = sent[path] if path in sent else Path(path).read_bytes()
        except OSError:
            return False
        if source != _origins[one.__name__].source:
            return False
    return all(digests == {digest_of(path)} for path, digests in _reads(module).items())


_digests: dict[str, tuple[tuple[int, ...], str]] = {}


def digest_of(path: str) -> str:
    """A digest of what a file holds; empty where it cannot be read."""
    try:
        told = os.stat(path)
        known = (told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)
        if path in _digests and _digests[path][0] == known:
            return _digests[path][1]
        with _unwatched(), open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return ""
    if time.time() - told.st_mtime > 2:  # a later change shows in its times, which tick slowly
        _digests[path] = known, digest
    return digest


_watching = threading.local()


@contextmanager
def _unwatched() -> Iterator[None]:
    """Within it, what this thread opens is not noted."""
    _watching.off = True
    try:
        yield
    finally:
        _watching.off = False


@cache
def _passed() -> tuple[str, ...]:
    """How the paths begin of what is not a user's: libraries, this package, and what the system makes up."""
    folders = [*(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")), str(PACKAGE)]
    folders.append(str(PACKAGE.parent / "problems"))
    return (*(f"{folder}{os.sep}" for folder in folders), "/proc/", "/sys/", "/dev/")


@cache
def _watch() -> None:
    """From now on, note which files the code of users' files opens to read: then, or whenever it runs."""

    def note(event: str, given: tuple[Any, ...]) -> None:
        if event not in ("open", "sqlite3.connect") or getattr(_watching, "off", False):
            return
        name, mode, flags = given if event == "open" else (given[0], "r", 0)
        if not isinstance(name, str | bytes) or ("r" not in mode if mode else flags & (os.O_WRONLY | os.O_RDWR)):
            return
        readers, importing = _readers()
        path = os.path.abspath(os.fsdecode(name))
        if not readers or path.startswith(_passed()):
            return
        if importing:
            for reader in readers if path.endswith((".py", ".pyc")) else ():
                _origins[reader].imports = True
            return
        try:
            regular = stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):
            return
        if regular and path not in _loaded:
            digest = digest_of(path)
            for reader in readers:
                _origins[reader].reads.setdefault(path, set()).add(digest)

    _passed()  # what Python reads for this must not be noted by what asks for it
    sys.addaudithook(note)


def _readers() -> tuple[set[str], bool]:
    """The users' modules whose code is being run, by their names; and whether it is importing something meanwhile."""
    readers: set[str] = set()
    importing = False
    frame = sys._getframe(2)
    while frame is not None:
        importing |= not readers and frame.f_code.co_filename.startswith("<frozen importlib")
        if (name := frame.f_globals.get("__name__")) in _origins:
            readers.add(name)
        frame = frame.f_back  # type: ignore[assignment]
    return readers, importing


def _once(name: str, module: ModuleType, execute: Callable[[ModuleType], None]) -> ModuleType:
    """The module of this name; it is executed once only."""
    with _LOCK:
        if name not in sys.modules:
            sys.modules[name] = module
            try:
                execute(module)
            except BaseException:
                del sys.modules[name]
                raise
        return sys.modules[name]


def _let_pickle(module: ModuleType) -> None:
    """Let what the module's classes make be pickled by their file, as they cannot be imported by name."""
    for cls in vars(module).values():
        if isinstance(cls, type) and cls.__module__ == module.__name__:
            copyreg.pickle(cls, _by_file)


def _by_file(thing: Any) -> Any:
    """How an object is pickled: as it would be anyway, whatever it holds, but with its class found in its file."""
    make, arguments, *rest = thing.__reduce_ex__(4)
    if make is not copyreg.__newobj__:  # type: ignore[attr-defined]
        return (make, arguments, *rest)
    cls, *values = arguments
    if rest and isinstance(rest[0], dict):
        rest[0] = {name: value for name, value in rest[0].items() if not is_cached(cls, name)}
    origin = _origins[cls.__module__]
    return (restore, (path_of(cls), origin.version, cls.__qualname__, *values), *rest)


def restore(path: str, version: str, name: str, *values: Any) -> Any:
    """The object of a pickle from a user's file, still empty; raises InputError where the file has changed since."""
    known = [sys.modules[module] for module, origin in _origins.items() if origin.version == version]
    module = next((module for module in known if module.__file__ == path), None) or _module(path)
    if _origins[module.__name__].version != version:
        raise InputError(f"{path} has changed since {name} was pickled")
    cls: Any = module
    for part in name.split("."):
        cls = getattr(cls, part)
    return cls.__new__(cls, *values)


def version_of(cls: type) -> str | None:
    """A digest of the user's file that the class comes from, with all that it read while it was loaded.

    None for a class of another origin.
    """
    return _origins[cls.__module__].version if is_users(cls) else None


def content_of(cls: type) -> str:
    """A digest of the user's file that the class comes from, with all that its code has read up to now."""
    return _digest(sys.modules[cls.__module__])


def sources_of(cls: type) -> dict[str, bytes]:
    """What the user's file that the class comes from held, and those beside it that it imports, by their paths."""
    return {str(one.__file__): _origins[one.__name__].source for one in _together(sys.modules[cls.__module__])}


def seen_beside(cls: type) -> list[str]:
    """The other files that a user's file is known by, as a spec names them: those it imports, and those it has read."""
    own = path_of(cls)
    return sorted(shown_path(path) for path in {*sources_of(cls), *reads_of(cls)} if path != own)


def reads_of(cls: type) -> dict[str, frozenset[str]]:
    """The other files that its code has read, by their paths, with a digest of each content that they had."""
    return {path: frozenset(digests) for path, digests in _reads(sys.modules[cls.__module__]).items()}


def _refuse_unfit(text: str, cls: Any) -> None:
    """Refuse, in one line, a class that cannot be built with its defaults."""
    place = f"{text}{_line(cls)}: {cls.__name__}"
    refuse_bare_fields(cls, place)
    for field in dataclasses.fields(cls):
        if field.init and field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f"{place} has a field {field.name} without a default: give it one")
        if field.init and field.name not in fields_of(cls):
            raise InputError(
                f"{place} has a field {field.name}, which is no number, bool, Path or Literal of words: leave its "
                "annotation out, and it is a constant of the class"
            )
    if missing := sorted(cls.__abstractmethods__):
        raise InputError(f"{place} gives no {' and no '.join(f'{name}{instead_of(name, cls)}' for name in missing)}")


def is_users(cls: type) -> bool:
    """Whether the class comes from a user's file."""
    return cls.__module__.startswith(USER_FILES)


def path_of(cls: type) -> str:
    """The user's file that the class comes from."""
    return str(sys.modules[cls.__module__].__file__)


def place_in_file(cls: type, thing: Any) -> str:
    """Where a class of a user's file, or a function of it, begins: ``./mine.py, line 3``; or its file alone."""
    return f"{shown_path(path_of(cls))}{_line(thing)}"


def _line(thing: Any) -> str:
    """``, line 3``, on which a class or a function begins; empty where no line of the file states it."""
    try:
        return f", line {inspect.getsourcelines(thing)[1]}"
    except (OSError, TypeError):  # a class that a call makes
        return ""


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
