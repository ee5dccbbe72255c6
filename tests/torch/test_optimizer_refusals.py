"""What an optimizer refuses, in one line."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import Optimizer
from tests.torch.training import ONE, closure_of, refused

pytestmark = pytest.mark.usefixtures("one_thread")

REFUSED = {
    ("scipy:bfgs",): "scipy:bfgs owns its loop: a training loop takes a method of steps",
    ("torch:Adam",): "torch:Adam takes a run's parameters as one vector, and a network's tensors have shapes: train",
    ("idbd",): "idbd needs the Hessian's diagonal, which a training loop does not give",
    ("polyak",): "polyak needs the minimum f*: give it as polyak:f_star=0",
    ("adam+sps:c=0.2",): "adam+sps needs the minimum f*: give it as adam+sps:c=0.2,f_star=0",
    ("cosine",): "cosine needs the number of steps: give horizon= or T",
    ("adam+exact:f_star=0",): "adam+exact needs the number of steps: give horizon= or T",
    ("adma",): "no method adma (did you mean",
    ("adam:lr=-1",): "constant: lr=-1.0 must be a number in (0, inf)",
    ("adam", "batches", 0): "batches=0 must be an integer in [1, inf)",
    ("adam", "horizon", 0.5): "horizon=0.5 must be an integer in [1, inf)",
    ("adam", "nonfinite", "skip"): "nonfinite=skip must be refuse or raise",
}


@pytest.mark.parametrize("given", REFUSED)
def test_what_cannot_be_run_is_refused_in_one_line(given):
    spec, *option = given
    with refused(REFUSED[given]):
        Optimizer(ONE, spec, **dict([option] if option else []))


def test_schedules_take_their_horizon_from_either():
    for make in (lambda: Optimizer(ONE, "cosine:T=4"), lambda: Optimizer(ONE, "cosine", horizon=4)):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = make()
        optimizer.add_param_group({"params": [w], "lr": 1.0})
        seen = []
        for _ in range(5):
            w.grad, before = torch.ones_like(w), w.item()
            optimizer.step()
            seen.append(before - w.item())
        assert seen == pytest.approx([(1 + np.cos(np.pi * k / 4)) / 2 for k in range(5)], abs=1e-15)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"lrr": 0.1}, "adam has no hyper-parameter lrr (did you mean lr"),
        ({"lr": -0.1}, "constant: lr=-0.1 must be a number in (0, inf)"),
        ({"lr": torch.tensor([0.1, 0.2])}, "lr is a tensor of shape (2,), and must be one number"),
        ({"lr": np.array([0.1, 0.2])}, "adam: lr must be one number: an optimizer is one run"),
        ({"beta1": torch.tensor(1.5)}, "adam: beta1=1.5 must be a number in [0, 1)"),
    ],
)
def test_a_group_says_only_what_the_method_has(group, words):
    w = torch.ones(2, requires_grad=True)
    with refused(words):
        Optimizer([{"params": [w]} | group], "adam")
    optimizer = Optimizer(ONE, "adam")
    with refused(words):
        optimizer.add_param_group({"params": [w]} | group)
    assert len(optimizer.param_groups) == 1
    w.grad = torch.ones(2)
    optimizer.add_param_group({"params": [w], "lr": 0.5, "name": "head"})
    optimizer.step()
    assert torch.allclose(w, torch.tensor(0.5))


@pytest.mark.parametrize(
    ("spec", "key", "value", "words"),
    [
        ("bb", "form", "short", "form is structural: it cannot change from long to short after the first step"),
        ("adam", "beta1", 1.0, "adam: beta1=1.0 must be a number in [0, 1)"),
        ("rdbd", "per", "run", "rdbd must have one and the same per in every group"),
    ],
)
def test_a_group_changed_on_the_way_is_looked_at(spec, key, value, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], spec)
    w.grad = torch.ones(2)
    optimizer.step()
    optimizer.param_groups[0][key] = value
    before = w.detach().clone()
    with refused(words):
        optimizer.step()
    assert torch.equal(w, before)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("adaloss", "adaloss needs the loss: call step(closure)"),
        ("l4:per=tensor", "l4:per=tensor"),
        ("l4-adam", "adam+l4 needs the loss: call step(closure)"),
        ("nesterov", "nesterov needs gradients at other points: call step(closure)"),
        ("csawg", "csawg needs gradients at other points: call step(closure)"),
    ],
)
def test_a_closure_is_asked_for_where_it_is_needed(spec, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], spec)
    w.grad = torch.ones(2)
    with refused(words if spec != "l4:per=tensor" else "l4 needs the loss: call step(closure)"):
        optimizer.step()
    assert torch.equal(w, torch.ones(2))
    assert optimizer.step(closure_of(optimizer, lambda: (w**2).sum())).item() == 2.0


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb"])
def test_sparse_gradients_and_complex_parameters_are_refused(spec):
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = Optimizer(table.named_parameters(), spec)
    with refused("weight has a sparse gradient: methods take dense ones"):
        optimizer.step(closure_of(optimizer, lambda: table(torch.tensor([1, 2])).sum()))
    optimizer = Optimizer(ONE, spec)
    with refused("parameter 1, of shape (2,), is complex"):
        optimizer.add_param_group({"params": [torch.ones(2, dtype=torch.complex64)]})
    assert len(optimizer.param_groups) == 1


def test_it_is_shown_with_its_method():
    assert repr(Optimizer(ONE, "adam")).startswith("Optimizer adam+constant (\nParameter Group 0\n    beta1: 0.9\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((1, 2), "the closure must return the loss, one number"),
        ({"loss": 1.0}, "the closure must return the loss, one number"),
        (1 + 2j, "the closure must return the loss, one number"),
    ],
)
def test_a_closure_that_returns_no_loss_is_told_so(answer, words):
    w = torch.ones(2, requires_grad=True)
    optimizer = Optimizer([w], "sls")

    def closure():
        w.grad = 2 * w.detach()
        return answer

    with refused(words):
        optimizer.step(closure)
    assert torch.equal(w, torch.ones(2))
