"""Parameter groups and tensors: which are moved together, and which alone."""

import warnings

import numpy as np
import pytest

import stepbench
from stepbench import contracts

pytest.importorskip("torch")

import torch
from torch.nn.functional import cross_entropy

from stepbench.torch.names import short_name
from stepbench.torch.optimizer import NonFiniteWarning, Optimizer
from tests.every_method import parameters
from tests.torch.training import IN_A_LOOP, closure_of, network, refused, tensors, told, train, vector

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("spec", ["adam", "rdbd", "rdbd:per=component"])
def test_where_components_or_tensors_go_alone_two_groups_are_two_optimizers(spec, digits):
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


def pair():
    """Two parameters, at 1 and 2."""
    return [torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (1.0, 2.0)]


def test_all_groups_are_moved_together_where_a_method_looks_elsewhere():
    """For f = w² v² the steps are known by hand, each group with a step size of its own."""
    w, v = pair()
    optimizer = Optimizer([{"params": [w]}, {"params": [v], "lr": 0.02}], "csawg:lr=0.01,K=1")
    closure = closure_of(optimizer, lambda: (w * v).square().sum())
    lr, start = np.array([0.01, 0.02]), np.array([1.0, 2.0])

    def gradient(x):
        return 2 * x * x[::-1] ** 2

    first = start - lr * gradient(start)
    optimizer.step(closure)
    assert (w.item(), v.item()) == pytest.approx(tuple(first), rel=1e-15)
    near = first - lr * gradient(first)
    alpha = (first - near) / gradient(start)
    optimizer.step(closure)
    assert (w.item(), v.item()) == pytest.approx(tuple(near - alpha * gradient(near)), rel=1e-12)
    assert optimizer.evals == 3


def test_a_step_size_is_one_and_directions_are_each_groups_own():
    """The averages of each group by its own β, and the step size by the gradient of both, worked out here."""
    w, v = pair()
    optimizer = Optimizer([{"params": [w]}, {"params": [v], "beta": 0.5}], "ema+adagrad-norm:eta=0.3,b0=2")
    x, m, beta, b_squared = np.array([1.0, 2.0]), np.zeros(2), np.array([0.9, 0.5]), 4.0
    for k in range(1, 20):
        optimizer.step(closure_of(optimizer, lambda: (w * v).square().sum()))
        g = 2 * x * x[::-1] ** 2
        m = beta * m + (1 - beta) * g
        b_squared += g @ g
        x = x - 0.3 / np.sqrt(b_squared) * m / (1 - beta**k)
        assert (w.item(), v.item()) == pytest.approx(tuple(x), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("grouped", [False, True])
def test_polyaks_gap_is_taken_once(grouped):
    """Two groups that each took the whole gap would step twice as far as one, and f would grow."""
    problem = stepbench.problem("quadratic")
    parts = [p.requires_grad_() for p in torch.tensor(problem.x0).split(1)]
    curvatures = torch.tensor(problem.hessian(problem.x0[:, None])[:, :, 0]).diagonal()
    optimizer = Optimizer([{"params": [p]} for p in parts] if grouped else parts, "polyak:f_star=0")
    closure = closure_of(optimizer, lambda: 0.5 * (curvatures * torch.cat(parts).square()).sum())
    for _ in range(1000):
        optimizer.step(closure)
    assert closure().item() == pytest.approx(stepbench.run(problem, "polyak", steps=1000).f[-1], rel=1e-3)
    assert closure().item() < 1e-13


@pytest.mark.one_in(11)
@pytest.mark.parametrize("spec", parameters(IN_A_LOOP))
def test_how_parameters_are_shared_among_groups_changes_nothing(spec, digits):
    """Not a bit where the order is the same. In another order sums are rounded otherwise.

    The random directions of ``exact`` are drawn for the vector in its order.
    """

    def run(*shares):
        net = network(torch.float64)
        params = list(net.parameters())
        optimizer = Optimizer([{"params": [params[i] for i in own]} for own in shares], told(spec), horizon=12)
        return train(net, optimizer, digits, 4), (optimizer.evals, optimizer.fevals)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NonFiniteWarning)  # some diverge
        one, counts = run([0, 1, 2, 3])
        for shares in ([[0], [1, 2, 3]], [[0, 1], [], [2, 3]], [[0], [1], [2], [3]]):
            end, asked = run(*shares)
            assert torch.equal(end, one)
            assert asked == counts
        if "exact" not in spec:
            other, asked = run([3], [1, 0], [2])
            assert torch.allclose(other, one, rtol=1e-9, atol=1e-9 * one.abs().max().item())
            assert asked == counts


