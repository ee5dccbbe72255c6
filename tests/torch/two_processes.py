"""What two processes do together in the tests of sharded training; each process runs ``work``."""

import os
import warnings

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from stepbench.fields import InputError
from stepbench.torch.optimizer import Optimizer

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
TARGETS = (INPUTS[:, 0] > 0).long()


def network():
    """Layers of sizes that two processes cannot halve evenly, and one of which one of them gets nothing."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 1), nn.Tanh(), nn.Linear(1, 2)).double()


def vector(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def train(model, optimizer, steps, rows=slice(None)):
    """Steps with a closure, on this process's rows of the data."""

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(model(INPUTS[rows]), TARGETS[rows])
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)


class Replicas:
    """DistributedDataParallel: every process has all of the parameters."""

    def __init__(self):
        self.model = DistributedDataParallel(network())

    def optimizer(self, spec):
        return Optimizer(self.model.parameters(), spec)

    def vector(self):
        return vector(self.model)

    def save(self, optimizer, folder):
        weights, state = get_state_dict(self.model, optimizer)
        checkpoint.save({"weights": weights, "state": state}, checkpoint_id=folder)

    def load(self, optimizer, folder):
        """Torch begins the state by a step without a closure, which some methods cannot take: a real one does it."""
        try:
            weights, state = get_state_dict(self.model, optimizer)
        except InputError:
            train(self.model, optimizer, 1)
            weights, state = get_state_dict(self.model, optimizer)
        saved = {"weights": weights, "state": state}
        checkpoint.load(saved, checkpoint_id=folder)
        set_state_dict(self.model, optimizer, model_state_dict=saved["weights"], optim_state_dict=saved["state"])


class Sharded(Replicas):
    """``fully_shard``: each process has some rows of each parameter, which is a DTensor."""

    def __init__(self):
        self.model, mesh = network(), init_device_mesh("cpu", (2,))
        for layer in [*self.model, self.model]:
            if not isinstance(layer, nn.Tanh):
                fully_shard(layer, mesh=mesh)

    def vector(self):
        return torch.cat([p.full_tensor().detach().reshape(-1) for p in self.model.parameters()])


class Flat(Replicas):
    """FullyShardedDataParallel: each process has a half of all parameters, strung together."""

    use_orig_params = False

    def __init__(self):
        device = torch.device("cpu")
        self.model = FullyShardedDataParallel(network(), device_id=device, use_orig_params=self.use_orig_params)

    def vector(self):
        with FullyShardedDataParallel.summon_full_params(self.model):
            return vector(self.model).clone()

    def save(self, optimizer, folder):
        """By FullyShardedDataParallel's own functions; those of torch.distributed.checkpoint fail for torch's Adam."""
        state = FullyShardedDataParallel.optim_state_dict(self.model, optimizer)
        torch.save((self.model.state_dict(), state), f"{folder}-{dist.get_rank()}")

    def load(self, optimizer, folder):
        weights, state = torch.load(f"{folder}-{dist.get_rank()}", weights_only=True)
        self.model.load_state_dict(weights)
        optimizer.load_state_dict(FullyShardedDataParallel.optim_state_dict_to_load(self.model, optimizer, state))


class FlatWithNames(Flat):
    """FullyShardedDataParallel with the parameters as they were, of which each process has some of the components."""

    use_orig_params = True


class Redundant(Replicas):
    """ZeroRedundancyOptimizer: each process moves some of the tensors, and sends them to the others."""

    def optimizer(self, spec):
        return ZeroRedundancyOptimizer(self.model.parameters(), Optimizer, method=spec)


WAYS = {"ddp": Replicas, "fully_shard": Sharded, "flat": Flat, "flat, with names": FlatWithNames, "zero": Redundant}


def trained(way, spec, rank):
    """Where five steps lead."""
    one = WAYS[way]()
    train(one.model, one.optimizer(spec), 5, slice(rank, None, 2))
    return one.vector()


def resumed(way, spec, rank, folder):
    """Where five steps lead, and three and two with a checkpoint between."""
    first = WAYS[way]()
    optimizer = first.optimizer(spec)
    train(first.model, optimizer, 3, slice(rank, None, 2))
    first.save(optimizer, folder)
    second = WAYS[way]()
    with torch.no_grad():
        for p in second.model.parameters():
            p.zero_()
    other = second.optimizer(spec)
    second.load(other, folder)
    for one, its_own in ((first, optimizer), (second, other)):
        train(one.model, its_own, 2, slice(rank, None, 2))
    return torch.stack([first.vector(), second.vector()])


def attempt(what, *args):
    """What came of it: a tensor, or the kind of the error and its words."""
    try:
        return what(*args)
    except Exception as error:
        return type(error).__name__, str(error)


def work(rank, folder, tasks):
    """Do all tasks, and leave what came of them; a task is a way, a spec, and whether to go on from a checkpoint."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    found = {}
    for i, (way, spec, resumes) in enumerate(tasks):
        more = (f"{folder}/{i}",) if resumes else ()
        found[way, spec, resumes] = attempt(resumed if resumes else trained, way, spec, rank, *more)
        dist.barrier()
    torch.save(found, f"{folder}/found-{rank}")
    dist.destroy_process_group()
