"""The names of the catalogue: one file holds one problem or one method, and names it; nothing is registered."""

from __future__ import annotations

import copyreg
import importlib
import inspect
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from stepbench.catalog import files
from stepbench.catalog.files import PACKAGE
from stepbench.contracts import Direction, Peer, Problem, Runnable, StepSize
from stepbench.fields import InputError, fields_of, nearest

ALIASES = {
    "gd": "gradient+constant",
    "sgd": "gradient+constant",
    "sgd-mstep": "gradient+multistep:lr=0.1",
    "csawg-p5": "csawg:P=5,M=10",
    "l4-mom": "ema+l4",
    "l4-adam": "adam:eps=1e-4+l4",
    "adam+rdbd": "adam:beta1=0.05,beta2=0.99+rdbd:eta=5e-7",
    "adamw": "adam+constant:wd=0.01",
    "adam-hd": "adam+dbd:eta=1e-8",
    "adam-sqrt": "adam:beta2=0.99+decay-sqrt:form=root",
    "adam-exact": "adam:bias=false+exact",
    "schedule-free-adam": "schedule-free:form=adam",
    "d-adapt-adam": "d-adaptation:form=adam",
    "momo-adam": "momo:form=adam,lr=0.01",
    "adamloss": "adam:beta2=0.99+adaloss:form=adam",
}
"""Names for settings that a paper names, or that it sets otherwise than the parts' defaults."""

KINDS = {"directions": Direction, "stepsizes": StepSize, "methods": Runnable}


@cache
def problem_folder() -> Path:
    """Where the problems' files are: beside the package's code in a wheel, at the top of a checkout."""
    packed = PACKAGE / "problems"
    return packed if packed.is_dir() else PACKAGE.parent / "problems"


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of one kind: "problems", "directions", "stepsizes" or "methods"; a suite's are ``suite/name``."""
    folder = problem_folder() if kind == "problems" else PACKAGE / kind
    found = folder.rglob("[!_]*.py") if kind == "problems" else folder.glob("[!_]*.py")
    stems = (path.relative_to(folder).with_suffix("").as_posix() for path in found)
    return tuple(sorted((stem.replace("_", "-") for stem in stems), key=lambda name: (name.count("/"), name)))


def suites() -> dict[str, str]:
    """The folders among the problems, such as mgh, with what is in each."""
    return {folder: (_suite_module(folder).__doc__ or "").partition("\n")[0] for folder in _suite_names()}


def suite(name: str) -> list[str]:
    """The names of a suite's problems; raises InputError."""
    if name not in _suite_names():
        raise InputError(f"no suite {name}{nearest(name, _suite_names())}; there are {', '.join(_suite_names())}")
    if is_foreign(name):
        return [f"{name}/{each}" for each in _suite_module(name).names()]
    return [whole for whole in names("problems") if whole.startswith(f"{name}/")]


def is_foreign(folder: str) -> bool:
    """Whether a suite's problems come from another library: its module lists them by ``names`` and makes each."""
    return folder in _suite_names() and hasattr(_suite_module(folder), "names")


@cache
def _suite_names() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in problem_folder().glob("*/__init__.py")))


def _suite_module(folder: str) -> ModuleType:
    return files.load_own(f"stepbench.problems.{folder}", problem_folder() / folder / "__init__.py")


def problem_files(name: str) -> list[Path]:
    """The files of this package in which a problem of the catalogue stands; none for any other name."""
    folder = name.partition("/")[0]
    if is_foreign(folder):
        return sorted((problem_folder() / folder).glob("*.py"))
    return [problem_folder() / f"{name.replace('-', '_')}.py"] if name in names("problems") else []


def problem_name(name: str) -> str | None:
    """The whole name of a problem; its suite may be missing where only one suite has it. None where none has.

    The suite of a problem of another library must be there; such names may be written in small letters.
    """
    if name in names("problems"):
        return name
    if is_foreign(folder := name.partition("/")[0]):
        return next((whole for whole in suite(folder) if whole.lower() == name.lower()), None)
    in_suites = [whole for whole in names("problems") if whole.endswith(f"/{name}")]
    if len(in_suites) > 1:
        raise InputError(f"{name} is in more than one suite: write {' or '.join(in_suites)}")
    return in_suites[0] if in_suites else None


def method_names() -> tuple[str, ...]:
    """Every name that ``method`` takes."""
    return tuple(sorted({*ALIASES, *(name for kind in KINDS for name in names(kind))}))


def peers() -> tuple[str, ...]:
    """The names of the methods that own their loop."""
    return tuple(name for name in names("methods") if issubclass(load("methods", name), Peer))


@cache
def libraries() -> tuple[str, ...]:
    """The other libraries whose optimizers are methods, ``torch:Adam``: those that have an adapter."""
    return tuple(sorted(path.stem.replace("_", "-") for path in (PACKAGE / "methods/libraries").glob("[!_]*.py")))


@cache
def load(kind: str, name: str) -> type:
    """The class in one file of the catalogue."""
    stem = name.replace("-", "_")
    suite_name, _, rest = name.partition("/")
    if kind == "problems" and is_foreign(suite_name):
        return _pickled(_suite_module(suite_name).load(rest), name)
    if kind == "problems":
        module = files.load_own(f"stepbench.problems.{stem.replace('/', '.')}", problem_folder() / f"{stem}.py")
        base: type = Problem
    else:
        module = importlib.import_module(f"stepbench.{kind}.{stem}")
        base = KINDS[kind]
    [named] = [
        cls
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, base) and cls.__module__ == module.__name__
    ]
    return _pickled(named, name) if kind == "problems" else named


def _pickled(cls: type, name: str) -> type:
    """The class of a problem, of which pickles hold the name: its module cannot be imported, as a pickle would."""
    copyreg.pickle(cls, lambda problem: (_rebuilt, (name, _parameters(problem))))
    return cls


def _rebuilt(name: str, parameters: dict[str, Any]) -> Any:
    """The problem of a name with these parameters, as a pickle of it holds them."""
    return load("problems", name)(**parameters)


def _parameters(problem: Any) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in fields_of(type(problem))}


def summary(cls: type) -> str:
    """The first line of an object's docstring: its line in ``stepbench list``."""
    return docstring(cls).partition("\n")[0]


def docstring(cls: type) -> str:
    """The docstring of a class; empty where it has none but the signature that a dataclass makes up."""
    text = cls.__doc__ or ""
    return "" if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text)
