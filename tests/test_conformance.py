"""Every built-in problem and method passes what ``stepbench check`` asks, and every check can fail."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
from conftest import EVERY_METHOD

import stepbench
from stepbench import FiniteSum, Problem, StepSize, catalog, param
from stepbench.conformance import Nonconformance, judge, methods, problems

# Other fields than the defaults, where they make another function of it.
VARIANTS = (
    "quadratic:angle=30",
    "quadratic:dim=5,angle=-70",
    "rosenbrock:dim=5",
    "rosenbrock:a=2,b=10",
    "linear-regression:n=3,dim=5",
    "linear-regression:n=12,dim=3,noise=0.1",
    "linear-regression:n=12,dim=3,batch=4",
    "learning/breast-cancer:batch=8",
    "diabetes:batch=10",
    "tracking:dim=3,relevant=2",
    "relu-network:n=4,inputs=3,width=16,batch=2",
)
by_name = {"ids": lambda check: check.__name__}


FUNCTIONS = [name for name in catalog.names("problems") if not name.startswith("networks/")]


@pytest.mark.parametrize("problem", [*FUNCTIONS, *VARIANTS])
@pytest.mark.parametrize("check", problems.CHECKS, **by_name)
def test_every_problem_conforms(check, problem):
    with np.errstate(all="ignore"):
        check(stepbench.problem(problem))


@pytest.mark.parametrize("problem", methods.PROBLEMS)
@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize("check", [check for check in methods.CHECKS if check is not methods.numbers], **by_name)
def test_every_method_conforms(check, method, problem):
    with np.errstate(all="ignore"):
        check(stepbench.method(method), stepbench.problem(problem))


@pytest.mark.parametrize("method", EVERY_METHOD)
def test_every_hyper_parameter_may_be_an_array(method):
    methods.numbers(stepbench.method(method), stepbench.problem(methods.PROBLEMS[0]))


# Every check can fail: a problem and a method for each, wrong in that alone


class Bowl(Problem):
    """A bowl that is right in everything."""

    x0 = (1.0, 2.0)
    x_star = (0.0, 0.0)
    f_star = 0.0
    mu = L = 2.0

    def f(self, x):
        return (x * x).sum(0)

    def grad(self, x):
        return 2 * x

    def hessian(self, x):
        return np.repeat(2 * np.eye(2)[:, :, None], x.shape[1], axis=2)


class FlatShape(Bowl):
    def f(self, x):
        return (x * x).sum()


class WrongGradient(Bowl):
    def grad(self, x):
        return np.stack([2 * x[0], 2 * x[1] * (1 + 1e-7)])


class WrongInASmallComponent(Bowl):
    mu = L = None

    def f(self, x):
        return x[0] * x[0] + 1e10 * x[1] * x[1]

    def grad(self, x):
        return np.stack([-2 * x[0], 2e10 * x[1]])

    def hessian(self, x):
        return np.repeat(np.diag([2.0, 2e10])[:, :, None], x.shape[1], axis=2)


class WrongHessian(Bowl):
    def hessian(self, x):
        return 1.000001 * super().hessian(x)


class WrongMinimum(Bowl):
    f_star = 1e-3


class NotTheMinimum(Problem):
    x0 = (20.0, 10.0)
    f_star = 5.0

    def f(self, x):
        y = x - 3
        return (y * y * y * y).sum(0)


class WrongMinimiser(Bowl):
    x_star = (0.0, 1e-3)


class WrongConstant(Bowl):
    L = 1.9


class DependsOnNeighbours(Bowl):
    def f(self, x):
        return (x * x).sum(0) + 1e-16 * x.mean()


class WritesIntoPoints(Bowl):
    def f(self, x):
        x *= 1.0
        return (x * x).sum(0)


class Remembers(Bowl):
    def grad(self, x):
        calls.append(1)
        return 2 * x * (1 + 1e-16 * len(calls) ** 4)


calls: list[int] = []


class Biased(FiniteSum):
    x0 = (1.0, 2.0)
    terms = 3
    batch_size = 1

    def subset(self, index):
        return Bowl() if len(index) == 3 else Twice()


class WrongSamples(Bowl):
    stochastic = True

    def sample(self, rng, step):
        return Scaled(1 + 0.01 * rng.standard_normal(), 1.1)


class BiasedSamples(Bowl):
    stochastic = True

    def sample(self, rng, step):
        return Scaled(1.1 + 0.01 * rng.standard_normal(), 1.0)


class Scaled:
    def __init__(self, scale, error):
        self.scale, self.error = scale, error

    def f(self, x):
        return self.scale * (x * x).sum(0)

    def grad(self, x):
        return self.error * self.scale * 2 * x

    def hessian(self, x):
        return self.scale * Bowl().hessian(x)


class Twice(Bowl):
    def f(self, x):
        return 2 * super().f(x)


@dataclasses.dataclass(frozen=True)
class Forgets(Bowl):
    kappa: float = param(3.0, "κ", "lost when it is pickled")

    def __reduce_ex__(self, protocol):
        return Forgets, (4.0,)


BROKEN_PROBLEMS = {
    FlatShape: problems.shapes,
    WrongGradient: problems.gradient,
    WrongInASmallComponent: problems.gradient,
    WrongHessian: problems.hessian,
    WrongMinimum: problems.minimum,
    NotTheMinimum: problems.minimum,
    WrongMinimiser: problems.minimum,
    WrongConstant: problems.constants,
    DependsOnNeighbours: problems.batch,
    WritesIntoPoints: problems.purity,
    Remembers: problems.purity,
    Biased: problems.samples,
    WrongSamples: problems.samples,
    BiasedSamples: problems.samples,
    Forgets: problems.pickling,
}


class Saturates(Problem):
    """Its gradient, s (1 − s), is 0 in double precision where s is 1, and the complex step is not."""

    x0 = (1.0, 2.0)

    def f(self, x):
        return (1 / (1 + np.exp(-x))).sum(0)

    def grad(self, x):
        s = 1 / (1 + np.exp(-x))
        return s * (1 - s)


class Kinked(Problem):
    """Not analytic, so that it is compared with differences, some of them across the kinks."""

    smoothness = "C⁰"
    x0 = (1.0, 2.0)
    x_star = (0.0, 0.0)
    f_star = 0.0

    def f(self, x):
        return np.abs(x[0]) + 3 * np.abs(x[1] - x[0])

    def grad(self, x):
        s = np.sign(x[1] - x[0])
        return np.stack([np.sign(x[0]) - 3 * s, 3 * s])


@pytest.mark.parametrize("right", [Bowl, Saturates, Kinked])
@pytest.mark.parametrize("check", problems.CHECKS, **by_name)
def test_a_right_problem_passes(check, right):
    with np.errstate(all="ignore"):
        check(right())


@pytest.mark.parametrize(("broken", "check"), BROKEN_PROBLEMS.items(), ids=lambda thing: thing.__name__)
def test_a_problem_that_is_wrong_in_one_thing_fails_its_check(broken, check):
    with pytest.raises(Nonconformance):
        check(broken())


def test_every_check_of_problems_has_a_problem_that_fails_it():
    assert set(BROKEN_PROBLEMS.values()) == set(problems.CHECKS)


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


@pytest.mark.parametrize("check", methods.CHECKS, **by_name)
def test_a_right_rule_passes(check):
    check(stepbench.method(Rule()), stepbench.problem(methods.PROBLEMS[0]))


@pytest.mark.parametrize(("broken", "check"), BROKEN_METHODS.items(), ids=lambda thing: thing.__name__)
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


def test_a_judgement_goes_on_after_a_failure():
    findings = list(judge(WrongConstant()))
    assert len(findings) == len(problems.CHECKS)
    assert [f.passed for f in findings].count(False) == 1
    [failure] = [f for f in findings if f.passed is False]
    assert failure.check == "The Hessian's eigenvalues lie between μ and L"
    assert failure.detail == "L = 1.9 and an eigenvalue is 2"
