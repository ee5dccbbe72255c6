"""Networks with dropout, batch norm, weight decay and augmentation: what a step sees, and the same bits everywhere."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import stepbench
from tests.engine.stopping import assert_same, stopped_after

pytest.importorskip("torch")

import torch
from torch import nn

from stepbench.conformance.networks import CHECKS
from stepbench.contracts import Oracle
from stepbench.fields import InputError
from tests.torch import random_networks
from tests.torch.random_networks import Restless, pictures
from tests.torch.test_own_networks import mine


@pytest.fixture
def restless():
    """A spec of the network, in a file beside the test."""
    shutil.copy(random_networks.FILE, "restless.py")
    return "./restless.py"


# The same bits --------------------------------------------------------------------------------------------------------

METHODS = ["adam:lr=0.01", "sls:alpha_max=0.5", "csawg:K=2", "nesterov:lr=0.05", "exact:N=1,iterations=2"]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("batch", ["16", "none"])
@pytest.mark.parametrize("method", METHODS)
def test_a_run_has_the_same_bits_again(restless, method, batch):
    first = stepbench.run(f"{restless}:batch={batch}", method, steps=7, every=2)
    torch.rand(3)  # what torch's own generators have drawn does not matter
    assert_same(stepbench.run(f"{restless}:batch={batch}", method, steps=7, every=2), first)


@pytest.mark.parametrize("method", ["adam", "sls:alpha_max=0.5"])
def test_each_run_of_a_batch_has_buffers_of_its_own(restless, method):
    key, values = ("lr", [0.01, 0.1, 0.3]) if method == "adam" else ("alpha_max", [0.1, 0.5, 2.0])
    batch = stepbench.run(restless, stepbench.method(method, **{key: np.array(values)}), steps=7, every=3)
    for r, value in enumerate(values):
        assert_same(stepbench.run(restless, stepbench.method(method, **{key: value}), steps=7, every=3), batch[r])


@pytest.mark.slow
@pytest.mark.parametrize("batch", ["16", "none"])
@pytest.mark.parametrize("method", ["adam:lr=0.01", "sls:alpha_max=0.5", "csawg"])
def test_a_stopped_run_goes_on_bit_for_bit(restless, method, batch, monkeypatch):
    problem, options = f"{restless}:batch={batch}", {"steps": 9, "every": 3, "seed": 2}
    whole = stepbench.run(problem, method, **options)
    for after in (4, 6):
        Path("run.npz").unlink(missing_ok=True)
        stopped_after(monkeypatch, after, problem, method, **options, checkpoint="run.npz")
        assert_same(stepbench.run(problem, method, **options, checkpoint="run.npz"), whole)


@pytest.mark.exhaustive
def test_a_study_makes_the_same_runs_on_any_worker(restless):
    over = {"lr": [0.01, 0.1], "seed": range(2)}
    here = stepbench.sweep(restless, "adam", over, budget=12, target=0.5, study="here.db")
    with stepbench.Study("two.db", workers=2) as study:
        there = stepbench.sweep(restless, "adam", over, budget=12, target=0.5, study=study)
    for name in ("f", "accuracy", "gradient_norm"):
        np.testing.assert_array_equal(getattr(here.ends, name), getattr(there.ends, name))
    alone = stepbench.run(restless, stepbench.method("adam", lr=0.1), budget=12, target=0.5, seed=1)
    assert here.ends.f[0, 1, 1] == alone.f[-1]


def test_seeds_have_masks_and_pictures_of_their_own(restless):
    problem = stepbench.problem(restless)
    w = problem.as_points(problem.x0[:, None])
    f = [problem.draw(seed, 1, w).f(w) for seed in (0, 0, 1)]
    assert torch.equal(f[0], f[1])
    assert not torch.equal(f[0], f[2])


# What a step sees -----------------------------------------------------------------------------------------------------


def test_every_question_of_a_step_sees_one_function():
    """The gradient is the derivative of f, which masks drawn anew would hide; the next step has other masks."""
    problem = Restless(batch=None)
    w = problem.as_points(problem.x0[:, None])
    sample, later = (problem.draw(0, step, w) for step in (1, 2))
    assert torch.equal(sample.f(w), sample.f(w.clone()))
    g, h = sample.grad(w), 1e-2
    u = g / g.norm()
    slope = float((sample.f(w + h * u) - sample.f(w - h * u)) / (2 * h))
    assert slope == pytest.approx(float(g.norm()), rel=1e-2)
    assert float(later.f(w)) != pytest.approx(float(sample.f(w)), rel=1e-4)


def test_curvature_sees_the_masks_of_its_step():
    """H v is the derivative of the gradient along v, with dropout, batch norm and weight decay."""
    problem = Dropped(weight_decay=0.1, batch=None)
    w = problem.as_points(problem.x0[:, None])
    sample = problem.draw(0, 1, w)
    v, h = torch.randn(w.shape, generator=torch.Generator().manual_seed(0)), 1e-3
    expected = (sample.grad(w + h * v) - sample.grad(w - h * v)) / (2 * h)
    assert torch.allclose(sample.hvp(w, v), expected, rtol=1e-2, atol=1e-2)
    assert float(sample.f(w)) == pytest.approx(float(Dropped(batch=None).draw(0, 1, w).f(w) + 0.05 * (w * w).sum()))


def test_a_run_is_torchs_own_loop_with_batch_norm_and_weight_decay():
    """SGD by torch with its own weight_decay, train() in steps and eval() when looked at, on the same mini-batches."""
    problem = Normed(weight_decay=0.01)
    module = problem.trained(problem.start(3))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, weight_decay=0.01)
    for step in range(1, 21):
        sample = problem.draw(3, step, None)
        optimizer.zero_grad()
        nn.functional.cross_entropy(module.train()(sample.inputs), sample.targets).backward()
        optimizer.step()
    r = stepbench.run(problem, "gd:lr=0.05", steps=20, seed=3)
    module.eval()
    data = problem.dataset
    optimizer.zero_grad()
    squares = sum((weight**2).sum() for weight in module.parameters())
    loss = nn.functional.cross_entropy(module(data.inputs), data.targets) + 0.005 * squares
    loss.backward()
    assert r.f[-1] == pytest.approx(float(loss.detach()), rel=1e-4)
    norm = torch.cat([weight.grad.reshape(-1) for weight in module.parameters()]).norm()
    assert r.gradient_norm[-1] == pytest.approx(float(norm), rel=1e-3)
    right = (module(data.test_inputs).argmax(1) == data.test_targets).float().mean()
    assert r.accuracy[-1] == pytest.approx(float(right))


def test_dropouts_masks_are_torchs_own_of_the_steps_seed():
    """One step by hand, with torch seeded as the step is."""
    from stepbench.torch.seeding import seed_of

    problem = Dropped()
    module = problem.trained(problem.start(0))
    sample = problem.draw(0, 1, None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(0, 1, 3))
        loss = nn.functional.cross_entropy(module(sample.inputs), sample.targets)
    assert float(sample.f(problem.as_points(problem.x0[:, None]))) == pytest.approx(float(loss.detach()), rel=1e-6)


@pytest.mark.parametrize("method", ["sls:alpha_max=0.5,alpha0=0.5", "gd:lr=0.1", "csawg"])
def test_buffers_move_once_a_step_by_its_first_question(method):
    """The running mean after a step is that of the batch at the step's start; trial points leave nothing."""
    problem, made = Normed(batch=None), stepbench.method(method)
    w = problem.as_points(problem.x0[:, None])
    oracle = Oracle(problem, per=made.vector, horizon=5, carried=problem.carry(0, 1))
    s = made.init(w)
    for step in range(1, 4):
        module = problem.trained(w[:, 0].double().numpy())
        module[1].running_mean.copy_(oracle.carried[:4, 0])
        module(problem.dataset.inputs)
        oracle.advance(w)
        w, s = made.step(w, oracle, s)
        assert oracle.carried[-1] == step, "num_batches_tracked"
        np.testing.assert_allclose(oracle.carried[:4, 0], module[1].running_mean, rtol=1e-5)


