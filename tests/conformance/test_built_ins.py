"""Every built-in problem and method passes what ``stepbench check`` asks."""

from operator import attrgetter

import numpy as np
import pytest

import stepbench
from stepbench import catalog
from stepbench.conformance import functions, methods
from tests.every_method import EVERY_METHOD, parameters

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

FUNCTIONS = [name for name in catalog.names("problems") if not name.startswith("networks/")]


@pytest.mark.one_in(23)
@pytest.mark.parametrize("problem", [*FUNCTIONS, *VARIANTS])
@pytest.mark.parametrize("check", functions.CHECKS, ids=attrgetter("__name__"))
def test_every_problem_conforms(check, problem):
    with np.errstate(all="ignore"):
        check(stepbench.problem(problem))


@pytest.mark.one_in(29)
@pytest.mark.parametrize("problem", methods.PROBLEMS)
@pytest.mark.parametrize("method", parameters(EVERY_METHOD))
@pytest.mark.parametrize(
    "check", [check for check in methods.CHECKS if check is not methods.numbers], ids=attrgetter("__name__")
)
def test_every_method_conforms(check, method, problem):
    made, on = stepbench.method(method), stepbench.problem(problem)
    if made.missing(on.supplies):
        pytest.skip("the problem does not supply what the method needs")
    with np.errstate(all="ignore"):
        check(made, on)


@pytest.mark.one_in(7)
@pytest.mark.parametrize("method", parameters(EVERY_METHOD))
def test_every_hyper_parameter_may_be_an_array(method):
    methods.numbers(stepbench.method(method), stepbench.problem(methods.PROBLEMS[0]))
