"""Logistic and ridge regression on files in LIBSVM's format."""

from pathlib import Path

import numpy as np
import pytest

from stepbench import InputError, problem, run

FILE = "1 1:0.5 3:2\n-1 2:1\n1 1:1 2:-1\n-1 3:-1\n"
X = np.array([[0.5, 0, 2], [0, 1, 0], [1, -1, 0], [0, 0, -1]])
T = np.array([1, -1, 1, -1])


@pytest.fixture
def file():
    pytest.importorskip("sklearn")
    Path("some.svm").write_text(FILE)
    return "some.svm"


def test_the_functions_are_those_of_the_formulas(file):
    w = np.random.default_rng(0).normal(size=(3, 4))
    logistic, ridge = (problem(f"{name}:data={file},lam=0.1") for name in ("logistic", "ridge"))
    for r in range(4):
        margins, square = T * (X @ w[:, r]), 0.05 * (w[:, r] ** 2).sum()
        assert logistic.f(w)[r] == pytest.approx(np.log(1 + np.exp(-margins)).mean() + square)
        assert ridge.f(w)[r] == pytest.approx(((X @ w[:, r] - T) ** 2).mean() / 2 + square)


@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_the_minimum_and_the_constants_are_right(name, file):
    p = problem(f"{name}:data={file},lam=0.1")
    at = np.repeat(p.x_star[:, None], 2, axis=1)
    np.testing.assert_allclose(p.grad(at), 0, atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(p.hessian(at)[..., 0])
    assert p.mu * (1 - 1e-12) <= eigenvalues[0]
    assert eigenvalues[-1] <= p.L * (1 + 1e-12)


@pytest.mark.parametrize("name", ["logistic", "ridge"])
def test_mini_batches_average_to_the_whole(name, file):
    import itertools

    p = problem(f"{name}:data={file},batch=2")
    w = np.random.default_rng(0).normal(size=(3, 4))
    means = np.mean([p.subset(np.array(pair)).grad(w) for pair in itertools.combinations(range(4), 2)], axis=0)
    np.testing.assert_allclose(means, p.grad(w), rtol=1e-12)
    assert p.fraction == 0.5
    assert run(p, "gd:lr=0.1", epochs=5).evals[-1] == 10


def test_logistic_regression_on_a_file_is_scikit_learns(file):
    from sklearn.linear_model import LogisticRegression

    theirs = LogisticRegression(C=1 / (4 * 0.1), fit_intercept=False, tol=1e-10).fit(X, T)
    np.testing.assert_allclose(problem(f"logistic:data={file},lam=0.1").x_star, theirs.coef_[0], atol=1e-5)


def test_a_changed_file_is_another_run(file):
    before = problem(f"ridge:data={file}").libraries
    Path(file).write_text(FILE + "1 1:3\n")
    assert problem(f"ridge:data={file}").libraries != before


@pytest.mark.parametrize(
    ("content", "spec", "says"),
    [
        (None, "ridge:data=none.svm", "none.svm cannot be read: No such file"),
        ("a b c\n", "ridge:data=some.svm", "is not in LIBSVM's format"),
        ("", "ridge:data=some.svm", "some.svm"),
        ("1 1:1\n2 1:1\n3 1:2\n", "logistic:data=some.svm", "has 3 labels"),
        ("1 1:nan\n2 1:1\n", "ridge:data=some.svm", "not finite"),
        (FILE, "ridge:data=some.svm,batch=9", "more than the 4 examples"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_in_one_line(content, spec, says):
    pytest.importorskip("sklearn")
    if content is not None:
        Path("some.svm").write_text(content)
    with pytest.raises(InputError, match=says) as error:
        run(spec, "gd", budget=3)
    assert "\n" not in str(error.value)


def test_without_a_file_there_are_two_clouds():
    assert run("logistic", "bb", budget=200).error[-1] < 1e-6
    assert problem("ridge").x_star == pytest.approx([0.32, 0.32], abs=0.02)