class Normed(Restless):
    """A convolution with batch norm, and nothing at random."""

    augment = stepbench.torch.Network.augment

    def module(self):
        """A convolution, batch norm and a linear layer."""
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)
        )


class Dropped(Normed):
    """A smooth perceptron with batch norm and dropout."""

    def module(self):
        """A hidden layer."""
        first = nn.Flatten(), nn.Linear(48, 9), nn.BatchNorm1d(9), nn.Tanh()
        return nn.Sequential(*first, nn.Dropout(0.5), nn.Linear(9, 3))


@pytest.mark.parametrize("kind", [Restless, Normed, Dropped])
def test_the_checks_of_every_network_hold(kind):
    for check in CHECKS[:-1]:
        check(kind())


# What is random without saying so -------------------------------------------------------------------------------------

NOISY = {
    "functional dropout": "nn.functional.dropout(self.a(x), 0.3, training=self.training)",
    "noise": "self.a(x + 0.1 * torch.randn_like(x))",
    "noise in eval() too": "nn.functional.dropout(self.a(x), 0.3)",
    "random depth": "self.a(x) * (torch.rand(()) > 0.2)",
}


LAYER = """
import random

class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 2)

    def forward(self, x):
        return {forward}
"""


@pytest.mark.parametrize("forward", NOISY.values(), ids=NOISY)
def test_what_is_random_without_saying_so_is_seeded(forward):
    spec = mine(module="M()", before=LAYER.format(forward=forward))
    one, other = (stepbench.run(spec, "adam:lr=0.01", epochs=3) for _ in range(2))
    assert_same(one, other)
    assert not stepbench.problem(spec)._habits.steady


