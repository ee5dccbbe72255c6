"""A model that is brought to another dtype after a step: its optimizer goes on in that dtype."""

import pytest

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import Optimizer
from tests.every_method import parameters
from tests.torch.training import IN_A_LOOP, closure_of, tensors, told

pytestmark = pytest.mark.usefixtures("one_thread")


def path(spec, first, then):
    """The parameters after two steps in one dtype and two in another, and the optimizer."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).to(first)
    optimizer = Optimizer(net.parameters(), told(spec), horizon=10, weight_decay=0.01)
    for dtype in (first, first, then, then):
        net.to(dtype)
        x = torch.linspace(-1, 1, 12, dtype=dtype).reshape(4, 3)
        optimizer.step(closure_of(optimizer, lambda x=x: 0.1 * net(x).square().mean()))
    return torch.cat([p.detach().double().reshape(-1) for p in net.parameters()]), optimizer


@pytest.mark.one_in(5)
@pytest.mark.parametrize("then", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("spec", [*parameters(IN_A_LOOP), "rdbd:per=run", "l4:per=tensor", "bb:per=component"])
def test_every_method_goes_on_with_its_state_in_the_new_dtype(spec, then):
    end, optimizer = path(spec, torch.float32, then)
    assert end.isfinite().all()
    working = torch.float64 if then is torch.float64 else torch.float32
    assert {t.dtype for t in tensors(optimizer.state_dict()["state"]) if t.is_floating_point()} <= {working}


@pytest.mark.parametrize(("first", "then"), [(torch.float32, torch.float64), (torch.float64, torch.float32)])
@pytest.mark.parametrize("spec", ["gradient", "momentum", "adam", "rdbd", "sls", "l4", "nesterov", "csawg", "dbd"])
def test_the_path_is_that_of_the_wider_dtype_but_for_rounding(spec, first, then):
    assert torch.allclose(path(spec, first, then)[0], path(spec, torch.float64, torch.float64)[0], rtol=0, atol=1e-5)
