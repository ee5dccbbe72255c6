"""What PyTorch asks of every one of its optimizers, asked of ours: the specs, the problem, and what does not apply.

The list of properties is that of PyTorch's own ``test/test_optim.py`` and of its
``torch.testing._internal.common_optimizers``; the tests were written anew for these methods.
What PyTorch asks and these tests leave out, with the reasons:

- ``foreach``, ``fused``, ``capturable`` and ``differentiable`` are keywords of PyTorch's, for other ways to compute the
  same step. There is one way here, so that nothing has to agree. That parameters which move together go as they go
  alone, which is what the comparison of ``foreach`` with a loop is about, is asked.
- Complex and sparse: refused in a line, which is asked in place of the right numbers.
- Tests that need two devices, and the peak of a GPU's memory, are no tests for a CPU.
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import stepbench
from stepbench.torch.bundles import kind
from stepbench.torch.optimizer import Optimizer

SPECS = (
    "gd:lr=0.01",
    "momentum:lr=0.01",
    "nesterov:lr=0.01",
    "heavy-ball:lr=0.01",
    "adam:lr=0.01",
    "amsgrad:lr=0.01",
    "rmsprop:lr=0.01",
    "adagrad:lr=0.01",
    "nadam:lr=0.01",
    "adamax:lr=0.01",
    "ema:lr=0.01",
    "rdbd:lr=0.01",
    "rdbd:lr=0.01,per=run",
    "rdbd:lr=0.01,per=component",
    "dbd:lr=0.01",
    "adam+rdbd",
    "momentum+rdbd:lr=0.005",
    "tlr",
    "adam+tlr",
    "adaloss",
    "l4",
    "l4-adam",
    "polyak:f_star=0",
    "sps:f_star=0",
    "sls",
    "csawg:lr=0.01,K=2",
    "lossgrad",
    "bb",
    "hypergradient-mul",
    "adagrad-norm",
    "exact:f_star=0,T=100,N=2,iterations=5",
    "cosine:T=100",
    "one-cycle:T=100",
    "adgd:lr=0.01",
    "bb:lr=0.01,cap=1",
    "dog:r_eps=0.001",
    "dowg",
    "ali-g",
    "sps-plus:f_star=0",
    "dec-sps",
    "ngn",
    "silver:L=10",
    "long-steps:L=10",
    "mechanic:s_init=0.01",
    "hdm",
    "d-adaptation:d0=0.01",
    "d-adapt-adam:d0=0.01",
    "prodigy:d0=0.01",
    "prodigy:form=sgd,d0=0.01",
    "schedule-free:lr=0.1",
    "schedule-free-adam:lr=0.01",
    "momo",
    "momo-adam",
    "cocob",
    "smd:lr=0.01",
    "lion:lr=0.01",
    "adan:lr=0.01",
    "metaoptimize",
)
"""Every direction and every rule that a training loop can run, once at least."""

COMPONENT = [spec for spec in SPECS if kind(stepbench.method(spec)) == "component"]
TENSOR = [spec for spec in SPECS if kind(stepbench.method(spec)) == "tensor"]
WHOLE = [spec for spec in SPECS if kind(stepbench.method(spec)) == "whole"]
APART = COMPONENT + TENSOR
"""The methods that move each parameter by its own gradients."""

STEADY = [spec for spec in SPECS if stepbench.method(spec).steady]
"""The methods whose step size is their lr, which a scheduler sets."""

ONE_OF_EACH_KIND = ("adam:lr=0.01", "rdbd:lr=0.01", "l4")


def every(*, apart_from: dict[str, str] | None = None, of: Any = SPECS) -> pytest.MarkDecorator:
    """Parametrise a test with specs, without those of which it does not hold, each with the reason.

    A reason for a spec's first word, such as "csawg", holds for all its variants.
    """
    left_out = apart_from or {}
    known = {name for spec in of for name in (spec, spec.split(":")[0])}
    assert left_out.keys() <= known, "a reason for a spec that is not asked"
    return pytest.mark.parametrize("spec", [s for s in of if s not in left_out and s.split(":")[0] not in left_out])


class Trial:
    """A method at PyTorch's own small problem, a matrix W, (10, 5), and a vector b, (10,): the mean of (W x + b)².

    PyTorch takes the sum. With the mean the gradients are of the size that the papers' step sizes are made for. An
    epoch is told to have ten batches, since tlr compares the gradients within one.
    """

    def __init__(
        self,
        spec: str,
        params: Callable[[Tensor, Tensor], Any] = lambda weight, bias: [weight, bias],
        *,
        dtype: torch.dtype = torch.float64,
        contiguous: bool = True,
        seed: int = 0,
        **options: Any,
    ) -> None:
        draw = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            numbers = torch.randn(*shape, 2, generator=draw, dtype=torch.float64).to(dtype)[..., 0]
            return numbers.contiguous() if contiguous else numbers

        self.weight, self.bias = normal(10, 5).requires_grad_(), normal(10).requires_grad_()
        self.input = torch.randn(5, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(dtype)
        self.optimizer = Optimizer(params(self.weight, self.bias), spec, batches=10, **options)
        self.calls = 0

    def loss(self) -> Tensor:
        """The loss, without its gradients."""
        return (self.weight.mv(self.input) + self.bias).square().mean()

    def closure(self) -> Tensor:
        """The loss, with its gradients."""
        self.calls += 1
        self.optimizer.zero_grad()
        loss = self.loss()
        loss.backward()
        return loss

    def run(self, steps: int, each: Callable[[], Any] = lambda: None) -> Trial:
        """Take steps with the closure, and call ``each`` after each of them."""
        for _ in range(steps):
            self.optimizer.step(self.closure)
            each()
        return self

    def continued(self, state: Any, spec: str, **options: Any) -> Trial:
        """Another trial from where this one stands, with an optimizer that has loaded a state."""
        other = Trial(spec, **options)
        with torch.no_grad():
            other.weight.copy_(self.weight)
            other.bias.copy_(self.bias)
        other.optimizer.load_state_dict(state)
        return other

    def point(self) -> Tensor:
        """Where the parameters are, as one vector."""
        return torch.cat([self.weight.detach().reshape(-1), self.bias.detach()])


def through_a_file(data: Any) -> Any:
    """What is read of what was saved, as a checkpoint from a stranger is read: with ``weights_only``."""
    file = io.BytesIO()
    torch.save(data, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def same(a: Any, b: Any) -> bool:
    """Whether plain data are the same, to the last bit, types and dtypes included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and bool(torch.allclose(a, b, rtol=0, atol=0, equal_nan=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(itertools.starmap(same, zip(a, b, strict=True)))
    return a is b or bool(a == b) or (isinstance(a, float) and math.isnan(a) and math.isnan(b))
