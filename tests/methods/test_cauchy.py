"""Exact line search on the quadratic model: steps worked out by hand, and where the model has no minimum."""

import numpy as np

import stepbench


def test_two_steps_by_hand():
    """f = ½ (3 w₁² + w₂²) from (1, 3): g = (3, 3), ⟨g, g⟩ = 18 and ⟨g, Qg⟩ = 36, so that α = ½; and again ½."""
    r = stepbench.run("quadratic:kappa=3", "cauchy", steps=2, start=[1, 3])
    np.testing.assert_allclose(r.step_size[1:], [0.5, 0.5], rtol=1e-15)
    np.testing.assert_allclose(r.x, [[1, 3], [-0.5, 1.5], [0.25, 0.75]], rtol=1e-15)
    assert r.evals.tolist() == [0, 2, 4]  # a gradient and a Hessian-vector product each


def test_where_the_model_has_no_minimum_the_last_step_size_is_kept():
    """On w₁² − w₂² the curvature along the gradient is 8 (w₁² − w₂²): negative from (0.1, 1) on."""
    r = stepbench.run("gallery/saddle", "cauchy:lr=0.25", steps=3, start=[0.1, 1])
    np.testing.assert_array_equal(r.step_size[1:], [0.25] * 3)
