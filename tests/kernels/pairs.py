"""Random runs by both engines: ``python -m tests.kernels.pairs 10000`` compares as many, and counts what came of them.

A second number is that of the first run, so that one that differed is made again: ``pairs 1 4711``. ``pairs every``
has each problem of the catalogue with three kinds of methods instead, and each method on one problem.

For processors with wide vectors NumPy has its own exp, log, power and the like, whose last place is another than that
of the C library, which kernels call. Here it is told to do without, so that every pair must agree to the last bit.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.contracts import Method, hyperparameters, varying, with_values
from stepbench.engine.running import run_quietly
from stepbench.fields import Field, InputError
from tests.every_method import EVERY_METHOD
from tests.kernels.both import differences
from tests.kernels.drifting import Wandering


@cache
def problems() -> tuple[str, ...]:
    """The problems of which kernels can be made, as far as their kind tells."""
    known = [(name, catalog.problem(name)) for name in catalog.names("problems")]
    return tuple(name for name, p in known if p.in_numpy and len(p.x0) <= 20)


SAMPLED = (
    "linear-regression:n=30,dim=3,batch={}",
    "learning/ridge:batch={}",
    "learning/logistic:batch={}",
    "learning/relu-network:n=5,inputs=2,width=5,batch={}",
    "learning/tracking:dim=7,period={}",
)
"""Problems whose steps see samples, for a number from 1 to 4."""

CHANGES = ("rotate=30", "shift=1,scale=10", "quantize=0.01", "rotate=-20,quantize=0.1")
"""What makes other problems of them."""


def problem(rng: np.random.Generator) -> Any:
    """A problem of the catalogue, with mini-batches, or one that drifts; changed now and then."""
    kind = rng.random()
    if kind < 0.1:
        return Wandering(after=int(rng.integers(100)), pace=float(rng.choice([0.0, 0.01, 0.3])))
    spec = str(rng.choice(SAMPLED)).format(rng.integers(1, 5)) if kind < 0.35 else str(rng.choice(problems()))
    return f"{spec}@{rng.choice(CHANGES)}" if rng.random() < 0.15 else spec


def value(field: Field, rng: np.random.Generator) -> Any:
    """A value that a field may have: of the range that is searched, or near its default."""
    if field.kind == "choice":
        return str(rng.choice(field.choices))
    if field.kind == "bool":
        return bool(rng.integers(2))
    if field.kind == "int":
        return int(rng.integers(1, 9))
    low, high = field.limits
    if ":" in field.search:
        ends = field.search.split(":")
        a, b = float(ends[0]), float(ends[1])
        return float(np.exp(rng.uniform(np.log(a), np.log(b)))) if ends[-1] == "log" else float(rng.uniform(a, b))
    if not isinstance(field.default, float) or not 0 < field.default < np.inf:
        return field.default
    near = float(field.default * 10 ** rng.uniform(-1, 1))
    return near if low < near < high else field.default


@dataclasses.dataclass
class Pair:
    """A run that both engines are to make."""

    problem: Any
    method: Method
    options: dict[str, Any]

    def __str__(self) -> str:
        """As a call."""
        return f"{self.problem}, {self.method}, {self.options}"


def pair(seed: int) -> Pair | None:
    """A random run; None where the values do not go together."""
    rng = np.random.default_rng((seed, 2026))
    drawn, method = problem(rng), catalog.method(str(rng.choice(EVERY_METHOD)))
    R = int(rng.choice([1, 2, 15, 16, 17, 40]))
    many, values = varying(method), {}
    for key, (_, field) in hyperparameters(method).items():
        if rng.random() < 0.35 and key not in ("f_star",):
            values[key] = value(field, rng)
            if key in many and R > 1 and rng.random() < 0.3:
                values[key] = np.array([value(field, rng) for _ in range(R)])
    options: dict[str, Any] = {
        "budget": int(rng.integers(12, 300)),
        "every": int(rng.choice([1, 1, 1, 2, 7, 50])),
        "trace": bool(rng.random() < 0.7),
        "seed": int(rng.integers(3)),
    }
    if rng.random() < 0.2:
        options["noise"] = float(rng.choice([0.01, 1.0]))
    if rng.random() < 0.4:
        options["target"] = float(10 ** rng.uniform(-8, 1))
    if rng.random() < 0.2:
        options["grad_target"] = float(10 ** rng.uniform(-6, 1))
    if rng.random() < 0.2:
        options["steps"] = int(rng.integers(1, 300))
    if rng.random() < 0.7:
        try:
            x0 = catalog.problem(drawn).x0[:, None]
        except InputError:
            return None
        near = x0 if rng.random() < 0.5 else 0.0
        options["start"] = near + rng.standard_normal((len(x0), R)) * 10 ** rng.uniform(-2, 0.5)
    try:
        return Pair(drawn, with_values(method, values), options)
    except InputError:
        return None


THREE = ("adam:lr=0.01", "bb", "csawg")
"""One method with moments, one whose first step differs, and one that looks about."""


def pairs(which: list[str]) -> Iterator[tuple[int, Pair | None]]:
    """What the command asks for, numbered."""
    if which == ["every"]:
        each = [Pair(problem, catalog.method(method), {"budget": 60}) for problem in problems() for method in THREE]
        each += [Pair("quadratic", catalog.method(method), {"budget": 200}) for method in EVERY_METHOD]
        yield from enumerate(each)
    else:
        count, first = (*map(int, which), 0)[:2]
        yield from ((seed, pair(seed)) for seed in range(first, first + count))


def compare(each: Pair) -> tuple[str, list[str]]:
    """What came of a run by both engines, in a few words, and what is not the same to the last bit."""
    try:
        one = run_quietly(each.problem, each.method, engine="numpy", **each.options)
    except InputError:
        return "refused", []
    try:
        other = run_quietly(each.problem, each.method, engine="kernel", **each.options)
    except InputError as refusal:
        return f"no kernel, {str(refusal).partition('since ')[2] or refusal}", []
    if other.engine != "a kernel":
        return other.engine, differences(one, other)
    found = differences(one, other)
    if not found:
        return "the same bits", []
    return "OTHER BITS", found


PLAIN = {"NPY_DISABLE_CPU_FEATURES": " ".join(np._core._multiarray_umath.__cpu_dispatch__)}
"""The environment in which NumPy calls the C library's functions."""


if __name__ == "__main__":
    if not PLAIN.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, "-m", "tests.kernels.pairs", *sys.argv[1:]], os.environ | PLAIN)
    counts: Counter[str] = Counter()
    warnings.simplefilter("ignore")
    for seed, each in pairs(sys.argv[1:]):
        if each is None:
            counts["values that do not go together"] += 1
            continue
        try:
            word, found = compare(each)
        except Exception as error:
            word, found = f"an error, {type(error).__name__}", [str(error)]
        counts[word] += 1
        if counts.total() % 100 == 0:
            print(f"{counts.total()}: {counts['the same bits']} the same bits", file=sys.stderr, flush=True)
        if found or word.startswith(("no kernel", "an error")):
            print(seed, each.problem, each.method, word, *found[:3], sep="; ", flush=True)
    for word, n in counts.most_common():
        print(f"{n:6} {word}")