@pytest.mark.parametrize(
    ("spec", "key", "values", "words"),
    [
        ("sps:f_star=0", "c", (0.2, 0.5), "one c, and the groups have 0.2 and 0.5: give each group the same c"),
        ("polyak:f_star=0", "f_star", (0.0, 1.0), "one f_star, and the groups have 0 and 1: give each group the same"),
        ("polyak:f_star=0,per=component", "f_star", (0.0, 1.0), "one f_star, and the groups have 0 and 1: give each"),
        ("momentum+tlr", "lr", (0.1, 0.01), "one lr, and the groups have 0.1 and 0.01: give each group the same lr"),
        ("tlr", "gamma", (0.2, 0.5), "one gamma, and the groups have 0.2 and 0.5: give each group the same gamma"),
        ("rdbd:per=run", "eta", (0.1, 0.2), "one eta, and the groups have 0.1 and 0.2: give each group the same eta"),
        ("csawg", "K", (2, 3), "one K, and the groups have 2 and 3: give each group the same K"),
        ("bb", "form", ("long", "short"), "one form, and the groups have long and short: give each group the same"),
    ],
)
def test_what_one_vector_has_one_of_is_the_same_in_every_group(spec, key, values, words):
    """Refused when the groups are given, when one is added, and when one is changed."""
    words = f"{short_name(stepbench.method(spec))} takes the parameters of all groups as one vector with {words}"
    w, v = pair()
    groups = [{"params": [p], key: value} for p, value in zip((w, v), values, strict=True)]
    with refused(words):
        Optimizer(groups, spec)
    optimizer = Optimizer(groups[:1], spec)
    with refused(words):
        optimizer.add_param_group(groups[1])
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [v], key: values[0]})
    optimizer.param_groups[1][key] = values[1]
    with refused(words):
        optimizer.step(closure_of(optimizer, lambda: (w * v).square().sum()))
    assert (w.item(), v.item()) == (1.0, 2.0)


def test_a_schedule_may_go_its_own_way_in_each_group():
    """A scheduler of torch's sets the step sizes of Nesterov's method, of one group to 0, and that group rests."""
    w, v = pair()
    optimizer = Optimizer([{"params": [w]}, {"params": [v]}], "nesterov:lr=0.01")
    rests = torch.optim.lr_scheduler.LambdaLR(optimizer, [lambda k: 1.0, lambda k: 0.0])
    x, last, a_last = 1.0, 1.0, 0.0
    for _ in range(5):
        optimizer.step(closure_of(optimizer, lambda: (w * v).square().sum()))
        rests.step()
        a = (1 + np.sqrt(1 + 4 * a_last**2)) / 2
        y = x + (a_last - 1) / a * (x - last)
        x, last, a_last = y - 0.01 * 8 * y, x, a
        assert (w.item(), v.item()) == pytest.approx((x, 2.0), rel=1e-12)


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
    kept = [t for t in tensors(optimizer.state_dict()) if t.ndim]
    assert sum(t.numel() for t in kept) == vector(net[2]).numel() * {"adam": 2, "rdbd": 1, "bb": 2}[spec]


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
    with refused(
        "0.weight is trained only after the first step, and bb takes all parameters as one vector, which cannot"
    ):
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
    for params in (parts, [{"params": [p]} for p in parts]):
        optimizer = Optimizer(params, "bb")
        with refused("bb takes all parameters as one vector, and these are torch.float32 on cpu and torch.float64 on"):
            optimizer.step(closure_of(optimizer, lambda: sum((p**2).sum() for p in parts)))
    assert all(p.item() == 1.0 for p in parts)
    apart = [torch.ones(1, device=device, requires_grad=True) for device in ("cpu", "meta")]
    with refused(
        "bb takes all parameters as one vector, and these are torch.float32 on cpu and torch.float32 on meta: "
    ):
        Optimizer([{"params": [p]} for p in apart], "bb").step(lambda: 0.0)
