"""A result is saved to a file and loaded again."""

import numpy as np
import pytest

import stepbench
from stepbench import InputError


@pytest.mark.parametrize("method", ["csawg", "adam", "scipy:bfgs"])
def test_a_result_saves_and_loads(method, tmp_path):
    r = stepbench.run("rosenbrock:b=10", method, budget=50, seed=2, noise=0.0 if "scipy" in method else 0.1)
    r.save(tmp_path / "run.npz")
    back = stepbench.load(tmp_path / "run.npz")
    for name, value in vars(r).items():
        if name == "problem":
            assert back.problem.spec() == value.spec()
        else:
            assert np.array_equal(
                getattr(back, name), value, equal_nan=isinstance(value, np.ndarray) and value.dtype == float
            ), name
    batch = stepbench.run("rosenbrock", stepbench.method("gd", lr=[1e-4, 1e-3]), budget=50)
    batch.save(tmp_path / "batch.npz")
    assert stepbench.load(tmp_path / "batch.npz").status.tolist() == batch.status.tolist()


def test_a_file_that_is_no_result_is_refused_in_a_line(tmp_path):
    (tmp_path / "no.npz").write_text("no")
    for path, words in (("no.npz", "is not a result that stepbench saved"), ("missing.npz", "cannot be read: No such")):
        with pytest.raises(InputError, match=words):
            stepbench.load(tmp_path / path)


def test_a_result_of_a_problem_of_ones_own_loads_with_it(tmp_path):
    class Own(type(stepbench.problem("quadratic"))):
        """A user's."""

    r = stepbench.run(Own(), "gd", steps=3, seed=np.int64(2), target=np.float32(0.5), budget=np.int64(50))
    r.save(tmp_path / "own.npz")
    with pytest.raises(InputError, match=r"give load\(…, problem=\)"):
        stepbench.load(tmp_path / "own.npz")
    back = stepbench.load(tmp_path / "own.npz", problem=Own())
    assert np.array_equal(back.x, r.x)
    assert (back.seed, back.budget) == (2, 50)
    np.save(tmp_path / "bare.npy", np.ones(3))
    half = (tmp_path / "own.npz").read_bytes()[:300]
    (tmp_path / "half.npz").write_bytes(half)
    np.savez(tmp_path / "facts.npz", facts="{}")
    for name in ("bare.npy", "half.npz", "facts.npz"):
        with pytest.raises(InputError, match="is not a result that stepbench saved"):
            stepbench.load(tmp_path / name)


@pytest.mark.slow
def test_a_run_that_is_picked_of_a_batch_is_called_by_its_own_values(tmp_path):
    """Its name makes the same run again, and so does that of a batch that was saved."""
    rates, betas = np.geomspace(1e-4, 1e-2, 7), np.linspace(0, 0.9, 7)
    batch = stepbench.run("rosenbrock", stepbench.method("adam+rdbd", lr=rates, beta1=betas), budget=30)
    batch.save(tmp_path / "batch.npz")
    for kept in (batch, stepbench.load(tmp_path / "batch.npz")):
        assert {key: values.tolist() for key, values in kept.varied.items()} == {
            "lr": rates.tolist(),
            "beta1": betas.tolist(),
        }
        for r in (0, 3, -1):
            for name in (kept[r].label, kept[r].method):
                alone = stepbench.run("rosenbrock", name, budget=30)
                assert alone.method == kept[r].method
                np.testing.assert_array_equal(alone.x, kept[r].x)
            assert kept[r].label in str(kept[r])
            assert kept[r].label in kept[r].figure().get_suptitle()
            assert not kept[r].varied


def test_parts_that_share_a_hyper_parameter_keep_their_own_values():
    values = {"l4.eps": np.array([1e-8, 1e-3]), "adam.eps": np.array([1e-6, 1e-2])}
    batch = stepbench.run("rosenbrock", stepbench.method("l4-adam", **values), budget=5)
    for r in (0, 1):
        assert batch[r].method == stepbench.method("l4-adam", **{key: value[r] for key, value in values.items()}).spec()
        np.testing.assert_array_equal(stepbench.run("rosenbrock", batch[r].label, budget=5).x, batch[r].x)


def test_the_values_stand_behind_a_label_of_ones_own():
    rates = np.array([1e-4, 0.0371])
    batch = stepbench.run("quadratic:kappa=10", stepbench.method("gd", lr=rates), budget=5, label="mine")
    assert batch[1].label == "mine, lr=0.0371"
    assert stepbench.run("quadratic", "gd", start=np.ones((2, 3)), budget=5)[1].label == "gd"
