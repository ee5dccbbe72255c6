"""The identity of a run: what its bits depend on, as text, so that a kept run is used again only for itself."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.arrays import as_numpy
from stepbench.catalog import files
from stepbench.catalog.files import PACKAGE
from stepbench.contracts import Joined, Peer, Problem, Runnable, parameters, values_of
from stepbench.engine.prepare import Prepared
from stepbench.version import __version__

CODE = (
    "arrays.py",
    "derivatives.py",
    "fields.py",
    "contracts",
    "directions",
    "stepsizes",
    "methods",
    "kernels",
    "engine",
    "torch",
)
"""The files and folders of the package on whose text a run's bits depend, beside the file of its problem."""


NOT_REBUILT = "is known to this program only (it is in no file of its own, holds more than its fields, or has changed)"
"""Why nothing that is kept can be of a problem or a method that its spec does not make again."""


@cache
def version() -> str:
    """stepbench's version, with a digest of the code that every run's bits depend on: an edited checkout is another."""
    code: list[Path] = []
    for name in CODE:
        place = PACKAGE / name
        code += [place] if place.suffix else place.rglob("*.py")
    whole = hashlib.sha256()
    for source in sorted(path.read_bytes() for path in code):
        whole.update(hashlib.sha256(source).digest())
    return f"{__version__}+{whole.hexdigest()[:8]}"


@cache
def problem_file(name: str) -> str | None:
    """A digest of the file of a problem of the catalogue; None for another, of which ``name_of`` tells the content."""
    paths = catalog.problem_files(name)
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12] if paths else None


def is_current(setting: dict[str, Any]) -> bool:
    """Whether runs whose facts are these would have the same bits now."""
    return setting["stepbench"] == version() and setting.get("problem_file") == problem_file(setting["problem"])


def facts(problem: Problem, method: Runnable) -> dict[str, Any]:
    """The problem, the method and the code, as plain data in which a user's file stands by its content."""
    name = name_of(problem.unchanged)
    return {
        "problem": name,
        "problem_parameters": {key: getattr(part, field.name) for key, (part, field) in parameters(problem).items()},
        "problem_file": problem_file(name),
        "method": name_of(method),
        **problem.libraries,
        **method.libraries,
        "stepbench": version(),
    }


def of_run(given: Prepared, *, trace: bool, engine: str) -> str:
    """All that decides the bits of a run and of its records, as text; ``engine`` is empty where it has NumPy's."""
    known = facts(given.problem, given.method) | {
        "every": given.every,
        "trace": trace,
        "seed": given.seed,
        "noise": given.noise,
        "budget": given.budget,
        "steps": given.horizon,
        "target": given.target,
        "grad_target": given.grad_target,
    }
    known |= {"engine": engine} if engine else {}
    values = values_of(given.method)
    known["hyperparameters"] = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}
    known["start"] = hashlib.sha256(np.ascontiguousarray(as_numpy(given.start)).tobytes()).hexdigest()[:16]
    return json.dumps(known)


def name_of(thing: Problem | Runnable) -> str:
    """A name without options but a peer's solver, in which a user's file stands by its name and its content.

    The content is that of the file, of the files beside it that it imports, and of all that their code has read so far.
    """
    name = str(thing) if isinstance(thing, Peer) else thing.name
    if isinstance(thing, Joined):
        name = thing.short_name
    for part in [thing] if isinstance(thing, Problem) else thing.parts:
        if files.is_users(type(part)):
            name = name.replace(part.name, f"{Path(part.name).name}@{files.content_of(type(part))[:12]}")
    return name
