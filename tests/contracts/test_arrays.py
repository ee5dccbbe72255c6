"""The one text of a method and of a problem runs on torch tensors, and gives NumPy's trace."""

import numpy as np
import pytest

import stepbench
from stepbench.conformance.methods import PROBLEMS
from stepbench.contracts import Oracle
from tests.every_method import EVERY_METHOD, parameters

torch = pytest.importorskip("torch")

NAMED = ("gd", "adam", "idbd:lr=1e-4", "exact:T=1000", "rdbd:lr=1e-4,eta=1e-8", "adaloss:b0=100", "csawg:lr=1e-4")


def trace(problem, method, x, steps):
    oracle = Oracle(problem, horizon=steps, per=method.vector)
    s, points = method.init(x), []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            oracle.advance()
            x, s = method.step(x, oracle, s)
            points.append(x)
    return points, oracle


@pytest.mark.parametrize("problem", [*PROBLEMS, "quadratic:angle=30"])
@pytest.mark.parametrize("method", NAMED)
def test_the_trace_on_tensors_is_numpys(method, problem):
    """Not to the last bit: torch may sum, divide and take roots in another order."""
    problem, method = stepbench.problem(problem), stepbench.method(method)
    x = problem.x0[:, None] + np.array([[0.0, 0.1]])
    ours, numpy_oracle = trace(problem, method, x, 100)
    theirs, torch_oracle = trace(problem, method, torch.tensor(x), 100)
    assert all(isinstance(t, torch.Tensor) and t.dtype == torch.float64 for t in theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.allclose(a, b.numpy(), rtol=1e-10, atol=1e-14, equal_nan=True)
    assert np.array_equal(numpy_oracle.evals, torch_oracle.evals)
    assert np.array_equal(numpy_oracle.fevals, torch_oracle.fevals)


@pytest.mark.parametrize("method", parameters(EVERY_METHOD))
def test_every_method_takes_a_tensor(method):
    """The arithmetic verbs cover every rule, and not only the named ones; so do the Hessian and its products."""
    problem, method = stepbench.problem("quadratic:kappa=5"), stepbench.method(method)
    x = problem.x0[:, None] + np.array([[0.0, 0.1]])
    ours, _ = trace(problem, method, x, 6)
    theirs, _ = trace(problem, method, torch.tensor(x), 6)
    for a, b in zip(ours, theirs, strict=True):
        assert np.allclose(a, b.numpy(), rtol=1e-9, atol=1e-12, equal_nan=True)
