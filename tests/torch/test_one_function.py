"""Within a step the closure is one function: what it draws, and what it keeps of what it saw, is the same."""

import itertools
import random

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from stepbench.torch.optimizer import Optimizer
from stepbench.torch.replay import Replayed
from tests.torch.training import closure_of

pytestmark = pytest.mark.usefixtures("one_thread")

SEVERAL_CALLS = ["sls:alpha0=100", "lossgrad", "csawg:K=1,P=3", "exact:f_star=0,T=9,N=2", "adam+sls:alpha0=1"]
"""Methods that call the closure more than once per step."""

DRAWS = {
    "torch": lambda: torch.rand(()).item(),
    "torch's normal numbers, which come in pairs": lambda: torch.randn(()).item(),
    "NumPy": np.random.random,
    "Python": random.random,
}


def seed():
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("source", DRAWS)
@pytest.mark.parametrize("spec", SEVERAL_CALLS)
def test_each_call_of_a_step_draws_the_same_and_the_step_draws_as_one_call(spec, source):
    draw = DRAWS[source]
    w = torch.ones(3, requires_grad=True)
    optimizer, seen = Optimizer([w], spec), []

    def loss():
        seen[-1].append(draw())
        return ((w - seen[-1][-1]) ** 2).sum()

    seed()
    for _ in range(4):
        seen.append([])
        optimizer.step(closure_of(optimizer, loss))
    seed()
    assert [set(step) for step in seen] == [{draw()} for _ in range(4)]
    assert max(map(len, seen)) > 1


@pytest.mark.slow
def test_with_dropout_a_line_search_keeps_its_step_size(digits):
    """Every mask has another loss: a search that compares two of them goes on until the step size is nothing."""
    x, y = digits
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    optimizer, sizes = Optimizer(net.parameters(), "sls"), []
    for _ in range(100):
        optimizer.step(closure_of(optimizer, lambda: cross_entropy(net(x), y)))
        sizes.append(optimizer.step_sizes()[0])
    assert min(sizes) > 0.1
    with torch.no_grad():
        assert cross_entropy(net.eval()(x), y) < 0.2


def test_the_search_is_that_of_one_fixed_mask():
    """A line search by hand, in which the seed is set anew before each evaluation, ends at the same bits."""
    x = torch.randn(16, 8, generator=torch.Generator().manual_seed(1))

    def made():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 1))

    ours, theirs = made(), made()
    optimizer = Optimizer(ours.parameters(), "sls:alpha0=64,gamma=1")
    torch.manual_seed(7)
    optimizer.step(closure_of(optimizer, lambda: ours(x).square().mean()))

    def loss():
        torch.manual_seed(7)
        return theirs(x).square().mean()

    f = loss()
    f.backward()
    slopes = [p.grad.clone() for p in theirs.parameters()]
    start = [p.detach().clone() for p in theirs.parameters()]
    square = torch.cat([g.reshape(-1) for g in slopes]).square().sum()
    alpha = 64.0
    with torch.no_grad():
        for trials in itertools.count():  # noqa: B007 - it is looked at after the loop
            for p, w, g in zip(theirs.parameters(), start, slopes, strict=True):
                p.copy_(w - alpha * g)
            if loss() <= f - 0.1 * alpha * square:
                break
            alpha *= 0.9
    assert trials > 3
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p, q, rtol=1e-5, atol=1e-6)


# Buffers --------------------------------------------------------------------------------------------------------------


class Counts(nn.Module):
    """A layer with a buffer that it replaces, one that it changes, and one that it makes only when it first runs."""

    def __init__(self):
        super().__init__()
        self.register_buffer("replaced", torch.zeros(()))
        self.register_buffer("changed", torch.zeros(2))
        self.register_buffer("late", None)

    def forward(self, x):
        self.replaced = self.replaced + 1
        self.changed += x.detach().mean()
        self.late = self.changed.clone()
        return x * self.replaced


NETWORKS = {
    "batch norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2)),
    "cumulative mean": lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, momentum=None), nn.Linear(6, 2)),
    "images": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3, affine=False), nn.Flatten(), nn.Linear(12, 2)
    ),
    "instance norm": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 2)), nn.InstanceNorm1d(2, track_running_stats=True), nn.Flatten(), nn.Linear(4, 2)
    ),
    "spectral norm": lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 6)), nn.Linear(6, 2)),
    "its own": lambda: nn.Sequential(nn.Linear(4, 2), Counts()),
    "shared": lambda: (lambda norm: nn.Sequential(norm, nn.Linear(4, 4), norm, nn.Linear(4, 2)))(nn.BatchNorm1d(4)),
    "a script": lambda: torch.jit.script(NETWORKS["batch norm"]()),
}


