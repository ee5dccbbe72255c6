"""An object is run as it is given: it is never made again of its defaults, and never taken for another."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, Method, Problem, StepSize, catalog, param
from tests.catalog.own_files import write


class Bowl(Problem):
    """A bowl around a place that its own __init__ takes."""

    x0 = (-1.0, 2.0)

    def __init__(self, a=3.0):
        self.a = a

    def f(self, w):
        return (w[0] - self.a) ** 2 + w[1] ** 2


class State(NamedTuple):
    """A step size."""

    alpha: float


class Halved(Method):
    """Gradient descent whose step size its own __init__ takes."""

    def __init__(self, lr):
        self.lr = lr

    def init(self, w):
        return State(self.lr)

    def step(self, w, oracle, s):
        return w - s.alpha * oracle.grad(w), s


@dataclass(frozen=True)
class Rule(StepSize):
    """A constant step size that also holds what no field says."""

    lr: float = param(0.5, "α", "step size", "(0, inf)", search="0.1:0.6")

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "factor", 1.0)

    def init(self, w):
        return State(self.lr * self.factor)

    def move(self, w, u, oracle, s):
        return w - s.alpha * u, s


def fitted(target):
    """A problem whose class closes over data."""

    class Fit(Problem):
        x0 = (0.0, 0.0)

        def f(self, w):
            return (w[0] - target) ** 2 + w[1] ** 2

    return Fit()


@pytest.mark.slow
@settings(max_examples=10)  # each makes some ten runs
@given(st.floats(-50, 50))
def test_an_object_runs_as_it_is_everywhere(a):
    end = pytest.approx([a, 0], abs=1e-6)
    for problem in (Bowl(a), fitted(a)):
        assert stepbench.run(problem, "gd:lr=0.5", budget=30).x[-1] == end
        assert stepbench.compare(problem, ["gd:lr=0.5", Halved(0.5)], budget=30).results[1].x[-1] == end
        with stepbench.Study() as study:
            swept = stepbench.sweep(problem, ["gd", Rule()], {"lr": [0.4, 0.5]}, budget=40, study=study)
            assert np.ravel(swept.ends.f) == pytest.approx(0, abs=1e-10)
            assert np.ravel(stepbench.sweep(problem, Halved(0.5), {"seed": [0]}, budget=40, study=study).ends.f) == (
                pytest.approx(0, abs=1e-10)
            )


def test_tuning_and_profiles_take_them_too():
    tuned = stepbench.tune(Bowl(9.0), [Rule(), Halved(0.5)], trials=2, cases=2, budget=40)
    assert [method.left.max() < 1e-3 for method in tuned.methods] == [True, True]
    profile = stepbench.profile([Halved(0.5), Halved(1e-9)], [Bowl(9.0), fitted(4.0)], budget=40)
    assert np.isfinite(profile.costs[..., 0]).all()
    assert not np.isfinite(profile.costs[..., 1]).any()


def test_what_lives_in_this_program_only_is_kept_in_no_file():
    for problem, method in ((Bowl(), "gd"), (fitted(1.0), "gd"), ("quadratic", Halved(0.5)), ("quadratic", Rule())):
        with pytest.raises(
            InputError, match=r"known to this program only .*: a kept run of it could not be known again"
        ):
            stepbench.sweep(problem, method, {"seed": [0, 1]}, budget=10, study="study.db")
        with pytest.raises(InputError, match=r"this program only .*: a worker could not load it"):
            stepbench.sweep(problem, method, {"seed": [0]}, budget=10, study=stepbench.Study(workers=2))
        with pytest.raises(InputError, match=r"this program only .*: its checkpoint"):
            stepbench.run(problem, method, budget=10, checkpoint="c.npz")


def test_a_study_in_memory_never_takes_one_object_for_another():
    with stepbench.Study() as study:
        ends = [
            float(np.ravel(stepbench.sweep(problem, "gd", {"lr": [0.1]}, budget=3, study=study).ends.f)[0])
            for problem in (Bowl(1.0), Bowl(2.0), fitted(1.0), fitted(2.0))
        ]
        assert study.made == 4
    assert len(set(ends)) == 4


def test_a_saved_run_of_such_an_object_is_not_read_as_anothers():
    class quadratic(Bowl):  # noqa: N801 - called as a problem of the catalogue
        pass

    r = stepbench.run(quadratic(5.0), "gd", budget=5)
    r.save("run.npz")
    with pytest.raises(InputError, match="of the problem quadratic, which is not in the catalogue"):
        stepbench.load("run.npz")
    assert stepbench.load("run.npz", problem=r.problem).problem.a == 5


FILE = """
    from dataclasses import dataclass
    from functools import cached_property
    import numpy as np
    from stepbench import Problem

    @dataclass(frozen=True)
    class Mine(Problem):
        k: float = 2.0
        x0 = (-1.0, 2.0)

        def __init__(self, k=2.0, a=3.0):
            object.__setattr__(self, "k", k)
            object.__setattr__(self, "a", a)

        @cached_property
        def data(self):
            return np.arange(3.0)

        def f(self, w):
            return self.k * (w[0] - self.a) ** 2 + w[1] ** 2 + 0 * self.data.sum()
    """


def test_an_object_of_a_file_that_holds_more_than_its_fields_keeps_it():
    write("mine.py", FILE)
    plain = stepbench.problem("./mine.py")
    other = type(plain)(a=50.0)
    assert stepbench.run(other, "gd:lr=0.1", budget=300).x[-1, 0] == pytest.approx(50)
    assert pickle.loads(pickle.dumps(other)).a == 50
    assert catalog.is_rebuilt(plain)
    assert not catalog.is_rebuilt(other)
    assert stepbench.sweep(plain, "gd", {"lr": [0.1]}, budget=300, study="s.db").ends.f.max() < 1e-6
    assert stepbench.sweep(other, "gd", {"lr": [0.1]}, budget=300).ends.f.max() < 1e-6
    with pytest.raises(InputError, match="known to this program only"):
        stepbench.sweep(other, "gd", {"lr": [0.1]}, budget=300, study="s.db")
    assert stepbench.problem(plain, k=4.0).k == 4
    with pytest.raises(InputError, match=r"mine.py is more than its fields .*: make one whose k is what you want"):
        stepbench.problem(other, k=4.0)


def test_a_field_is_not_changed_where_the_rest_would_be_lost():
    rule = Rule()
    assert stepbench.method(rule, lr=0.25).rule.lr == 0.25  # __post_init__ makes the rest again
    object.__setattr__(rule, "factor", 0.125)
    with pytest.raises(InputError, match="is more than its fields"):
        stepbench.method(rule, lr=0.25)
    assert stepbench.method(rule).rule.factor == 0.125


class Counted(Problem):
    """A problem that computes something once."""

    x0 = (1.0,)

    @cached_property
    def two(self):
        return 2.0

    def f(self, w):
        return self.two * w[0] ** 2


def test_what_is_computed_once_is_no_difference():
    from stepbench.contracts import same

    used = Counted()
    stepbench.run(used, "gd", budget=2)
    assert vars(used)
    assert same(used, Counted())
