"""Fields: which may be arrays, and the precision in which they are held."""

import numpy as np
import pytest

import stepbench
from stepbench import InputError


def test_an_array_where_a_structural_field_stands_is_refused():
    with pytest.raises(InputError, match="K is structural and takes one number, not an array"):
        stepbench.method("csawg", K=[2, 5])
    with pytest.raises(InputError, match="kappa is structural"):
        stepbench.problem("quadratic", kappa=np.array([1.0, 2.0]))
    with pytest.raises(InputError, match="lr=nan"):
        stepbench.method("gd", lr=[0.1, float("nan")])
    with pytest.raises(InputError, match="1-D array"):
        stepbench.method("gd", lr=np.ones((2, 2)))


@pytest.mark.parametrize("value", [np.float32(0.25), np.int64(1), 1, "0.5", [0.25, 0.5]])
def test_a_hyper_parameter_is_held_in_double_precision(value):
    lr = stepbench.method("gd", lr=value).rule.lr
    assert isinstance(lr, float) or lr.dtype == np.float64
    assert type(stepbench.method("csawg", K=np.int64(3)).K) is int
