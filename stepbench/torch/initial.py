"""How the weights of a network are drawn before they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from stepbench.torch.library import library

if TYPE_CHECKING:
    import torch

Init: TypeAlias = Literal["torch", "xavier-uniform", "xavier-normal", "he-uniform", "he-normal", "orthogonal"]
"""The ways to draw them: Glorot & Bengio 2010 (Xavier), He et al. 2015, Saxe, McClelland & Ganguli 2014."""


def draw_weights(module: torch.nn.Module, init: Init) -> None:
    """Draw every trained weight matrix and convolution anew in this way, and set the biases beside them to 0.

    Random numbers are torch's. With "torch" the module stays as its layers drew it. What has one number per channel,
    such as the scales of a batch norm, stays in any case.
    """
    if init == "torch":
        return
    nn = library().nn
    draw = {
        "xavier-uniform": nn.init.xavier_uniform_,
        "xavier-normal": nn.init.xavier_normal_,
        "he-uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
        "he-normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
        "orthogonal": nn.init.orthogonal_,
    }[init]
    for part in module.modules():
        own = [weight for weight in part.parameters(recurse=False) if weight.requires_grad]
        if not any(weight.ndim >= 2 for weight in own):
            continue
        for weight in own:
            draw(weight) if weight.ndim >= 2 else nn.init.zeros_(weight)
