"""Every check of methods can fail: for each there is a rule that is wrong in that alone."""

import dataclasses
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import pytest

import stepbench
from stepbench import StepSize, param
from stepbench.conformance import Nonconformance, methods


class State(NamedTuple):
    alpha: np.ndarray
    k: int


@dataclasses.dataclass(frozen=True)
class Rule(StepSize):
    """A constant step that is right in everything."""

    lr: stepbench.fields.Scalar = param(0.01, "α", "step size", "(0, inf)")

    def init(self, x):
        return State(np.zeros(x.shape[1]) + self.lr, 0)

    def move(self, x, u, oracle, s):
        return x - s.alpha * u, State(s.alpha, s.k + 1)


class InPlace(Rule):
    def move(self, x, u, oracle, s):
        x -= s.alpha * u
        return x, s


class Past(NamedTuple):
    alpha: np.ndarray
    past: list


class ChangesItsState(Rule):
    def init(self, x):
        return Past(np.zeros(x.shape[1]) + self.lr, [])

    def move(self, x, u, oracle, s):
        s.past.append(1)
        return x - s.alpha * u / len(s.past), s


class Looks(Rule):
    def move(self, x, u, oracle, s):
        return x - s.alpha * u * (1 + 1e-13 * x.mean()), s


calls: list[int] = []


class HiddenState(Rule):
    def move(self, x, u, oracle, s):
        calls.append(1)
        return x - s.alpha * u * (1 + 1e-14 * len(calls)), s


class TellsArraysApart(Rule):
    def move(self, x, u, oracle, s):
        return x - s.alpha * u * (1 + 1e-13 * np.ndim(self.lr)), s


class Uncounted(Rule):
    def move(self, x, u, oracle, s):
        return x - s.alpha * oracle.problem.grad(x), s


class Unpickled:
    def __init__(self):
        self.k = 0

    def __reduce__(self):
        return Unpickled, ()


class StateOutside(NamedTuple):
    alpha: np.ndarray
    memory: Unpickled


class OutsideState(Rule):
    def init(self, x):
        return StateOutside(np.zeros(x.shape[1]) + self.lr, Unpickled())

    def move(self, x, u, oracle, s):
        memory = Unpickled()
        memory.k = s.memory.k + 1
        return x - s.alpha * u / (1 + memory.k), StateOutside(s.alpha, memory)


BROKEN_METHODS = {
    InPlace: methods.purity,
    HiddenState: methods.purity,
    ChangesItsState: methods.purity,
    Looks: methods.batch,
    TellsArraysApart: methods.numbers,
    Uncounted: methods.counts,
    OutsideState: methods.pickling,
}


@pytest.mark.parametrize("check", methods.CHECKS, ids=attrgetter("__name__"))
def test_a_right_rule_passes(check):
    check(stepbench.method(Rule()), stepbench.problem(methods.PROBLEMS[0]))


@pytest.mark.parametrize(("broken", "check"), BROKEN_METHODS.items(), ids=attrgetter("__name__"))
def test_a_rule_that_is_wrong_in_one_thing_fails_its_check(broken, check):
    with pytest.raises(Nonconformance):
        check(stepbench.method(broken()), stepbench.problem(methods.PROBLEMS[0]))


def test_a_hyper_parameter_is_tried_within_its_bounds():
    @dataclasses.dataclass(frozen=True)
    class Bounded(Rule):
        grow: stepbench.fields.Scalar = param(1.0, "", "at its lower bound", "[1, 2]")
        cap: stepbench.fields.Scalar | None = param(None, "", "not set", "[1, inf)")
        off: stepbench.fields.Scalar = param(0.0, "", "off", "[0, 1)")

    said = methods.numbers(stepbench.method(Bounded()), stepbench.problem(methods.PROBLEMS[0]))
    assert "grow, cap, off" in said


def test_every_check_of_methods_has_a_method_that_fails_it():
    assert set(BROKEN_METHODS.values()) == set(methods.CHECKS)
