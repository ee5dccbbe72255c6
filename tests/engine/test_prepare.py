"""What is refused before a run starts."""

from dataclasses import dataclass

import numpy as np
import pytest

import stepbench
from stepbench import InputError


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
