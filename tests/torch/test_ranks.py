"""Processes that train together: one loss, steps taken or refused alike, and replicas that are equal in all bits."""

import copy
import os
import warnings

import pytest

pytest.importorskip("torch")

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from stepbench.torch.optimizer import NonFiniteWarning, Optimizer
from tests.torch.training import ONE, refused

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not dist.is_available() or not dist.is_gloo_available(), reason="needs gloo"),
]

SPECS = (
    "adam:lr=0.01",
    "rdbd:lr=0.01",
    "tlr",
    "l4",
    "l4:per=tensor",
    "l4-adam",
    "sps:f_star=0",
    "polyak:f_star=0",
    "sls",
    "adaloss",
    "lossgrad",
    "csawg:K=2",
    "bb",
    "exact:f_star=0,T=20",
    "nesterov",
)

SOME = ("adam:lr=0.01", "l4", "sls", "polyak:f_star=0", "lossgrad", "bb")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def examples():
    numbers = torch.Generator().manual_seed(1)
    return torch.randn(64, 4, generator=numbers).double(), torch.randint(0, 3, (64,), generator=numbers)


def trained(net, spec, inputs, targets, change=lambda loss, step: loss, steps=8, **options):
    """The parameters after some steps, as one vector; ``change`` is made to the losses that the closure returns."""
    optimizer = Optimizer(net.parameters(), spec, **options)
    for k in range(steps):

        def closure(k=k):
            optimizer.zero_grad()
            loss = cross_entropy(net(inputs), targets)
            loss.backward()
            return change(loss, k)

        optimizer.step(closure)
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """What each of two processes found, which were started once, since that takes longer than what they do."""
    folder = tmp_path_factory.mktemp("ranks")
    torch.multiprocessing.spawn(in_one_process, args=(str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def in_one_process(rank, folder):
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        found = [work(rank) for work in (with_every_method, with_trouble_on_one, with_gradients_alone)]
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


def halves(rank):
    x, y = examples()
    return x[rank::2], y[rank::2]


def with_every_method(rank):
    return {spec: trained(DistributedDataParallel(network()), spec, *halves(rank)) for spec in SPECS}


@pytest.mark.exhaustive
def test_replicas_stay_equal_and_go_the_way_of_one_process_with_all_the_data(ends):
    """The mean of both losses is the loss of all examples, and DistributedDataParallel's gradient is its gradient."""
    first, second = ends[0][0], ends[1][0]
    x, y = examples()
    for spec in SPECS:
        assert torch.equal(first[spec], second[spec])
        alone = trained(network(), spec, x, y)
        assert torch.allclose(first[spec], alone, rtol=0, atol=1e-6 if "exact" in spec else 1e-9)


def with_trouble_on_one(rank):
    """A loss that is not finite, or none, in one process alone and only at its third step."""
    warnings.simplefilter("ignore", NonFiniteWarning)
    warnings.simplefilter("ignore", UserWarning)

    def infinite(loss, k):
        return loss * torch.inf if rank == 1 and k == 2 else loss

    def nothing(loss, k):
        return None if rank == 0 and k == 2 else loss

    ends = {}
    for spec in SOME:
        for name, change in (("infinite", infinite), ("nothing", nothing)):
            ends[spec, name] = trained(DistributedDataParallel(network()), spec, *halves(rank), change)
        ends[spec, "shorter"] = trained(DistributedDataParallel(network()), spec, *halves(rank), steps=7)
    return ends


def test_what_one_process_refuses_or_skips_all_do(ends):
    """The step is as if it had not been asked for: seven others are left."""
    first, second = ends[0][1], ends[1][1]
    for spec in SOME:
        for name in ("infinite", "nothing"):
            assert torch.equal(first[spec, name], second[spec, name])
            assert torch.equal(first[spec, name], first[spec, "shorter"])


def with_gradients_alone(rank):
    """Without a closure, a gradient that is not finite in one process; with a loss that is given; and each alone."""
    ends = []
    for spec, options in (("adam:lr=0.1", {}), ("bb:lr=0.1", {}), ("polyak:f_star=0", {"loss": 1.0 + rank})):
        w = torch.ones(3, dtype=torch.float64, requires_grad=True)
        optimizer = Optimizer([w], spec, nonfinite="raise")
        w.grad = torch.ones_like(w)
        optimizer.step(**options)
        assert (w != 1).all()
        ends.append(w.detach().clone())
        w.grad = torch.full_like(w, torch.nan if rank == 0 else 1.0)
        words = "gradient of parameter 0" if rank == 0 else "in process 0 of the group; nothing was changed"
        with pytest.raises(FloatingPointError, match=words):
            optimizer.step(**options)
        assert torch.equal(w, ends[-1])
    both = dist.new_group([0, 1])
    lonely = [dist.new_group([0]), dist.new_group([1])][rank]
    for group in (False, lonely, both):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = Optimizer([w], "polyak:f_star=0", process_group=group)
        w.grad = torch.ones_like(w)
        optimizer.step(loss=1.0 + rank)
        ends.append(w.detach().clone())
    with refused("an optimizer with a process_group of its own cannot be copied or pickled"):
        copy.deepcopy(optimizer)
    return torch.cat(ends)


def test_a_group_may_be_named_or_left_out(ends):
    first, second = ends[0][2], ends[1][2]
    assert torch.equal(first[:9], second[:9])
    assert torch.equal(first[6:9], torch.full((3,), 0.5, dtype=torch.float64))  # (1 + 2) / 2 over ‖g‖² = 3
    assert first[9:].tolist() == [0.0, 0.0, -0.5]
    assert second[9:].tolist() == [-1.0, -1.0, -0.5]


def test_a_copy_speaks_to_the_same_processes():
    assert copy.deepcopy(Optimizer(ONE, "adam", process_group=False)).process_group is False
    assert copy.deepcopy(Optimizer(ONE, "adam")).process_group is None


def test_what_is_no_group_is_refused():
    with refused("process_group=all must be a group of torch.distributed's, or False for none"):
        Optimizer(ONE, "adam", process_group="all")
