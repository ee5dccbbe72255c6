"""Parameter groups and tensors: which are moved together, and which alone."""

import pytest

import stepbench
from stepbench import contracts

pytest.importorskip("torch")

import torch
from torch.nn.functional import cross_entropy

from stepbench.torch.optimizer import Optimizer
from tests.torch.training import closure_of, network, refused, tensors, train, vector

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("spec", ["adam", "rdbd", "momentum+tlr:K=3"])
def test_two_groups_are_two_optimizers(spec, digits):
    """Each group has hyper-parameters of its own. Both optimizers take the gradients of one backward()."""
    x, y = digits

    def run(*make):
        net = network()
        optimizers = [one(net) for one in make]
        for _ in range(20):
            net.zero_grad()
            cross_entropy(net(x), y).backward()
            for optimizer in optimizers:
                optimizer.step()
        return vector(net)

    one = run(lambda n: Optimizer([{"params": n[0].parameters(), "lr": 0.01}, {"params": n[2].parameters()}], spec))
    lr = {"lr": 0.01}
    two = run(
        lambda n: Optimizer(n[0].parameters(), stepbench.method(spec, **lr)),
        lambda n: Optimizer(n[2].parameters(), spec),
    )
    same = run(lambda n: Optimizer(n.parameters(), spec))
    assert torch.equal(one, two)
    assert not torch.equal(one, same)


def test_a_group_is_moved_alone_where_a_method_looks_elsewhere():
    """For f = w² v² the steps of each group, with the other where it stood, are known by hand."""
    w, v = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (1.0, 2.0))
    optimizer = Optimizer([{"params": [w]}, {"params": [v]}], "csawg:lr=0.01,K=1")
    closure = closure_of(optimizer, lambda: (w * v).square().sum())
    optimizer.step(closure)
    a, b = 1 - 0.01 * 2 * 1 * 4, 2 - 0.01 * 2 * 2 * 1
    assert (w.item(), v.item()) == pytest.approx((a, b), rel=1e-15)
    optimizer.step(closure)
    ends = []
    for mine, other, start in ((a, b, 1.0), (b, a, 2.0)):
        g_last, g = (start - mine) / 0.01, 2 * mine * other**2
        near = mine - 0.01 * g
        alpha = g_last * (mine - near) / g_last**2
        ends.append(near - alpha * 2 * near * other**2)
    assert (w.item(), v.item()) == pytest.approx(ends, rel=1e-12)
    assert optimizer.evals == 1 + 3  # at first once; then once where both stand, and once for each group


def test_one_step_size_a_tensor_is_an_optimizer_for_each(digits):
    x, y = digits

    def run(make):
        net = network()
        optimizers = make(net)
        for _ in range(30):
            net.zero_grad()
            cross_entropy(net(x), y).backward()
            for optimizer in optimizers:
                optimizer.step()
        return vector(net)

    rdbd = stepbench.method("rdbd:eta=0.1")
    together = run(lambda net: [Optimizer(net.parameters(), rdbd)])
    apart = run(lambda net: [Optimizer([p], contracts.with_values(rdbd, {"per": "run"})) for p in net.parameters()])
    one = run(lambda net: [Optimizer(net.parameters(), "rdbd:eta=0.1,per=run")])
    assert torch.equal(together, apart)
    assert not torch.allclose(together, one, rtol=1e-3)


@pytest.mark.parametrize("spec", ["adam", "rdbd", "bb"])
def test_what_is_frozen_is_left_alone(spec, digits):
    net, alone = network(), network()
    net[0].requires_grad_(False)
    optimizer = Optimizer(net.parameters(), spec)
    train(net, optimizer, digits, 10)
    assert torch.equal(vector(net[0]), vector(network()[0]))
    alone[0].requires_grad_(False)
    train(alone, Optimizer(alone[2].parameters(), spec), digits, 10)
    assert torch.equal(vector(net[2]), vector(alone[2]))
    kept = sum(t.numel() for t in tensors(optimizer.state_dict()) if t.ndim == 2)
    # small tensors go together, so that each component of rdbd has its tensor's α and h beside u
    assert kept == vector(net[2]).numel() * {"adam": 2, "rdbd": 3, "bb": 2}[spec]


def test_what_is_thawed_begins_then(digits):
    """As in torch, Adam's averages begin with a parameter's first gradient. A single vector cannot grow."""
    ends = []
    for make in (lambda net: Optimizer(net.parameters(), "adam"), lambda net: torch.optim.Adam(net.parameters())):
        net = network(torch.float64)
        optimizer = make(net)
        net[0].requires_grad_(False)
        train(net, optimizer, digits, 5)
        net[0].requires_grad_(True)
        ends.append(train(net, optimizer, digits, 5))
    assert torch.allclose(*ends, rtol=0, atol=1e-13)
    net = network()
    optimizer = Optimizer(net.named_parameters(), "bb")
    net[0].requires_grad_(False)
    train(net, optimizer, digits, 2)
    net[0].requires_grad_(True)
    with refused("0.weight is trained only after the first step, and bb takes a group's parameters as one vector"):
        train(net, optimizer, digits, 1)


