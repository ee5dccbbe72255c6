"""By what a run is known: what its bits depend on."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stepbench import __version__, catalog, files
from stepbench.arrays import as_numpy
from stepbench.contracts import Joined, Peer, Problem, Runnable, values_of
from stepbench.fields import fields_of
from stepbench.torch.library import library
from stepbench.torch.network import Network


@cache
def version() -> str:
    """stepbench's version, with a digest of all code that a run's bits depend on: an edited checkout is another."""
    package = Path(__file__).parent
    code = [*package.glob("*.py"), *catalog.problem_folder().rglob("*.py")]
    code += [path for kind in (*catalog.KINDS, "torch") for path in (package / kind).glob("*.py")]
    whole = hashlib.sha256()
    for source in sorted(path.read_bytes() for path in code):
        whole.update(hashlib.sha256(source).digest())
    return f"{__version__}+{whole.hexdigest()[:8]}"


def facts(problem: Problem, method: Runnable) -> dict[str, Any]:
    """The problem, the method and the code, as plain data in which a user's file stands by its content."""
    own = {name: getattr(problem, name) for name in fields_of(type(problem))}
    known: dict[str, Any] = {"problem": name_of(problem), "problem_parameters": own, "method": name_of(method)}
    if isinstance(problem, Network):
        known["torch"] = str(library().__version__)
    return known | {"stepbench": version()}


def of_run(problem: Problem, method: Runnable, x: Any, **options: Any) -> str:
    """All that decides a run's bits, as text; ``x`` (d, R) are its first points."""
    known = facts(problem, method) | options
    known["hyperparameters"] = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values_of(method).items()}
    known["start"] = hashlib.sha256(np.ascontiguousarray(as_numpy(x)).tobytes()).hexdigest()[:16]
    return json.dumps(known)


def name_of(thing: Problem | Runnable) -> str:
    """A name without options but a peer's solver, in which a user's file stands by its name and its content."""
    name = str(thing) if isinstance(thing, Peer) else thing.name
    if isinstance(thing, Joined):
        name = str(Joined(type(thing.direction)(), type(thing.rule)()))
    for part in [thing] if isinstance(thing, Problem) else thing.parts:
        if files.is_users(type(part)):
            content = hashlib.sha256(files.source_of(type(part))).hexdigest()[:12]
            name = name.replace(part.name, f"{Path(part.name).name}@{content}")
    return name
