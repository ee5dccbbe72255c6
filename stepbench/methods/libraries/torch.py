"""torch's optimizers: torch:Adam, torch:LBFGS, …."""

from __future__ import annotations

from functools import cache
from typing import Any

from stepbench.methods.libraries import _foreign
from stepbench.methods.libraries._tensors import tensor_class

CHOICES = {"line_search_fn": ("strong_wolfe",)}


def version() -> str:
    """The version of torch that is installed."""
    return _foreign.version("torch", "torch")


def _optimizers() -> dict[str, Any]:
    optim = _foreign.require("torch", "torch.optim", "torch", "2.6")
    return {
        name: cls
        for name, cls in vars(optim).items()
        if isinstance(cls, type) and issubclass(cls, optim.Optimizer) and cls is not optim.Optimizer
    }


def names() -> tuple[str, ...]:
    """The optimizers of torch.optim."""
    return tuple(sorted(_optimizers(), key=str.lower))


@cache
def load(name: str) -> type:
    """The class of one of them; raises InputError where it needs what the bench lacks."""
    found = _optimizers()
    return tensor_class(
        "torch",
        name,
        found[name],
        algorithm=f"torch.optim.{name}: its documentation has the algorithm",
        source=f"torch.optim.{name} of torch {version()}",
        choices=CHOICES,
    )
