"""What a claim is: runs, what is measured of them, and what the paper says it should be."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from stepbench import catalog
from stepbench.engine.result import Result
from stepbench.fields import show_value

Runs: TypeAlias = Mapping[Any, Result]
"""The results of a claim's runs, each under the key that the claim gave it."""


@dataclass(frozen=True)
class Band:
    """What the paper says, in its own words or number, and the interval in which a measured number agrees with it."""

    says: str
    low: float = -math.inf
    high: float = math.inf

    def __contains__(self, measured: float) -> bool:
        """Whether a measured number agrees; NaN never does."""
        return self.low <= measured <= self.high


def exactly(value: float) -> Band:
    """This number and no other."""
    return Band(f"{value:,g}", value, value)


def near(value: float, part: float) -> Band:
    """This number, give or take a part of it."""
    return Band(f"{value:,g}", value - part * abs(value), value + part * abs(value))


def between(low: float, high: float, says: str | None = None) -> Band:
    """An interval."""
    return Band(f"{low:g} to {high:g}" if says is None else says, low, high)


def at_least(low: float, says: str | None = None) -> Band:
    """This much or more."""
    return Band(f"≥ {low:g}" if says is None else says, low=low)


def at_most(high: float, says: str | None = None) -> Band:
    """This much or less."""
    return Band(f"≤ {high:g}" if says is None else says, high=high)


def above(low: float, says: str | None = None) -> Band:
    """More than this."""
    return Band(f"> {low:g}" if says is None else says, low=math.nextafter(low, math.inf))


def below(high: float, says: str | None = None) -> Band:
    """Less than this."""
    return Band(f"< {high:g}" if says is None else says, high=math.nextafter(high, -math.inf))


@dataclass(frozen=True)
class Run:
    """One run, as ``stepbench run`` takes it; ``{seed}`` in the problem stands for the seed."""

    problem: str
    method: str
    budget: int | None = None
    epochs: float | None = None
    steps: int | None = None
    target: float | None = None
    start: tuple[float, ...] | None = None
    noise: float = 0.0

    def depends_on_seed(self) -> bool:
        """Whether another seed makes another run."""
        if "{seed}" in self.problem or self.noise:
            return True
        problem = catalog.problem(self.problem)
        if "hvp" in catalog.method(self.method).needs:  # at points that are drawn
            return True
        return problem.seeded

    def command(self, seed: int) -> str:
        """The command that makes this run alone."""
        words = ["stepbench", "run", self.problem.format(seed=seed), "--method", self.method]
        for option in ("budget", "epochs", "steps", "target"):
            if (value := getattr(self, option)) is not None:
                words += [f"--{option}", show_value(value)]
        if self.start is not None:
            words.append("--start=" + ",".join(map(show_value, self.start)))
        words += ["--noise", show_value(self.noise)] if self.noise else []
        return shlex.join([*words, *(["--seed", str(seed)] if seed else [])])


@dataclass(frozen=True)
class Curves:
    """A picture of every run's ``y``, a field of a Result, along its evaluations or iterations.

    ``component`` chooses one of several step sizes; ``only`` are the keys of the runs to draw, all where it is empty.
    """

    y: str
    x: str = "evals"
    component: int | None = None
    only: tuple[Hashable, ...] = ()


@dataclass(frozen=True)
class Across:
    """A picture of runs whose keys are (series, number): ``y`` of each, a number, against that number.

    ``name`` is what the numbers are, and ``label`` what ``y`` is.
    """

    name: str
    label: str
    y: Callable[[Result], float]


@dataclass(frozen=True)
class Claim:
    """Something that a paper says, and what would show it.

    ``where`` it says so, and what it ``says``; the ``runs`` to make; what to ``measure`` of them, numbers by name;
    what the ``paper`` says of each; and ``why`` the intervals are as wide as they are. ``note`` is what we found that
    numbers do not tell. ``quick`` claims take seconds. ``missing`` says why a claim can be judged nowhere yet.
    """

    name: str
    where: str
    says: str
    paper: Mapping[str, Band] = field(default_factory=dict)
    runs: Mapping[Any, Run] = field(default_factory=dict)
    measure: Callable[[Runs], Mapping[str, float]] = lambda _: {}
    why: str = ""
    note: str = ""
    picture: Curves | Across | None = None
    quick: bool = True
    missing: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper, or a review of several, and its claims."""

    name: str
    source: str
    claims: tuple[Claim, ...]
