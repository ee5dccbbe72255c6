"""Derivatives that nobody wrote down: against closed forms, and where each way must not be trusted."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepbench import Problem, run
from stepbench.derivatives import central_differences, complex_step, derived

fifty = settings(deadline=None, max_examples=50, derandomize=True)
seeds = st.integers(0, 10_000)


def points(seed, d=3, R=5, reach=3.0):
    return np.random.default_rng(seed).uniform(-reach, reach, (d, R))


def smooth(x):
    return np.sin(x[0] * x[1]) * np.exp(-x[2]) + np.sqrt(1 + x[0] * x[0])


def its_gradient(x):
    a, b, c = x
    e, s = np.exp(-c), np.sqrt(1 + a * a)
    return np.stack([b * np.cos(a * b) * e + a / s, a * np.cos(a * b) * e, -np.sin(a * b) * e])


@fifty
@given(seeds)
def test_the_complex_step_is_exact_to_rounding(seed):
    x = points(seed)
    g = its_gradient(x)
    np.testing.assert_allclose(complex_step(smooth, x), g, rtol=1e-13, atol=1e-13 * np.abs(g).max())


@fifty
@given(seeds)
def test_central_differences_are_good_to_a_part_in_a_billion(seed):
    x = points(seed)
    g = its_gradient(x)
    np.testing.assert_allclose(central_differences(smooth, x), g, rtol=1e-8, atol=1e-8 * np.abs(g).max())


@pytest.mark.parametrize("way", [complex_step, central_differences])
def test_the_derivative_of_a_vector_is_its_jacobian(way):
    x, A = points(0, d=4), points(1, d=6, R=4)
    J = way(lambda z: np.einsum("mi,ir->mr", A, z * z), x)
    assert J.shape == (6, 4, 5)
    np.testing.assert_allclose(J, 2 * A[:, :, None] * x[None], rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("way", [complex_step, central_differences])
@pytest.mark.parametrize("d", [3, 200])
def test_a_point_has_the_same_derivative_in_every_batch(way, d):
    def f(x):
        return (np.sin(x) * x).sum(0)

    x = points(2, d=d, R=64)
    whole = way(f, x)
    for part in ([0, 0], [5, 9, 11], list(range(64))[::3]):
        np.testing.assert_array_equal(way(f, x[:, part]), whole[..., part])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.abs(x).sum(0),
        lambda x: np.sqrt((np.abs(x) ** 2).sum(0)),
        lambda x: np.linalg.norm(x, axis=0) ** 2,
        lambda x: (x.real**2).sum(0),
        lambda x: (x * np.conj(x)).real.sum(0),
        lambda x: np.array([float(v) ** 2 for v in x[0]]),  # no complex numbers at all
        lambda x: np.where(x[0] > 0, np.abs(x[1]), x[1] ** 2),  # in a part of the plane only
        lambda x: np.where(np.abs(x) < 30, x * x / 2, 30 * np.abs(x) - 450).sum(0),  # far away only
    ],
)
def test_what_is_not_analytic_is_differenced(f):
    assert derived(f, np.array([0.3, 0.2])) is central_differences
    x = points(3, d=2) + 0.01
    x[:, 0] = 0.7, -0.4
    p = type("P", (Problem,), {"x0": (0.3, 0.2), "f": lambda self, x: f(x)})()
    h = 1e-5
    for i in range(2):
        e = np.zeros((2, 1))
        e[i] = h
        np.testing.assert_allclose(p.grad(x)[i], (f(x + e) - f(x - e)) / (2 * h), rtol=1e-5, atol=1e-5)
    assert p.derivation("grad") == "central differences"


@pytest.mark.parametrize(
    "f",
    [
        smooth,
        lambda x: np.where(x[0] > 0, x[0] ** 3, x[1]),
        lambda x: np.maximum(x, 0).sum(0),
        lambda x: np.log(1 + x[0] ** 2) + x[1] / (2 + np.cos(x[2])),
        lambda x: 1e10 + (x * x).sum(0),  # whose differences are rounded away
        lambda x: np.sin(30 * x).sum(0),  # which oscillates between the points of a difference
    ],
)
def test_what_is_analytic_between_its_kinks_takes_the_complex_step(f):
    assert derived(f, np.array([0.3, -0.2, 0.1])) is complex_step


def test_a_function_that_refuses_far_points_is_not_asked_there():
    def f(x):
        if np.abs(x).max() > 5:
            raise ValueError("out of the domain")
        return (x * x).sum(0)

    assert derived(f, np.array([0.3, 0.2])) is complex_step
    with pytest.raises(ValueError, match="out of the domain"):
        derived(f, np.array([7.0, 0.2]))


def test_the_derived_hessian_is_the_derivative_of_the_given_gradient():
    p = type(
        "P", (Problem,), {"x0": (0.3, -0.2, 0.1), "f": lambda _, x: smooth(x), "grad": lambda _, x: its_gradient(x)}
    )()
    H = p.hessian(points(4))
    np.testing.assert_allclose(H, H.transpose(1, 0, 2), rtol=1e-12, atol=1e-12)
    a, b, c = points(4)
    np.testing.assert_allclose(H[1, 1], -a * a * np.sin(a * b) * np.exp(-c), rtol=1e-12, atol=1e-12)
    assert p.derived == ("hessian",)
    assert p.conditioning is None


def test_warnings_and_threads_are_left_as_they_were():
    before = list(warnings.filters)

    class Talks(Problem):
        x0 = (1.0, 2.0)

        def f(self, x):
            warnings.warn("my own note", stacklevel=1)
            return np.abs(x).sum(0)

    with pytest.warns(UserWarning, match="my own note"):
        run(Talks(), "gd", budget=3)
    quiet = type("Quiet", (Problem,), {"x0": (1.0, 2.0), "f": lambda self, x: np.abs(x).sum(0)})
    errors = []

    def work():
        try:
            for _ in range(10):
                run(quiet(), "gd", budget=3)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [entry for entry in warnings.filters if entry[0] == "error"] == [e for e in before if e[0] == "error"]


def test_a_right_gradient_beside_a_large_constant_is_not_refused():
    fields = {"x0": (1.0, 2.0), "f": lambda self, x: 1e10 + (x * x).sum(0), "grad": lambda self, x: 2 * x}
    assert run(type("High", (Problem,), fields)(), "gd:lr=0.1", budget=100).gradient_norm[-1] < 1e-8
    fields["f"] = lambda self, x: 1e10 + np.abs(x * x).sum(0)
    run(type("HighAndRough", (Problem,), fields)(), "gd:lr=0.1", budget=10)
