"""Lessons: a small TOML file says what to run, what to show and what to remember.

A lesson cannot lie: where its question names a measure, the answer is computed from what was run, and a file that
says otherwise is refused.
"""

from stepbench.lessons.lesson import Lecture, Lesson, Question, Trial, Tunings
from stepbench.lessons.reader import load, names

__all__ = ["Lecture", "Lesson", "Question", "Trial", "Tunings", "load", "names"]