@pytest.mark.parametrize("spec", ["momentum", "adam", "nadam:variant=reference"])
def test_a_parameter_without_a_gradient_waits_as_in_torch(spec):
    """It is not moved, and its averages and powers stand still; the others' go on."""
    name = {"momentum": "SGD", "adam": "Adam", "nadam:variant=reference": "NAdam"}[spec]
    options = {"lr": 0.001} | ({"momentum": 0.9} if name == "SGD" else {})
    ours = [torch.linspace(1, 2, n, dtype=torch.float64).requires_grad_() for n in (2, 3, 4)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    optimizers = Optimizer(ours, spec), getattr(torch.optim, name)(theirs, **options)
    for k, mask in enumerate(["111", "111", "101", "110", "000", "011", "111"]):
        for p, q, given in zip(ours, theirs, mask, strict=True):
            p.grad = torch.sin(p.detach() * (k + 1)) if given == "1" else None
            q.grad = None if p.grad is None else p.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            assert torch.allclose(p, q, rtol=0, atol=1e-10 if name == "NAdam" else 1e-14)  # its μ are float32


def test_in_one_vector_a_parameter_without_a_gradient_counts_as_flat():
    """After steps of Nesterov's method it is where it was."""
    w, v = (torch.ones(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    alone = torch.ones(2, dtype=torch.float64, requires_grad=True)
    optimizer, single = Optimizer([w, v], "nesterov:lr=0.1"), Optimizer([alone], "nesterov:lr=0.1")
    for _ in range(5):
        optimizer.step(closure_of(optimizer, lambda: (w**4).sum()))
        single.step(closure_of(single, lambda: (alone**4).sum()))
    assert torch.equal(w, alone)
    assert torch.equal(v, torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("spec", ["adam", "heavy-ball:lr=0.01", "rdbd:eta=1e-5", "bb", "adagrad-norm"])
def test_how_a_tensor_lies_in_memory_does_not_matter(spec):
    """A transposed parameter, a scalar, and one that is moved to other memory on the way."""
    target = torch.arange(12.0, dtype=torch.float64).view(3, 4) / 12

    def run(strange):
        w = torch.zeros(4, 3, dtype=torch.float64).t() if strange else torch.zeros(3, 4, dtype=torch.float64)
        c = torch.tensor(0.5, dtype=torch.float64)
        optimizer = Optimizer([w.requires_grad_(), c.requires_grad_()], spec)
        for k in range(10):
            optimizer.step(closure_of(optimizer, lambda: (w - c * target - 1).square().sum()))
            if strange and k == 5:
                w.data = w.data.clone(memory_format=torch.contiguous_format)
        return w.detach(), c.detach()

    for a, b in zip(run(False), run(True), strict=True):
        assert torch.allclose(a, b, rtol=1e-12)


def test_a_tied_tensor_is_one(digits):
    ends = []
    for make in (lambda net: Optimizer(net.parameters(), "adam"), lambda net: torch.optim.Adam(net.parameters())):
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64)).double()
        net[2].weight = net[0].weight
        ends.append(train(net, make(net), digits, 10))
    assert torch.allclose(*ends, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("spec", ["adam:lr=0.01", "rdbd:lr=0.01", "csawg:lr=0.01"])
def test_half_precision_is_rounded_only_when_written_back(spec, dtype, digits):
    """A step is the float32 step from the rounded parameters, with their gradient, rounded."""
    half, single = network(dtype), network()
    optimizers = Optimizer(half.parameters(), spec), Optimizer(single.parameters(), spec)
    for _ in range(3):
        for p, q in zip(half.parameters(), single.parameters(), strict=True):
            q.data = p.data.float()
            p.grad = torch.sin(10 * p.data)
            q.grad = p.grad.float()
        for optimizer in optimizers:
            optimizer.step(lambda: torch.tensor(0.0))
        for p, q in zip(half.parameters(), single.parameters(), strict=True):
            assert p.dtype == dtype
            assert torch.equal(p, q.to(dtype))
    assert all(t.dtype == torch.float32 for t in tensors(optimizers[0].state_dict()["state"]))


def test_one_vector_has_one_dtype():
    parts = [torch.ones(1, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64)]
    optimizer = Optimizer(parts, "bb")
    with refused("bb takes a group's parameters as one vector, and these are torch.float32 on cpu and torch.float64"):
        optimizer.step(closure_of(optimizer, lambda: sum((p**2).sum() for p in parts)))
    assert Optimizer([{"params": [p]} for p in parts], "bb").step(lambda: 0.0) == 0.0
