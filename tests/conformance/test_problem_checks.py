"""Every check of problems can fail: for each there is a problem that is wrong in that alone."""

import dataclasses
from operator import attrgetter

import numpy as np
import pytest

from stepbench import FiniteSum, Problem, param
from stepbench.conformance import Nonconformance, functions, judge


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


class SlopeOnAPlain(Problem):
    x0 = (1.0, 2.0)

    def f(self, x):
        return np.full(x.shape[1], 3.0)

    def grad(self, x):
        return np.full(x.shape, 1e-4)


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


calls: list[int] = []


class Remembers(Bowl):
    def grad(self, x):
        calls.append(1)
        return 2 * x * (1 + 1e-16 * len(calls) ** 4)


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
    FlatShape: functions.shapes,
    WrongGradient: functions.gradient,
    SlopeOnAPlain: functions.gradient,
    WrongInASmallComponent: functions.gradient,
    WrongHessian: functions.hessian,
    WrongMinimum: functions.minimum,
    NotTheMinimum: functions.minimum,
    WrongMinimiser: functions.minimum,
    WrongConstant: functions.constants,
    DependsOnNeighbours: functions.batch,
    WritesIntoPoints: functions.purity,
    Remembers: functions.purity,
    Biased: functions.samples,
    WrongSamples: functions.samples,
    BiasedSamples: functions.samples,
    Forgets: functions.pickling,
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


def without_slope(name, function):
    """A problem whose gradient is derived, and is 0 somewhere or everywhere."""
    return type(name, (Problem,), {"__doc__": name, "x0": (2.0, 2.0), "f": lambda self, x: function(x)})


FLAT = [
    without_slope("Constant", lambda x: 0 * x[0] + 3.0),
    without_slope("ConstantArray", lambda x: np.full(x.shape[1], -1e6)),
    without_slope("Zero", lambda x: 0 * x[0]),
    without_slope("OneOfTwo", lambda x: (x[1] - 3) ** 2),
    without_slope("Clipped", lambda x: (np.clip(x, -1, 1)[0] - 3) ** 2 + (np.clip(x[1], -1, 1) - 0.5) ** 2),
    without_slope("Hinge", lambda x: 7 + np.maximum(x - 1, 0).sum(0)),
    without_slope("HighPlain", lambda x: 1e8 + np.where(x[0] > 5, (x[0] - 5) ** 2, 0)),
    without_slope("Differenced", lambda x: np.array([5.0 + 0 * a for a in x]).sum(0)),
]


@pytest.mark.parametrize("flat", FLAT)
def test_a_slope_of_0_is_no_mistake(flat):
    for check in (functions.gradient, functions.minimum, functions.batch):
        with np.errstate(all="ignore"):
            check(flat())


@pytest.mark.parametrize("right", [Bowl, Saturates, Kinked])
@pytest.mark.parametrize("check", functions.CHECKS, ids=attrgetter("__name__"))
def test_a_right_problem_passes(check, right):
    with np.errstate(all="ignore"):
        check(right())


@pytest.mark.parametrize(("broken", "check"), BROKEN_PROBLEMS.items(), ids=attrgetter("__name__"))
def test_a_problem_that_is_wrong_in_one_thing_fails_its_check(broken, check):
    with pytest.raises(Nonconformance):
        check(broken())


def test_every_check_of_problems_has_a_problem_that_fails_it():
    assert set(BROKEN_PROBLEMS.values()) == set(functions.CHECKS)


def test_a_judgement_goes_on_after_a_failure():
    findings = list(judge(WrongConstant()))
    assert len(findings) == len(functions.CHECKS)
    assert [f.passed for f in findings].count(False) == 1
    [failure] = [f for f in findings if f.passed is False]
    assert failure.check == "The Hessian's eigenvalues lie between μ and L"
    assert failure.detail == "L = 1.9 and an eigenvalue is 2"
