"""What runs on a GPU: networks, the optimizer's step, and random numbers that are drawn there."""

import numpy as np
import pytest

import stepbench
from tests.engine.stopping import assert_same

pytest.importorskip("torch")

import torch

from stepbench.torch import Optimizer
from tests.torch.small_networks import SMALL, TINY

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]


@pytest.mark.parametrize("problem", SMALL)
def test_every_network_gives_the_same_run_to_rounding(problem):
    on = f"{problem}{',' if ':' in problem else ':'}device="
    here, there = (stepbench.run(f"{on}{device}", "gd:lr=0.01", steps=10, every=1) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(here.f, there.f, rtol=1e-3)


@pytest.mark.parametrize("method", ["gd:lr=0.1", "adam", "rdbd:eta=1e-3", "sls", "csawg"])
def test_a_method_gives_the_same_run_to_rounding(method):
    here, there = (stepbench.run(f"{TINY},device={device}", method, steps=20, every=1) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(here.f, there.f, rtol=1e-3)


def test_lock_step_has_the_same_bits_beside_any_others():
    problem, rates = f"{TINY},device=cuda,lockstep=always", np.geomspace(0.01, 0.1, 70)
    batch = stepbench.run(problem, stepbench.method("adam", lr=rates), steps=20)
    for r in (0, 69):
        assert_same(stepbench.run(problem, stepbench.method("adam", lr=rates[r]), steps=20), batch[r])


@pytest.mark.parametrize(
    "method", ["gd:lr=0.1", "adam", "nadam", "rdbd:lr=0.1", "tlr", "l4", "sls", "csawg", "exact:T=20,f_star=0"]
)
def test_a_step_of_the_optimizer_is_that_of_the_cpu_to_rounding(method):
    def trained(device):
        torch.manual_seed(0)
        net = (
            torch.nn.Sequential(torch.nn.Linear(4, 300), torch.nn.Tanh(), torch.nn.Linear(300, 300)).double().to(device)
        )
        x = torch.linspace(-1, 1, 32, dtype=torch.float64, device=device).view(8, 4)
        optimizer = Optimizer(net.parameters(), method)

        def closure():
            optimizer.zero_grad()
            loss = net(x).square().mean()
            loss.backward()
            return loss

        for _ in range(5):
            optimizer.step(closure)
        return torch.nn.utils.parameters_to_vector(net.parameters()).detach().cpu()

    torch.testing.assert_close(trained("cuda"), trained("cpu"), rtol=1e-7, atol=1e-9)


def test_a_gpus_random_numbers_are_replayed_within_a_step():
    w, seen = torch.ones(3, device="cuda", requires_grad=True), []
    optimizer = Optimizer([w], "sls:alpha0=100")

    def closure():
        optimizer.zero_grad()
        seen.append(torch.rand(3, device="cuda"))
        loss = ((w - seen[-1]) ** 2).sum()
        loss.backward()
        return loss

    torch.manual_seed(3)
    optimizer.step(closure)
    after = torch.rand(3, device="cuda")
    torch.manual_seed(3)
    assert len(seen) > 1
    assert all(torch.equal(one, seen[0]) for one in seen)
    assert torch.equal(torch.rand(3, device="cuda"), seen[0])
    assert torch.equal(torch.rand(3, device="cuda"), after)
