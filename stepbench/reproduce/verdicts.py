"""Judging claims: make the runs, measure, and compare with what the paper says. No verdict is written by hand."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stepbench import catalog
from stepbench.contracts import values_of, varying
from stepbench.engine.identity import name_of, version
from stepbench.engine.result import Result
from stepbench.fields import InputError
from stepbench.options import RunOptions
from stepbench.reproduce.claims import Claim, Run
from stepbench.study import Study
from stepbench.study.batch import Batch, batch

REPRODUCED, PARTLY, NOT, NOT_HERE = "reproduced", "partly", "not reproduced", "not run here"
WORDS = (REPRODUCED, PARTLY, NOT, NOT_HERE)


@dataclass(frozen=True)
class Verdict:
    """What became of a claim.

    ``measured`` holds, under the name of each of the claim's numbers, its value per seed. ``results`` are the runs, one
    mapping per seed, where they were made or found now. ``detail`` says what the word does not: why the claim was not
    run, or how the seeds disagree. ``lost`` says how many of the runs diverged or failed, and is empty where none did.
    ``made`` says on what day, and by what version, the claim was judged.
    """

    claim: Claim
    word: str
    detail: str = ""
    measured: dict[str, list[float]] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    seconds: float = 0.0
    results: tuple[dict[Any, Result], ...] = ()
    lost: str = ""
    made: str = ""

    @property
    def seed(self) -> int:
        """The first of the seeds."""
        return self.seeds[0] if self.seeds else 0

    @property
    def agreeing(self) -> int:
        """How many of the numbers agree with the paper for every seed."""
        return sum(self.agrees(name) == len(self.seeds) for name in self.measured)

    def agrees(self, name: str) -> int:
        """For how many of the seeds a measured number agrees with the paper."""
        return sum(value in self.claim.numbers[name].paper for value in self.measured[name])


def judge(claim: Claim, study: Study, seeds: Sequence[int], *, quick: bool = False) -> Verdict:
    """Make the claim's runs, or find them in the study, and compare what they show with what the paper says.

    The word is "not run here" only where the machine lacks something, such as data or torch. Raises Stopped on Ctrl-C,
    with the runs that were made kept in the study, and InputError for a claim that is declared wrongly, a run that
    crashes, and a study that cannot be used.
    """
    if claim.missing:
        return Verdict(claim, NOT_HERE, claim.missing)
    if quick and not claim.quick:
        return Verdict(claim, NOT_HERE, "it takes longer: leave out --quick")
    for run in claim.runs.values():  # a mistyped name is an error, and nothing that this machine lacks
        catalog.method(run.method)
        catalog.problem(run.problem.format(seed=0))
    began = time.perf_counter()
    try:
        if not any(run.depends_on_seed() for run in claim.runs.values()):
            seeds = seeds[:1]
        work = _work(claim.runs, seeds)
    except InputError as error:
        return Verdict(claim, NOT_HERE, str(error))
    results = tuple(_results(claim.runs, work, study, len(seeds)))
    measured = {name: [number.measure(own) for own in results] for name, number in claim.numbers.items()}
    words = [
        _word([measured[name][n] in number.paper for name, number in claim.numbers.items()]) for n in range(len(seeds))
    ]
    detail = ""
    if len({*words}) > 1:
        detail = "seeds disagree: " + ", ".join(f"{words.count(word)} {word}" for word in WORDS if word in words)
    return Verdict(
        claim,
        _word([all(value in number.paper for value in measured[name]) for name, number in claim.numbers.items()]),
        detail,
        measured,
        tuple(seeds),
        time.perf_counter() - began,
        results,
        _lost(results),
        f"on {datetime.date.today().isoformat()} by stepbench {version()}",
    )


def _lost(results: Sequence[Mapping[Any, Result]]) -> str:
    every = [run for own in results for run in own.values()]
    lost = sum(run.status in ("diverged", "failed") for run in every)
    return f"{lost} of {len(every)} runs diverged" if lost else ""


def _word(holds: Sequence[bool]) -> str:
    """The verdict, from whether each of a claim's numbers agrees with the paper."""
    return REPRODUCED if all(holds) else PARTLY if any(holds) else NOT


def results_of(runs: Mapping[Any, Run], study: Study, seeds: Sequence[int]) -> list[dict[Any, Result]]:
    """The results of some runs, one mapping per seed; runs that differ only in numbers are made in lock-step."""
    return _results(runs, _work(runs, seeds), study, len(seeds))


def _work(runs: Mapping[Any, Run], seeds: Sequence[int]) -> list[tuple[int, list[Run], Batch]]:
    """The batches to make, each with the place of its seed among the seeds, and its runs."""
    return [
        (n, alike, _batch(alike, seed))
        for n, seed in enumerate(seeds)
        for alike in _alike(dict.fromkeys(runs.values()))
    ]


def _results(
    runs: Mapping[Any, Run], work: Sequence[tuple[int, list[Run], Batch]], study: Study, seeds: int
) -> list[dict[Any, Result]]:
    found: list[dict[Run, Result]] = [{} for _ in range(seeds)]
    for (n, alike, _), results in zip(work, study.results([made for _, _, made in work]), strict=True):
        found[n] |= zip(alike, results, strict=True)
    return [{key: own[run] for key, run in runs.items()} for own in found]


def _alike(runs: Iterable[Run]) -> Iterable[list[Run]]:
    """The runs in groups that differ only in hyper-parameters that may be arrays."""
    groups: dict[Any, list[Run]] = {}
    for run in runs:
        method, many = catalog.method(run.method), _numbers(run.method)
        fixed = {name: value for name, value in values_of(method).items() if name not in many}
        name = name_of(method) if many else run.method
        group = replace(run, method=name), tuple(many), tuple(fixed.items())
        groups.setdefault(group, []).append(run)
    return groups.values()


def _numbers(spec: str) -> dict[str, float]:
    """The hyper-parameters that may differ between the runs of a batch."""
    method = catalog.method(spec)
    many = varying(method)
    return {k: v for k, v in values_of(method).items() if k in many and isinstance(v, int | float)}


def _batch(runs: Sequence[Run], seed: int) -> Batch:
    """Runs that are alike, as one batch."""
    first = runs[0]
    problem = catalog.problem(first.problem.format(seed=seed))
    numbers = [_numbers(run.method) for run in runs]
    vary = {name: [own[name] for own in numbers] for name in numbers[0]} if len(runs) > 1 else {}
    options = RunOptions(
        first.budget, first.epochs, first.steps, first.target, first.start, seed=seed, noise=first.noise
    )
    return batch(problem, catalog.method(first.method), options, values=vary)
