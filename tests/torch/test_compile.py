"""Optimizers with compile=True."""

import copy
import math
import shutil

import pytest

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import NonFiniteWarning, Optimizer
from tests.every_method import sampled
from tests.torch.training import ONE, refused

pytestmark = pytest.mark.usefixtures("one_thread")

compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")


@pytest.mark.slow
@compiler
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns
@pytest.mark.parametrize("spec", sampled(["adam", "momentum", "delta-bar-delta:lr=0.01"], 3))
def test_a_compiled_step_is_the_same_to_rounding(spec):
    """Parameters of several sizes; where a scheduler may set lr, it is another at every step."""

    def trained(compiled):
        torch.manual_seed(0)
        weights = [torch.randn(shape, requires_grad=True) for shape in ((300, 250), (7,), (), (40, 3))]
        optimizer = Optimizer(weights, spec, compile=compiled)
        for step in range(12):
            if optimizer.method.steady:
                optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            for w in weights:
                w.grad = w.detach() ** 3 + 0.1
            optimizer.step()
        assert optimizer.evals == 12
        return weights

    with torch._dynamo.config.patch(recompile_limit=6):  # more would be an error, so that steps are not compiled anew
        for a, b in zip(trained(True), trained(False), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@compiler
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_optimizer_is_copied_kept_and_refuses_what_is_not_finite():
    w = torch.ones(5, requires_grad=True)
    optimizer = Optimizer([w], "adam", compile=True)
    w.grad = torch.ones(5)
    optimizer.step()
    twin, other = copy.deepcopy((w, optimizer))
    plain = Optimizer([w], "adam")
    plain.load_state_dict(optimizer.state_dict())
    for one, by in ((w, optimizer), (twin, other)):
        one.grad = torch.full((5,), 0.5)
        by.step()
    assert torch.equal(w, twin)
    w.grad = torch.full((5,), math.nan)
    with pytest.warns(NonFiniteWarning):
        optimizer.step()
    assert torch.equal(w, twin)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("csawg", "csawg does not go component by component, so that it cannot be compiled: leave out compile"),
        ("adaloss", "adaloss does not go component by component, so that it cannot be compiled"),
        ("adam+cosine:T=9", "adam+cosine counts its steps, so that it cannot be compiled: leave out compile"),
        ("nadam", "nadam counts its steps, so that it cannot be compiled"),
    ],
)
def test_what_cannot_be_compiled_is_refused(spec, words):
    with refused(words):
        Optimizer(ONE, spec, compile=True)