def test_random_numbers_that_are_not_torchs_are_refused_in_one_line():
    spec = mine(module="M()", before=LAYER.format(forward="self.a(x) * random.random()"))
    with pytest.raises(InputError, match=r"^\./mine\.py: the same seed and buffers give another loss: draw") as refusal:
        stepbench.run(spec, "gd", epochs=1)
    assert "\n" not in str(refusal.value)


def test_parts_in_eval_are_taken_as_they_are():
    """Frozen batch norm and dropout in eval() are functions of weights and inputs, and nothing changes in a run."""
    layers = "nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)"
    problem = stepbench.problem(mine(module=f"nn.Sequential({layers}).eval()", more="lockstep = 'tried'"))
    assert problem._habits == (False, True)
    assert not problem.trained(problem.x0).training
    partly = stepbench.problem(mine(module=f"nn.Sequential({layers.replace('Dropout(0.5)', 'Dropout(0.5).eval()')})"))
    assert partly._habits == (True, False)
    assert stepbench.run(partly, "gd", epochs=1).status == "budget"


def test_a_batch_that_batch_norm_cannot_take_is_refused_in_one_line():
    with pytest.raises(InputError, match="module and loss do not fit the examples: Expected more than 1 value"):
        stepbench.run(mine(module="nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))") + ":batch=1", "gd", steps=1)


# Data -----------------------------------------------------------------------------------------------------------------


def test_data_sets_and_loaders_are_read_in_order():
    class Loaded(Restless):
        """Pictures by torch's own classes."""

        def examples(self):
            """A set, and a loader that would mix and cut it."""
            inputs, targets, test_inputs, test_targets = pictures()
            data = torch.utils.data
            tests = data.DataLoader(data.TensorDataset(test_inputs, test_targets), 7, shuffle=True, drop_last=True)
            return data.TensorDataset(inputs.double(), targets), tests

    for read, given in zip(Loaded().dataset, pictures(), strict=True):
        assert torch.equal(read, given)


NAN = float("nan")


class Endless(torch.utils.data.IterableDataset):
    """A stream."""

    def __iter__(self):
        """Ones, for ever."""
        while True:
            yield torch.ones(3), 1