def buffers_of(net):
    return {name: value.detach().clone() for name, value in net.named_buffers()}


@pytest.mark.one_in(5)
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize("spec", SEVERAL_CALLS)
@pytest.mark.parametrize("name", NETWORKS)
def test_buffers_are_updated_once_per_step_by_the_first_call(name, spec):
    torch.manual_seed(0)
    net, x = NETWORKS[name](), torch.randn(8, 4)
    optimizer, calls = Optimizer(net.parameters(), spec), []

    def closure():
        before = buffers_of(net)
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        calls[-1].append((before, buffers_of(net)))
        return loss

    for _ in range(4):
        calls.append([])
        optimizer.step(closure)
        (before, after), *others = calls[-1]
        assert all(torch.equal(before[key], other[key]) for other, _ in others for key in before if "late" not in key)
        assert all(torch.equal(after[key], value) for key, value in net.named_buffers())
        assert any(not torch.equal(before[key], after[key]) for key in before)
    assert max(map(len, calls)) > 1


def test_running_statistics_are_those_of_a_loop_that_evaluates_once():
    """csawg's plain steps evaluate once, and its plans more: the statistics see each step's first evaluation."""
    torch.manual_seed(0)
    net, seen = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, momentum=None)), []
    twin = nn.BatchNorm1d(3, momentum=None)
    optimizer = Optimizer(net.parameters(), "csawg:K=1,P=2,lr=0.1")
    for _ in range(6):
        x = torch.randn(16, 4)
        with torch.no_grad():
            seen.append(net[0](x))
        optimizer.step(closure_of(optimizer, lambda x=x: net(x).square().mean()))
    for x in seen:
        twin(x)
    assert torch.equal(twin.running_mean, net[1].running_mean)
    assert net[1].num_batches_tracked == 6


@pytest.mark.parametrize("raises_at", [1, 2, 3])
def test_what_a_closure_raises_leaves_generators_and_buffers_where_the_first_call_left_them(raises_at):
    torch.manual_seed(0)
    net, calls = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), []

    def closure():
        calls.append(torch.rand(()).item())
        value = net(torch.rand(4, 2)).mean()
        if len(calls) == raises_at:
            raise KeyboardInterrupt
        return value

    torch.manual_seed(5)
    replayed = Replayed(closure)
    for _ in range(raises_at - 1):
        replayed()
    with pytest.raises(KeyboardInterrupt):
        replayed()
    stands = torch.rand(())
    assert net[1].num_batches_tracked == 1
    torch.manual_seed(5)
    torch.rand(()), torch.rand(4, 2)
    assert stands == torch.rand(())
    assert not nn.modules.module._global_forward_pre_hooks


def test_what_runs_within_vmap_or_with_other_buffers_is_left_as_it_is():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    params = {name: value.detach() for name, value in net.named_parameters()}
    stacked = {name: torch.stack([value, value]) for name, value in buffers_of(net).items()}
    own = torch.zeros(3, requires_grad=True)
    optimizer = Optimizer([own], "sls:alpha0=10")

    def loss():
        def one(buffers):
            return torch.func.functional_call(net, params | buffers, torch.ones(4, 2)).sum()

        every = torch.func.vmap(one)({name: value.clone() for name, value in stacked.items()})
        given = buffers_of(net)
        alone = torch.func.functional_call(net, params | given, torch.ones(4, 2)).sum()
        return (own - every.detach().mean() - alone.detach()).square().sum()

    names = [name for name, _ in net.named_buffers()]
    before = dict(net.named_buffers())
    optimizer.step(closure_of(optimizer, loss))
    assert [name for name, _ in net.named_buffers()] == names
    assert all(value is before[name] for name, value in net.named_buffers())


@pytest.mark.slow
def test_a_compiled_module_is_seen_from_outside():
    torch._dynamo.reset()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2))
    compiled, x, calls = torch.compile(net, backend="eager", fullgraph=True), torch.randn(8, 4), []
    optimizer = Optimizer(compiled.parameters(), "sls:alpha0=100")

    def loss():
        calls.append(1)
        return compiled(x).square().mean()

    for _ in range(3):
        optimizer.step(closure_of(optimizer, loss))
    assert net[1].num_batches_tracked == 3 < len(calls)
