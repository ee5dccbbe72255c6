"""What is refused before a run starts."""

import gc
import weakref
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import stepbench
from stepbench import InputError
from stepbench.engine import vetting


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"budget": 0}, "budget must be an integer of at least 1"),
        ({"budget": 2.5}, "budget must be an integer"),
        ({"steps": 0}, "steps must be"),
        ({"seed": -1}, "seed must be"),
        ({"noise": -1.0}, "noise must be"),
        ({"noise": float("nan")}, "noise must be"),
        ({"target": float("nan")}, "target must be"),
        ({"target": -1.0}, "target must be"),
        ({"start": "here"}, "start must be numbers"),
        ({"start": [1.0]}, "start must have 2 numbers"),
        ({"start": np.zeros((2, 0))}, "start must have 2 numbers"),
        ({"start": [1.0, 2.0, 3.0]}, "start must have 2 numbers"),
        ({"start": [1.0, float("inf")]}, "start must be finite"),
        ({"start": [1e90, 1e90]}, "f is inf at the start"),
    ],
)
def test_what_cannot_run_is_refused_before_it_starts(options, says):
    with pytest.raises(InputError, match=says):
        stepbench.run("rosenbrock", "gd", **options)


def test_arrays_of_different_lengths_are_refused():
    method = stepbench.method("adam", lr=[0.1, 0.2], beta1=[0.8, 0.85, 0.9])
    with pytest.raises(InputError, match="beta1 has 3, lr has 2"):
        stepbench.run("rosenbrock", method)
    with pytest.raises(InputError, match="start has 4"):
        stepbench.run("rosenbrock", stepbench.method("gd", lr=[0.1, 0.2]), start=np.zeros((2, 4)))


def test_a_need_that_the_problem_lacks_is_refused_with_the_way_out():
    @dataclass(frozen=True)
    class Unknown(stepbench.Problem):
        x0 = np.array([1.0])

        def f(self, x):
            return (x * x).sum(0)

        def grad(self, x):
            return 2 * x

    with pytest.raises(
        InputError, match=r"needs the minimum f\*, which Unknown does not supply: give it as the option f_star"
    ):
        stepbench.run(Unknown(), "polyak")
    assert stepbench.run(Unknown(), "polyak:f_star=0", steps=5).error is None

    class Sampled(Unknown):
        stochastic = True

        def sample(self, rng, step):
            return self

    with pytest.raises(InputError, match="needs the Hessian's diagonal"):
        stepbench.run(Sampled(), "idbd")
    with pytest.raises(InputError, match="Hessian-vector products"):
        stepbench.run(Sampled(), "exact:f_star=0")
    with pytest.raises(InputError, match="does not know its minimum"):
        stepbench.run(Unknown(), "gd", target=0.1)
    with pytest.raises(InputError, match="needs the minimum"):
        stepbench.run(Unknown(), "l4:known=true")
    assert stepbench.run(Unknown(), "l4", steps=5).told == ()


class Barrier(stepbench.Problem):
    """w − log w over a sliver of w > 0, and an error everywhere else."""

    domain = ((0.0, 0.02), (0.0, float("inf")))
    x0 = (0.019, 1e-3)

    def f(self, w):
        if not ((w > 0).all() and (w[0] < 0.02).all()):
            raise ValueError("outside")
        return (w - np.log(w)).sum(0)


class WithGradient(Barrier):
    def grad(self, w):
        assert (w > 0).all()
        assert (w[0] < 0.02).all()
        return 1 - 1 / w


def test_a_problem_is_looked_at_only_in_its_domain():
    """What raises an error outside is derived, followed and judged like any other."""
    derived, given = Barrier(), WithGradient()
    assert derived.derivation("grad") == "the complex step"
    w = np.array([[0.01, 0.019], [2.0, 1e-3]])
    np.testing.assert_allclose(derived.grad(w), given.grad(w), rtol=1e-14)
    for problem in (derived, given):
        assert stepbench.run(problem, "gd:lr=1e-9", steps=3).steps == 3


def test_a_wrong_gradient_is_refused_in_a_domain_too():
    wrong = type("Wrong", (Barrier,), {"grad": lambda self, w: 1 + 1 / w})()
    with pytest.raises(InputError, match="not the derivative of f"):
        stepbench.run(wrong, "gd:lr=1e-9", steps=3)


@pytest.mark.parametrize(
    ("domain", "says"),
    [
        (((0.0, 0.01), (0.0, 1.0)), r"x0, \(0.019, 0.001\), is not within the domain"),
        ("positive", "must be a pair"),
        (((0.0, 1.0),), "for each of its 2 parameters"),
    ],
)
def test_a_domain_that_cannot_be_is_refused(domain, says):
    problem = type("Elsewhere", (Barrier,), {"domain": domain})()
    with pytest.raises(InputError, match=says):
        stepbench.run(problem, "gd")


class Counted(stepbench.Problem):
    """½‖w‖², which counts how often it is asked."""

    x0 = (1.0, 2.0)
    asked: ClassVar = []

    def f(self, w):
        self.asked.append(w)
        return 0.5 * (w * w).sum(0)

    def grad(self, w):
        return w.copy()


def asked_in_a_run(problem):
    Counted.asked.clear()
    stepbench.run(problem, "gd", steps=1)
    return len(Counted.asked)


def test_an_object_is_looked_at_once_until_it_changes():
    """It is known by what it is, and not by its equality: another object with the same fields is looked at too."""
    problem = Counted()
    first, second = asked_in_a_run(problem), asked_in_a_run(problem)
    assert first > 20 > 3 > second
    assert asked_in_a_run(Counted()) == first
    object.__setattr__(problem, "scale", 3.0)
    assert asked_in_a_run(problem) == first
    assert asked_in_a_run(problem) == second
    Counted.grad = lambda self, w: 2 * w
    with pytest.raises(InputError, match="not the derivative"):
        asked_in_a_run(problem)


def test_what_was_looked_at_is_not_kept_alive():
    problem = Counted()
    Counted.grad = lambda self, w: w.copy()
    stepbench.run(problem, "gd", steps=1)
    gone = weakref.ref(problem)
    del problem
    gc.collect()
    assert gone() is None
    assert all(known() is not None for known, _ in vetting._vetted.values())
