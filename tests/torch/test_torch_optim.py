"""Against torch.optim: its optimizers, its schedulers, and its manners."""

import pytest

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import Optimizer
from tests.torch.training import closure_of, network, refused, train, vector

pytestmark = pytest.mark.usefixtures("one_thread")

TORCHS = {
    "gd:lr=0.1": ("SGD", {"lr": 0.1}),
    "momentum:lr=0.05": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "heavy-ball:lr=0.05": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "rmsprop:lr=0.001": ("RMSprop", {"lr": 0.001}),
    "adam:lr=0.001": ("Adam", {"lr": 0.001}),
    "amsgrad:lr=0.001,bias=true": ("Adam", {"lr": 0.001, "amsgrad": True}),
    "adagrad:lr=0.01": ("Adagrad", {"lr": 0.01}),
    "adamax:lr=0.002": ("Adamax", {"lr": 0.002, "eps": 1e-30}),  # ours has no ε
    "nadam:lr=0.002,variant=reference": ("NAdam", {"lr": 0.002}),
}


@pytest.mark.one_in(5)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 5e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("spec", TORCHS)
def test_a_network_goes_the_way_of_torchs_optimizer(spec, dtype, tolerance, digits):
    """A hundred steps; the tolerance is a part of the largest weight.

    In float32 Adam and the like are 1e-6 to 4e-6 apart: where a pixel is nearly always 0, they divide by the root of
    rounded squares. In float64 that vanishes, except for torch's NAdam, which keeps a product of its μ in float32.
    """
    name, options = TORCHS[spec]
    ours, theirs = network(dtype), network(dtype)
    start = vector(ours)
    a = train(ours, Optimizer(ours.parameters(), spec), digits, 100)
    b = train(theirs, getattr(torch.optim, name)(theirs.parameters(), **options), digits, 100)
    assert (b - start).abs().max() > 0.01
    tolerance = max(tolerance, 5e-9) if name == "NAdam" else tolerance
    assert (a - b).abs().max() <= tolerance * b.abs().max()


SCHEDULERS = {
    "StepLR": lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5),
    "LambdaLR": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
    "OneCycleLR": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.05, total_steps=40, cycle_momentum=False),
}


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("spec", ["gd:lr=0.1", "momentum:lr=0.05", "adam:lr=0.001"])
def test_torchs_schedulers_set_a_constant_step_size(spec, scheduler, digits):
    name, options = TORCHS[spec]
    ends = []
    for make in (
        lambda net: Optimizer(net.parameters(), spec),
        lambda net: getattr(torch.optim, name)(net.parameters(), **options),
    ):
        net = network(torch.float64)
        optimizer = make(net)
        ends.append(train(net, optimizer, digits, 30, each=SCHEDULERS[scheduler](optimizer).step))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


def test_a_scheduler_is_refused_by_a_method_that_sets_its_own_step_size(digits):
    net = network()
    optimizer = Optimizer(net.parameters(), "rdbd")
    scheduler = SCHEDULERS["StepLR"](optimizer)  # at its start it sets lr to the value that it has
    train(net, optimizer, digits, 7, each=scheduler.step)
    before = vector(net)
    with refused("rdbd sets its own step size, from its first lr=0.005 on: lr=0.0025 cannot be set"):
        train(net, optimizer, digits, 1)
    assert torch.equal(vector(net), before)


def test_a_tensor_may_be_the_lr(digits):
    ends = []
    for lr in (0.1, torch.tensor(0.1, dtype=torch.float64)):
        net = network()
        optimizer = Optimizer(net.parameters(), "gd")
        optimizer.param_groups[0]["lr"] = lr
        ends.append(train(net, optimizer, digits, 10, each=SCHEDULERS["LambdaLR"](optimizer).step))
    assert torch.equal(*ends)


@pytest.mark.parametrize("spec", ["gd:lr=0.1", "adam:lr=0.1", "heavy-ball:lr=0.1"])
@pytest.mark.parametrize("schedule", ["warm-up", "cosine", "polynomial"])
def test_a_scheduler_may_set_a_step_size_of_nothing(spec, schedule):
    w = torch.ones(3, requires_grad=True)
    optimizer = Optimizer([w], spec)
    scheduler = {
        "warm-up": lambda: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: min(1, epoch / 5)),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5),
        "polynomial": lambda: torch.optim.lr_scheduler.PolynomialLR(optimizer, 5),
    }[schedule]()
    for _ in range(8):
        lr, before = optimizer.param_groups[0]["lr"], w.detach().clone()
        w.grad = torch.ones(3)
        optimizer.step()
        scheduler.step()
        if spec != "heavy-ball:lr=0.1":
            assert torch.equal(w, before) == (lr == 0)
    assert not torch.equal(w, torch.ones(3))


def test_gradients_are_clipped_before(digits):
    ends = []
    for make in (
        lambda net: Optimizer(net.parameters(), "momentum:lr=0.1"),
        lambda net: torch.optim.SGD(net.parameters(), 0.1, 0.9),
    ):
        net = network(torch.float64)
        optimizer = make(net)
        for _ in range(10):
            closure_of(optimizer, lambda net=net: net(digits[0].double()).square().mean())()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            optimizer.step()
        ends.append(vector(net))
    assert torch.allclose(*ends, rtol=0, atol=1e-13)


@pytest.mark.parametrize("spec", ["adam", "rdbd"])
def test_a_grad_scaler_stands_in_front(spec, digits):
    """Powers of two scale without rounding; a step that overflows is skipped by the scaler, in silence."""
    scaled, plain = network(), network()
    optimizers = Optimizer(scaled.parameters(), spec), Optimizer(plain.parameters(), spec)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=1000)
    for k in range(6):
        for net, optimizer in zip((scaled, plain), optimizers, strict=True):
            optimizer.zero_grad()
            loss = net(digits[0]).square().mean()
            (scaler.scale(loss) if net is scaled else loss).backward()
        before = vector(scaled)
        if k == 2:
            scaled[0].weight.grad[0, 0] = torch.inf
        scaler.step(optimizers[0])
        scaler.update()
        if k == 2:
            assert torch.equal(vector(scaled), before)
            assert scaler.get_scale() == 2.0**9
            continue
        optimizers[1].step()
        torch.nn.utils.vector_to_parameters(vector(scaled), plain.parameters())
    assert optimizers[0].evals == optimizers[1].evals == 5
