"""A network's run has the same bits alone, in lock-step, after a stop, and in a study."""

import numpy as np
import pytest

import stepbench
from tests.engine.stopping import assert_same, stopped_after
from tests.every_method import DIRECTIONS, RULES, WHOLE, sampled

pytest.importorskip("torch")

import torch

from tests.torch.small_networks import TINY

# Settings for the rules that are slow with their defaults, or that diverge on a network at once.
SETTINGS = {"exact": "N=1,iterations=2", "rdbd": "eta=1e-3", "dbd": "eta=1e-3", "silver": "L=10", "long-steps": "L=10"}


def every_rule():
    for rule in RULES:
        yield f"{rule}:{SETTINGS[rule]}" if rule in SETTINGS else rule
    yield from DIRECTIONS
    yield from (name for name in WHOLE if name not in ("autostep", "idbd", "k1"))
    yield from ("adam+rdbd", "adamloss", "momentum+tlr", "rdbd:per=component,eta=1e-3", "tlr:variant=reference")


EVERY_RULE = [*every_rule()]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("spec", ["gd", "adam", "momentum+rdbd:eta=1e-3", "tlr:K=2", "adaloss", "sls:alpha_max=0.5"])
@pytest.mark.parametrize("problem", [TINY, "digits-cnn"])
def test_a_run_has_the_same_bits_alone_and_in_lock_step(problem, spec):
    key = "beta1" if spec == "adam" else "alpha_max" if "sls" in spec else "eta" if "adaloss" in spec else "lr"
    values = np.array([0.03, 0.1, 0.5, 0.7]) if key != "beta1" else np.array([0.0, 0.5, 0.9, 0.97])
    batch = stepbench.run(problem, stepbench.method(spec, **{key: values}), steps=25)
    for r in range(4):
        assert_same(stepbench.run(problem, stepbench.method(spec, **{key: values[r]}), steps=25), batch[r])


@pytest.mark.slow
def test_lock_step_that_is_asked_for_has_bits_of_its_own_that_hold_beside_any_others():
    problem, plain = f"{TINY},lockstep=always", stepbench.run(TINY, "adam:lr=0.01", steps=25)
    alone = stepbench.run(problem, "adam:lr=0.01", steps=25)
    np.testing.assert_allclose(alone.f, plain.f, rtol=1e-4)
    for rates in ([0.01, 0.02], np.geomspace(0.01, 0.02, 70)):  # fewer than the lanes, and more
        batch = stepbench.run(problem, stepbench.method("adam", lr=np.array(rates)), steps=25)
        assert_same(alone, batch[0])
        assert_same(stepbench.run(problem, stepbench.method("adam", lr=rates[-1]), steps=25), batch[len(rates) - 1])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("batch", [3, 16, 17])
@pytest.mark.parametrize("width", [1, 2, 5, 20, 64])
def test_small_matrices_round_alike_alone_and_in_lock_step(width, batch):
    """Torch itself would multiply a single matrix in another way than several."""
    problem = stepbench.problem(f"digits-mlp:hidden=1,width={width},batch={batch}")
    x = problem.as_points(np.stack([problem.start(seed) for seed in range(7)], axis=1))
    together = problem.draw(0, 1, x)
    f, g = together.f(x), together.grad(x)
    for runs in (slice(0, 1), slice(3, 4), slice(2, 4), slice(4, 7)):
        alone = problem.draw(0, 1, x[:, runs])
        assert torch.equal(alone.f(x[:, runs]), f[runs])
        assert torch.equal(alone.grad(x[:, runs]), g[:, runs])


@pytest.mark.one_in(7)
@pytest.mark.filterwarnings("ignore::stepbench.DivergenceWarning")
@pytest.mark.parametrize("method", sampled(EVERY_RULE, 4))
def test_every_rule_goes_on_bit_for_bit(method, monkeypatch):
    options = {"steps": 12, "every": 4, "seed": 1}
    whole = stepbench.run(TINY, method, **options)
    for after in (3, 4):  # between two records, and at one
        stopped_after(monkeypatch, after, TINY, method, **options, checkpoint="run.npz")
    assert_same(stepbench.run(TINY, method, **options, checkpoint="run.npz"), whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        "adam:lr=0.003",
        "csawg",
        *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("adamloss", "lossgrad")),
    ],
)
def test_the_pendulum_goes_on_in_the_middle_of_its_episodes(method, monkeypatch):
    problem, options = "pendulum:width=4,reuse=4", {"steps": 12, "every": 3}
    whole = stepbench.run(problem, method, **options)
    stopped_after(monkeypatch, 6, problem, method, **options, checkpoint="run.npz")
    assert_same(stepbench.run(problem, method, **options, checkpoint="run.npz"), whole)


@pytest.mark.exhaustive
def test_studies_keep_networks_and_share_them_out():
    over = {"lr": np.geomspace(0.01, 1, 5), "seed": range(2)}
    here = stepbench.sweep(TINY, ["gd", "adam"], over, budget=40, target=1.0, study="here.db")
    with stepbench.Study("two.db", workers=2) as study:
        there = stepbench.sweep(TINY, ["gd", "adam"], over, budget=40, target=1.0, study=study)
    with stepbench.Study("here.db") as study:
        again = stepbench.sweep(TINY, ["gd", "adam"], over, budget=40, target=1.0, study=study)
        assert (study.made, study.reused) == (0, 20)
    for other in (there, again):
        for name in ("status", "evals", "f", "error", "accuracy"):
            np.testing.assert_array_equal(getattr(here.ends, name), getattr(other.ends, name))
    alone = stepbench.run(TINY, stepbench.method("adam", lr=here.axes[0].values[3]), budget=40, target=1.0, seed=1)
    assert here.ends.f[1, 3, 1] == alone.f[-1]
    assert here.ends.accuracy[1, 3, 1] == alone.accuracy[-1]
    assert here.ends.f[1, 3, 0] != here.ends.f[1, 3, 1], "seeds have weights and mini-batches of their own"
    assert "accuracy" in [str(column.header) for column in here.table().columns]


@pytest.mark.slow
def test_networks_are_tuned_and_profiled():
    """The cases are seeds, which weights and mini-batches come from; a setting that is drawn twice is run once."""
    tuning = stepbench.tune(TINY, ["adam", "csawg"], trials=3, cases=2, over=["K=2,3"], budget=30, target=2.0)
    assert [len(tuned.cost) for tuned in tuning.ranked] == [2, 2]
    assert {tuned.setting.get("K") for tuned in tuning.ranked} <= {None, 2, 3}
    found = stepbench.profile(["gd:lr=0.5", "adam:lr=0.01"], [TINY], seeds=2, budget=40, tolerances=[0.5])
    assert found.problems == (f"networks/{TINY} seed 0", f"networks/{TINY} seed 1")


@pytest.mark.slow
def test_the_number_of_threads_is_part_of_what_a_run_is():
    made = [stepbench.sweep(f"{TINY},threads={n}", "gd", {"lr": [0.1]}, budget=9, study="s.db") for n in (1, 2)]
    assert len(made) == 2
    with stepbench.Study("s.db") as study:
        assert len(study.store.settings()) == 2
    before = torch.get_num_threads()
    stepbench.run(f"{TINY},threads=2", "gd", steps=2)
    assert torch.get_num_threads() == before
