"""A module as a function of one vector of weights, at the cost of a loop that is written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stepbench.torch.library import library

if TYPE_CHECKING:
    import torch

    from stepbench.torch.examples import Inputs

    Tensor = torch.Tensor

Loss = Callable[["torch.nn.Module"], "torch.Tensor"]
"""The loss of a module as its weights are now, a tensor of shape ()."""


class Flat:
    """A module whose trained weights are the parts of one vector, (d,): to set them all takes one copy.

    The vector stays where it is in memory. On some processors the products of a matrix round in another way where it
    begins at another place.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        """Take the module, whose weights are of one dtype and on one device, and move its weights into the vector."""
        self.module = module
        self.weights = {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
        self._trained = [*self.weights.values()]
        self._sizes = [weight.numel() for weight in self._trained]
        self.vector = library().cat([weight.detach().reshape(-1) for weight in self._trained])
        for weight, part in zip(self._trained, self._parts(self.vector), strict=True):
            weight.data = part
        self._learning = [part for part in module.modules() if part.training]

    def _parts(self, vector: Tensor) -> list[Tensor]:
        """The parts of a vector, (d,), in the shapes of the weights."""
        parts = library().split(vector, self._sizes)
        return [part.view(weight.shape) for weight, part in zip(self._trained, parts, strict=True)]

    @property
    def buffers(self) -> Tensor:
        """The numbers of all buffers, such as a batch norm's running means, one after the other, (b,), float64."""
        return buffers_of(self.module)

    @buffers.setter
    def buffers(self, values: Tensor) -> None:
        held = [*self.module.buffers()]
        parts = library().split(values, [buffer.numel() for buffer in held])
        with library().no_grad():
            for buffer, part in zip(held, parts, strict=True):
                buffer.copy_(part.view(buffer.shape))

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Within it, every part of the module is in eval(); what was built so stays so."""
        for part in self._learning:
            part.training = False
        try:
            yield
        finally:
            for part in self._learning:
                part.training = True

    def value(self, loss: Loss, w: Tensor) -> Tensor:
        """The loss with the weights w, (d,)."""
        with library().no_grad():
            self.vector.copy_(w)
            return loss(self.module)

    def gradient(self, loss: Loss, w: Tensor, out: Tensor) -> Tensor:
        """The loss with the weights w, (d,); its gradient is written to ``out``, (d,)."""
        torch = library()
        self.vector.copy_(w)
        value = loss(self.module)
        gradients = torch.autograd.grad(value, self._trained, materialize_grads=True)
        torch.cat([part.reshape(-1) for part in gradients], out=out)
        return value.detach()

    def curvature(self, loss: Loss, w: Tensor, v: Tensor) -> Tensor:
        """The Hessian of the loss at w times v, (d,): the derivative of the gradient along v."""
        torch = library()
        self.vector.copy_(w)
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the others have no curvature
            value = loss(self.module)
        gradients = torch.autograd.grad(value, self._trained, create_graph=True, materialize_grads=True)
        curved = [(g, part) for g, part in zip(gradients, self._parts(v), strict=True) if g.requires_grad]
        if not curved:
            return torch.zeros_like(v)  # type: ignore[no-any-return]
        asked, along = zip(*curved, strict=True)
        product: Any = torch.autograd.grad(asked, self._trained, along, materialize_grads=True)
        return torch.cat([part.reshape(-1) for part in product])  # type: ignore[no-any-return]


def buffers_of(module: torch.nn.Module) -> Tensor:
    """The numbers of all buffers of a module, one after the other, (b,), float64."""
    torch = library()
    held = [buffer.detach().reshape(-1).double() for buffer in module.buffers()]
    return torch.cat(held) if held else torch.zeros(0)  # type: ignore[no-any-return]


def called(module: torch.nn.Module, inputs: Inputs) -> Tensor:
    """The outputs of a module for one input, or for several as a tuple."""
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)  # type: ignore[no-any-return]
