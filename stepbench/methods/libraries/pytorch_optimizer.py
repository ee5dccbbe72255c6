"""The optimizers of pytorch_optimizer: pytorch-optimizer:Prodigy, …."""

from __future__ import annotations

from functools import cache
from typing import Any

from stepbench.methods.libraries import _foreign
from stepbench.methods.libraries._tensors import tensor_class

MATRICES_ONLY = ("AdamP", "APOLLO", "Conda", "Fira", "GaLore", "LARS", "SGDP", "SPlus")
"""Those that are another optimizer, such as Adam, for a parameter that is no matrix."""


def version() -> str:
    """The version of pytorch_optimizer that is installed."""
    return _foreign.version("pytorch_optimizer", "peers")


@cache
def _optimizers() -> dict[str, Any]:
    _foreign.require("torch", "torch.optim", "peers", "2.6")
    library = _foreign.require("pytorch_optimizer", "pytorch_optimizer", "peers", "3.6")
    found: dict[str, Any] = {}
    for name in library.get_supported_optimizers():
        make = library.load_optimizer(name)
        found.setdefault(make.__name__, make)
    return found


def names() -> tuple[str, ...]:
    """The optimizers that its loader knows."""
    return tuple(sorted(_optimizers(), key=str.lower))


@cache
def load(name: str) -> type:
    """The class of one of them; raises InputError where it needs what the bench lacks."""
    found = _optimizers()
    if name in MATRICES_ONLY:
        raise _foreign.refused("pytorch-optimizer", name, _foreign.MATRICES)
    return tensor_class(
        "pytorch-optimizer",
        name,
        found[name],
        algorithm=f"pytorch_optimizer.{name}: its documentation has the algorithm",
        source=f"pytorch_optimizer.{name} of pytorch_optimizer {version()}",
    )