class Uneven(torch.utils.data.Dataset):
    """Examples of different shapes."""

    def __len__(self):
        """Three."""
        return 3

    def __getitem__(self, i):
        """So many ones."""
        return torch.ones(i + 1), 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([0, 1], "examples must give Examples of four tensors"),
        (Uneven(), "examples gives one data set: give two"),
        ((Uneven(), Uneven()), "training data must give pairs .* that stack to tensors: stack expects each tensor"),
        ((Endless(), Endless()), "training data has no length, and may have no end"),
        ((torch.utils.data.TensorDataset(torch.ones(5)),) * 2, "training data must give pairs"),
        ((torch.utils.data.TensorDataset(torch.ones(0), torch.ones(0)),) * 2, "training data is empty"),
        ((torch.full((1, 2), NAN), torch.ones(1), torch.ones(1, 2), torch.ones(1)), "training inputs are not finite"),
        ((torch.ones(1, 2), torch.ones(1), torch.ones(1, 2), torch.full((1,), NAN)), "test targets are not finite"),
    ],
)
def test_data_that_cannot_be_read_is_refused_in_one_line(given, words):
    class Wrong(Restless):
        """Wrong data."""

        def examples(self):
            """What is wrong."""
            return given

    with pytest.raises(InputError, match=words) as refusal:
        _ = Wrong().dataset
    assert "\n" not in str(refusal.value)


def test_data_that_does_not_fit_into_memory_is_refused(monkeypatch):
    from stepbench.torch import examples

    monkeypatch.setattr(examples, "_free_memory", lambda: 1000)
    given = torch.utils.data.TensorDataset(torch.ones(500, 2), torch.ones(500))
    with pytest.raises(InputError, match="training data does not fit into memory"):
        examples.read("x", (given, given))


def test_a_module_may_take_several_inputs():
    """A network of two inputs is the one of both side by side, with a block of its matrix each."""

    @dataclass(frozen=True)
    class Two(Normed):
        """A line for each of two inputs."""

        lockstep = "tried"

        def module(self):
            class Both(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.a, self.b = nn.Linear(30, 3), nn.Linear(18, 3, bias=False)

                def forward(self, x, z):
                    return self.a(x) + self.b(z)

            return Both()

        def examples(self):
            inputs, targets, tests, test_targets = pictures()
            (x, z), (tx, tz) = (part.flatten(1).split([30, 18], 1) for part in (inputs, tests))
            return stepbench.torch.Examples((x, z), targets, (tx, tz), test_targets)

    problem = Two()
    w = problem.as_points(problem.x0[:, None])
    A, bias, B = (part.view(3, -1) for part in w[:, 0].split(problem.tensors))
    data = pictures()
    outputs = data.inputs.flatten(1) @ torch.cat([A, B], 1).T + bias[:, 0]
    assert float(problem.f(w)) == pytest.approx(float(nn.functional.cross_entropy(outputs, data.targets)), rel=1e-5)
    for check in CHECKS[:-1]:
        check(problem)
    r = stepbench.run(problem, "adam:lr=0.01", epochs=9)
    assert r.f[-1] < r.f[0]


def test_a_loss_with_weights_of_its_own_is_computed_in_double_too():
    more = "def loss(self, o, t): return nn.functional.cross_entropy(o, t, weight=torch.tensor([1.0, 3.0]))"
    problem = stepbench.problem(mine(more=more))
    w = problem.x0[:, None] + 0.1
    module = problem.trained(w[:, 0]).double()
    data = problem.dataset
    with torch.no_grad():
        weight = torch.tensor([1.0, 3.0]).double()
        expected = nn.functional.cross_entropy(module(data.inputs.double()), data.targets, weight=weight)
    assert problem.f(w)[0] == pytest.approx(float(expected), rel=1e-6)
    CHECKS[1](problem)


def test_regression_has_no_accuracy():
    real = "Examples(x[::2], x[::2].sum(1, keepdim=True), x[1::2], x[1::2].sum(1, keepdim=True))"
    squares = "def loss(self, o, t): return ((o - t) ** 2).mean()"
    spec = mine(module="nn.Linear(3, 1)", examples=real, more=squares)
    r = stepbench.run(spec, "adam:lr=0.1", epochs=20)
    assert r.accuracy is None
    assert r.f[-1] < 0.1 * r.f[0]
    assert "accuracy" not in str(r)
    assert stepbench.sweep(spec, "adam", {"lr": [0.1]}, budget=6, target=1.0).ends.f.shape == (1, 1)
