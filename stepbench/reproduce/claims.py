"""What a claim is: the runs to make, and numbers that are measured on them and compared with the paper."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from stepbench import catalog
from stepbench.engine.result import Result
from stepbench.fields import show_value
from stepbench.reproduce.bands import Band

Runs: TypeAlias = Mapping[Any, Result]
"""The results of a claim's runs, each under the key that the claim gives it."""


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
        """Whether another seed gives another result."""
        if "{seed}" in self.problem or self.noise:
            return True
        problem = catalog.problem(self.problem)
        if "hvp" in catalog.method(self.method).needs:  # the points of a Hessian-vector product are drawn by the seed
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
class Number:
    """One number of a claim: what the paper says that it is, and how it is measured on the claim's runs."""

    paper: Band
    measure: Callable[[Runs], float]


def for_each(cases: Iterable[Any], name: str, paper: Band, measure: Callable[..., float]) -> dict[str, Number]:
    """The same number for each of several cases, by its name.

    The ``name`` is formatted with the case, and ``measure`` takes the runs and the case. A case may be a tuple: its
    parts are then arguments of their own.
    """

    def number(parts: tuple[Any, ...]) -> Number:
        return Number(paper, lambda runs: measure(runs, *parts))

    every = [case if isinstance(case, tuple) else (case,) for case in cases]
    return {name.format(*parts): number(parts) for parts in every}


@dataclass(frozen=True)
class Curves:
    """A picture of the field ``y`` of every run's Result, along its "evals", "iteration" or "epoch".

    An epoch is as many iterations as make one pass over the data.
    ``component`` chooses one of several step sizes, and ``label`` names it as the paper does, where that counts
    otherwise. ``only`` holds the keys of the runs to draw; where it is empty, all are drawn. The axis of ``y`` is
    logarithmic, that of an accuracy and where it is ``linear`` excepted.
    """

    y: str
    x: str = "evals"
    component: int | None = None
    only: tuple[Hashable, ...] = ()
    linear: bool = False
    label: str = ""


@dataclass(frozen=True)
class Across:
    """A picture of runs whose keys are (series, number): ``y``, one number per run, against the number in its key.

    ``name`` says what the numbers in the keys are, and ``label`` what ``y`` is.
    """

    name: str
    label: str
    y: Callable[[Result], float]


@dataclass(frozen=True)
class Trace:
    """A picture of the path of one run, whose key is ``of``, over the level lines of a function of two parameters."""

    of: Hashable


Picture: TypeAlias = Curves | Across | Trace


@dataclass(frozen=True)
class Setting:
    """One condition of a paper's experiment, such as its data: the paper's, and ours where it is another."""

    what: str
    paper: str
    here: str = ""


@dataclass(frozen=True)
class Claim:
    """Something that a paper says, and what would show it.

    ``where`` is the place in the paper, and ``says`` what it says there. ``runs`` are the runs to make, and ``numbers``
    what is measured on them beside what the paper says; ``why`` tells why the intervals are as wide as they are.
    ``settings`` are the conditions of the paper's experiment: where ours differs in one, the claim is judged on a
    stand-in, and is counted apart. ``note`` tells what we found and the numbers do not show. ``picture`` is drawn as
    the paper draws it; several stand beside each other. A claim is ``quick`` where it takes seconds. ``missing`` says
    why a claim can be judged nowhere yet.
    """

    name: str
    where: str
    says: str
    runs: Mapping[Any, Run] = field(default_factory=dict)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    why: str = ""
    settings: tuple[Setting, ...] = ()
    note: str = ""
    picture: Picture | tuple[Picture, ...] = ()
    quick: bool = True
    missing: str = ""

    @property
    def is_stand_in(self) -> bool:
        """Whether the runs are made under other conditions than the paper's."""
        return any(setting.here for setting in self.settings)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures of the claim, which may be none."""
        return self.picture if isinstance(self.picture, tuple) else (self.picture,)

    def commands(self, seed: int) -> list[str]:
        """The command of each of the runs."""
        return list(dict.fromkeys(run.command(seed) for run in self.runs.values()))


@dataclass(frozen=True)
class Headline:
    """What was found of a claim, in a sentence in which a number's name in braces stands for what was measured."""

    claim: str
    says: str


@dataclass(frozen=True)
class Erratum:
    """Something that we believe to be wrong in a paper: where it stands, why, and the claim whose runs show it."""

    where: str
    says: str
    why: str
    claim: str


@dataclass(frozen=True)
class Paper:
    """A paper, or a review of several, its claims, and what we believe to be wrong in it.

    The first of the ``headlines`` whose claim was judged stands on the first page of a report.
    """

    name: str
    source: str
    claims: tuple[Claim, ...]
    errata: tuple[Erratum, ...] = ()
    headlines: tuple[Headline, ...] = ()
