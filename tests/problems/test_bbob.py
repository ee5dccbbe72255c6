"""The functions of BBOB: against COCO's own suite, and what the bench claims of them."""

import importlib.metadata
import importlib.util
import sys

import numpy as np
import pytest

import stepbench
from stepbench import InputError, catalog, problem, run

installed = pytest.mark.skipif(importlib.util.find_spec("cocoex") is None, reason="coco-experiment is not installed")


@installed
def test_f_its_start_and_its_minimum_are_those_of_cocos_suite():
    import cocoex

    theirs = cocoex.Suite("bbob", "instances:1-2", "dimensions:3")
    assert len(theirs) == 2 * len(catalog.suite("bbob"))
    w = np.random.default_rng(0).uniform(-6, 6, (3, 5))
    for one in theirs:
        p = problem(f"bbob/f{one.id_function}", dim=3, instance=one.id_instance)
        np.testing.assert_array_equal(p.f(w), [one(w[:, r]) for r in range(5)], err_msg=str(p))
        np.testing.assert_array_equal(p.x0, one.initial_solution)
        assert one(p.x_star) == pytest.approx(p.f_star, abs=1e-9)
        assert (p.f(w) >= p.f_star).all()
        assert not one.final_target_hit or one(p.x_star) - p.f_star < 1e-8


@installed
def test_gradients_by_differences_are_those_of_the_formulas():
    w = np.random.default_rng(1).uniform(-4, 4, (3, 6))
    sphere = problem("bbob/f1:dim=3,instance=5")
    np.testing.assert_allclose(sphere.grad(w), 2 * (w - sphere.x_star[:, None]), rtol=1e-8)
    # The Rosenbrock function of z = w − w* + 1, for three parameters.
    valley = problem("bbob/f8:dim=3")
    z = w - valley.x_star[:, None] + 1
    steep = z[:-1] ** 2 - z[1:]
    g = np.zeros_like(z)
    g[:-1] += 400 * z[:-1] * steep + 2 * (z[:-1] - 1)
    g[1:] -= 200 * steep
    np.testing.assert_allclose(valley.grad(w), g, rtol=1e-8, atol=1e-6)
    assert sphere.derived == ("grad", "hessian")
    assert sphere.derivation("grad").startswith("central differences")


@installed
def test_a_batch_has_the_bits_of_lone_runs():
    lrs = np.array([1e-4, 1e-3, 1e-2])
    many = run("bbob/f15:dim=3", stepbench.method("gd", lr=lrs), budget=20)
    for k, lr in enumerate(lrs):
        np.testing.assert_array_equal(run("bbob/f15:dim=3", f"gd:lr={lr}", budget=20).x, many.x[..., k])


@installed
def test_the_command_finds_names_and_says_what_it_derived(stepbench_cli):
    code, out, err = stepbench_cli("run", "bbob/f1:instance=1", "-m", "gd:lr=0.1", "--target", "1e-6")
    assert (code, err) == (0, "")
    assert "converged" in out
    assert "central differences" in out
    p = problem("bbob/F8:instance=3,dim=5")
    assert (p.name, p.x0.size, p.libraries) == (
        "bbob/f8",
        5,
        {"coco-experiment": importlib.metadata.version("coco-experiment")},
    )
    assert catalog.is_rebuilt(p)
    with pytest.raises(InputError, match="did you mean bbob/f5"):
        problem("bbob/f25")
    assert stepbench_cli("list", "--suite", "bbob")[0] == 0


def test_without_the_wheel_one_line_says_what_to_install(monkeypatch, stepbench_cli):
    def missing(package):
        raise importlib.metadata.PackageNotFoundError

    catalog.suites()
    module = sys.modules["stepbench.problems.bbob"]
    monkeypatch.setattr(module, "version", missing)
    for args in (["list", "--suite", "bbob"], ["run", "bbob/f1", "-m", "gd"]):
        code, _, err = stepbench_cli(*args)
        assert code == 2
        assert err.count("\n") == 1
        assert 'pip install "stepbench[suites]"' in err
