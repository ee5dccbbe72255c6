"""Specs: from text to objects, and every way to get one wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepbench
from stepbench import InputError, catalog
from tests.every_method import EVERY_METHOD


@pytest.mark.one_in(3)
@pytest.mark.parametrize("method", [*EVERY_METHOD, "scipy:bfgs", "scipy:l-bfgs-b,tol=1e-9", "adam:lr=0.02,eps=1e-6"])
def test_a_whole_spec_builds_the_same_method_again(method):
    made = stepbench.method(method)
    again = stepbench.method(made.spec())
    assert again.spec() == made.spec()
    assert [type(p) for p in again.parts] == [type(p) for p in made.parts]


@pytest.mark.parametrize("problem", [*catalog.names("problems"), "quadratic:kappa=30", "mgh/watson:dim=9"])
def test_a_whole_spec_builds_the_same_problem_again(problem):
    made = stepbench.problem(problem)
    assert stepbench.problem(made.spec()) == made
    assert stepbench.problem(str(made)) == made


def test_a_bare_rule_stands_on_the_gradient_and_a_bare_direction_has_a_constant_step():
    assert stepbench.method("rdbd").spec() == stepbench.method("gradient+rdbd").spec()
    assert stepbench.method("adam").spec() == stepbench.method("adam+constant").spec()
    assert str(stepbench.method("gradient+rdbd:eta=0.5")) == "rdbd:eta=0.5"


def test_options_go_to_the_part_that_has_them():
    method = stepbench.method("adam:beta1=0.5+rdbd:eta=1e-6", lr=0.3)
    assert (method.direction.beta1, method.rule.eta, method.rule.lr) == (0.5, 1e-6, 0.3)
    both = stepbench.method("adam:eps=0.1+l4:eps=0.2")
    assert (both.direction.eps, both.rule.eps) == (0.1, 0.2)
    assert stepbench.method("adam+l4", **{"l4.eps": 0.5}).rule.eps == 0.5
    assert stepbench.method("l4-adam:a=0.2").rule.a == 0.2
    assert stepbench.method("rdbd:per=component").per == "component"
    assert stepbench.method("adam+rdbd").direction.beta1 == 0.05
    assert stepbench.method("adam:beta1=0.7+rdbd").direction.beta1 == 0.7
    assert stepbench.method("adaloss:adam").rule.form == "adam"


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_number_survives_a_spec(value):
    method = stepbench.method("gd", lr=value)
    assert stepbench.method(method.spec()).rule.lr == value
    assert stepbench.method(f"adam:lr={value!r}").rule.lr == value


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("adm", r"no method adm \(did you mean adam"),
        ("adam+rdb", r"no method rdb \(did you mean rdbd"),
        ("rosenbrock", "is a problem, not a method"),
        ("adam:bta1=0.5", r"no hyper-parameter bta1 \(did you mean beta1"),
        ("adam:eta=1+rdbd", "adam has no field eta: it is rdbd's"),
        ("adam:beta1=1", r"beta1=1.0 must be a number in \[0, 1\)"),
        ("adam:beta1=nan", "beta1=nan must be a number"),
        ("gd:lr=fast", "lr=fast must be a number"),
        ("gd:lr=0", r"lr=0.0 must be a number in \(0, inf\)"),
        ("gd:lr=inf", "lr=inf must be"),
        ("csawg:K=2.5", "K=2.5 must be an integer"),
        ("csawg:K=0", r"K=0 must be an integer in \[1, inf\)"),
        ("amsgrad:bias=maybe", "must be true or false"),
        ("bb:form=wide", "form=wide must be long or short"),
        ("scipy:simplex", "'simplex' is not an option"),
        ("scipy:solver=simplex", "must be nelder-mead or"),
        ("rdbd+adam", r"is not direction\+rule"),
        ("adam+rdbd+l4", r"is not direction\+rule"),
        ("csawg+rdbd", r"is not direction\+rule"),
        ("adam:", "is not a spec"),
        ("", "is not a spec"),
        ("adam+", "is not a spec"),
        ("adam:lr=1,lr=2", "given twice"),
    ],
)
def test_a_wrong_method_gets_one_line_that_helps(spec, says):
    with pytest.raises(InputError, match=says) as caught:
        stepbench.method(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("rosenbrok", r"no problem rosenbrok \(did you mean rosenbrock"),
        ("adam", "is a method, not a problem"),
        ("rosenbrock:bb=1", r"no field bb \(did you mean b"),
        ("rosenbrock:b=-1", "b=-1.0 must be"),
        ("rosenbrock:dim=1", "dim=1 must be"),
        ("linear-regression:batch=200", "more than the n=100"),
    ],
)
def test_a_wrong_problem_gets_one_line_that_helps(spec, says):
    with pytest.raises(InputError, match=says):
        stepbench.problem(spec)


@pytest.mark.parametrize("thing", [3, None, ["gd"]])
@pytest.mark.parametrize("kind", ["problem", "method"])
def test_what_is_neither_a_spec_nor_an_object_is_refused(kind, thing):
    with pytest.raises(InputError, match=rf"a {kind} is a spec, a file's path, or an object of a class .*; got "):
        getattr(stepbench, kind)(thing)


def test_what_is_given_in_the_wrong_place_or_form_is_named():
    bowl, gd = stepbench.problem("quadratic"), stepbench.method("gd")
    for wrong, says in (
        ((bowl, bowl), "quadratic is a problem, not a method"),
        ((gd, gd), "gd is a method, not a problem"),
        ((type(bowl), gd), r"Quadratic is a class: give an object of it, Quadratic\(\)"),
        ((bowl, type(gd.rule)), r"Constant is a class: give an object of it, Constant\(\)"),
        ((lambda w: w[0] ** 2, gd), "derives from stepbench.Problem; got a function"),
        ((bowl, lambda w: w), "derives from stepbench.StepSize, Direction or Method; got a function"),
    ):
        with pytest.raises(InputError, match=says):
            stepbench.run(*wrong)
