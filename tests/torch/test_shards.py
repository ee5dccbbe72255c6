"""Parameters that are shared out between processes: the steps are those of one process, or refused in a line.

Two processes see half of the data each, so that their mean gradient is that of one process with all of it.
"""

import itertools

import pytest

pytest.importorskip("torch")

import torch
import torch.distributed as dist

from stepbench.torch.optimizer import Optimizer
from tests.torch.two_processes import WAYS, network, train, vector, work

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not (dist.is_available() and dist.is_gloo_available()), reason="needs gloo"),
]

COMPONENT = ("adam:lr=0.01", "momentum:lr=0.01", "amsgrad:lr=0.01")
TENSOR = ("rdbd:lr=0.01", "adam+rdbd")
WHOLE = ("rdbd:lr=0.01,per=run", "l4", "tlr", "sls", "bb", "csawg:lr=0.01,K=2")
SPECS = (*COMPONENT, *TENSOR, *WHOLE)

WORKS = {
    "ddp": SPECS,
    "fully_shard": COMPONENT,
    "flat": COMPONENT,
    "flat, with names": COMPONENT,
    "zero": COMPONENT + TENSOR,
}
RESUMES = {
    "ddp": [spec for spec in SPECS if "csawg" not in spec],
    "fully_shard": COMPONENT,
    "flat": COMPONENT,
    "flat, with names": ["momentum:lr=0.01"],
}
"""Which methods go on from a distributed checkpoint.

csawg keeps more vectors after some steps than after the first, and torch reads only those that the new optimizer has.
With the names of the parameters, FullyShardedDataParallel on a CPU gives all vectors of a state the values of the last,
for torch's own Adam, too, so that what keeps two vectors is not tried.
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What both processes found, by the way of sharing out, the spec, and whether they went on from a checkpoint."""
    folder = tmp_path_factory.mktemp("shards")
    tasks = [(way, spec, False) for way, spec in itertools.product(WAYS, SPECS)]
    tasks += [(way, spec, True) for way, specs in RESUMES.items() for spec in specs]
    torch.multiprocessing.spawn(work, args=(str(folder), tasks), nprocs=2)
    return [torch.load(folder / f"found-{rank}", weights_only=True) for rank in range(2)]


def cases(table):
    return pytest.mark.parametrize(("way", "spec"), [(way, spec) for way, specs in table.items() for spec in specs])


@cases(WORKS)
def test_two_processes_go_the_way_of_one(way, spec, found):
    alone = network()
    train(alone, Optimizer(alone.parameters(), spec), 5)
    ends = [one[way, spec, False] for one in found]
    assert torch.equal(*ends)
    assert torch.allclose(ends[0], vector(alone), rtol=0, atol=1e-11)


@cases({way: [spec for spec in SPECS if spec not in specs] for way, specs in WORKS.items()})
def test_what_cannot_be_shared_out_is_refused_in_a_line(way, spec, found):
    for one in found:
        kind, words = one[way, spec, False]
        assert kind == "InputError"
        assert "\n" not in words
        assert "process" in words


@cases(RESUMES)
def test_a_distributed_checkpoint_is_gone_on_from_to_the_last_bit(way, spec, found):
    for one in found:
        assert torch.equal(*one[way, spec, True])
