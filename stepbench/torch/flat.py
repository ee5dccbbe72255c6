"""A module as a function of one vector of weights, at the cost of a loop that is written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stepbench.torch.library import library

if TYPE_CHECKING:
    import torch

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
        self._w = library().cat([weight.detach().reshape(-1) for weight in self._trained])
        for weight, part in zip(self._trained, self._parts(self._w), strict=True):
            weight.data = part

    def _parts(self, vector: Tensor) -> list[Tensor]:
        """The parts of a vector, (d,), in the shapes of the weights."""
        parts = library().split(vector, self._sizes)
        return [part.view(weight.shape) for weight, part in zip(self._trained, parts, strict=True)]

    def value(self, loss: Loss, w: Tensor) -> Tensor:
        """The loss with the weights w, (d,)."""
        with library().no_grad():
            self._w.copy_(w)
            return loss(self.module)

    def gradient(self, loss: Loss, w: Tensor, out: Tensor) -> Tensor:
        """The loss with the weights w, (d,); its gradient is written to ``out``, (d,)."""
        torch = library()
        self._w.copy_(w)
        value = loss(self.module)
        gradients = torch.autograd.grad(value, self._trained, materialize_grads=True)
        torch.cat([part.reshape(-1) for part in gradients], out=out)
        return value.detach()

    def curvature(self, loss: Loss, w: Tensor, v: Tensor) -> Tensor:
        """The Hessian of the loss at w times v, (d,): the derivative of the gradient along v."""
        torch = library()
        self._w.copy_(w)
        gradients = torch.autograd.grad(loss(self.module), self._trained, create_graph=True, materialize_grads=True)
        curved = [(g, part) for g, part in zip(gradients, self._parts(v), strict=True) if g.requires_grad]
        if not curved:
            return torch.zeros_like(v)  # type: ignore[no-any-return]
        asked, along = zip(*curved, strict=True)
        product: Any = torch.autograd.grad(asked, self._trained, along, materialize_grads=True)
        return torch.cat([part.reshape(-1) for part in product])  # type: ignore[no-any-return]
