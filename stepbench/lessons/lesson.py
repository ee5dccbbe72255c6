"""A lesson, and the lecture that it becomes when it is run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stepbench import catalog
from stepbench.engine.comparison import Comparison, compare
from stepbench.fields import InputError
from stepbench.lessons.measures import MEASURES
from stepbench.showing import Shown, report
from stepbench.study.ends import Numbers
from stepbench.study.sweep import Sweep, sweep, window_axes
from stepbench.study.tune import Tuning, tune


@dataclass(frozen=True)
class Question:
    """What to predict before the result is seen.

    ``answer`` is one of the choices. Where there is a ``measure``, the choices are methods, and the measure decides
    which of them is the answer.
    """

    ask: str
    choices: tuple[str, ...]
    answer: str
    measure: str | None


@dataclass(frozen=True)
class Trial:
    """Something to try after the answer: a sentence, and what is to be set of what is run, None where nothing is."""

    say: str
    problem: str | None = None
    methods: tuple[str, ...] | None = None
    start: tuple[float, ...] | None = None
    noise: float | None = None


@dataclass(frozen=True)
class Lesson:
    """One lesson: ``text`` before the result, ``why`` after it, and the sentence to take away.

    ``kind`` is compare, sweep, map or tune, and ``options`` are those of its table in the file.
    """

    file: str
    title: str
    text: str
    why: str
    take_away: str
    question: Question | None
    kind: str
    options: dict[str, Any]
    chapter: str = ""
    tries: tuple[Trial, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.file).stem

    def tried(self, trial: Trial) -> Lesson:
        """The lesson with what is tried, and no question: its answer is that of the lesson as it stands."""
        said = {"problem": trial.problem, "methods": trial.methods, "start": trial.start, "noise": trial.noise}
        given = {key: list(value) if isinstance(value, tuple) else value for key, value in said.items()}
        options = self.options | {key: value for key, value in given.items() if value is not None}
        return replace(self, options=options, question=None, tries=())

    def run(self) -> Lecture:
        """Run what is to be shown; raises InputError where it cannot be run, or where its answer is wrong."""
        options = dict(self.options)
        problem, methods = catalog.problem(options.pop("problem")), options.pop("methods")
        options.pop("picture", None)
        try:
            if self.kind == "compare":
                lecture = Lecture(self, compare(problem, methods, **options))
            elif self.kind == "tune":
                trials = options.pop("trials")
                lecture = Lecture(self, Tunings(tuple(tune(problem, methods, trials=n, **options) for n in trials)))
            else:
                points = options.pop("points", 60)
                over = options.pop("over", None) or window_axes(problem, points)
                lecture = Lecture(self, sweep(problem, methods, over, **options))
        except InputError as error:
            raise InputError(f"{self.file}: [{self.kind}]: {error}") from None
        question = self.question
        if question and question.measure and lecture.answer != question.answer:
            raise InputError(
                f"{self.file}: question.answer says {question.answer}, but the {question.measure} "
                f"is that of {lecture.answer}: mend the answer, or what is run"
            )
        return lecture


@dataclass(frozen=True, eq=False)
class Tunings:
    """The same methods, tuned anew with each of several numbers of trials."""

    tunings: tuple[Tuning, ...]

    @property
    def labels(self) -> list[str]:
        """The methods, in their order."""
        return [tuned.label for tuned in self.tunings[0].methods]

    @property
    def trials(self) -> list[int]:
        """The numbers of trials."""
        return [max(tuned.trials for tuned in tuning.methods) for tuning in self.tunings]

    @property
    def cost(self) -> Numbers:
        """The median cost to the target, (methods, numbers of trials); infinite where most cases did not reach it."""
        return np.array([[tuned.median for tuned in tuning.methods] for tuning in self.tunings]).T


@dataclass(frozen=True, eq=False, repr=False)
class Lecture(Shown):
    """A lesson with what was run for it."""

    lesson: Lesson
    shown: Comparison | Sweep | Tunings

    @property
    def answer(self) -> str:
        """The answer to the question: the choice that the measure decides for, or where there is none, the lesson's."""
        question = self.lesson.question
        assert question is not None
        if question.measure is None:
            return question.answer
        amounts = MEASURES[self.lesson.kind][question.measure](self.shown)
        among = {label: amounts[label] for label in question.choices}
        best = min((amount for amount in among.values() if not math.isnan(amount)), default=math.inf)
        winners = [label for label, amount in among.items() if amount == best]
        if len(winners) > 1 or math.isinf(best):
            whose = "none" if math.isinf(best) else " and ".join(winners)
            raise InputError(
                f"{self.lesson.file}: question.measure: the {question.measure} is that of {whose}: ask what has one "
                "answer"
            )
        return winners[0]

    def notes(self) -> list[str]:
        """How to read the table."""
        return report().notes(self)  # type: ignore[no-any-return]
