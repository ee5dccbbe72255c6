"""stepbench in torch: the methods as optimizers of a training loop, and networks as problems of the bench."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepbench.torch.examples import Examples
    from stepbench.torch.network import Network
    from stepbench.torch.optimizer import Optimizer

__all__ = ["Examples", "Network", "Optimizer"]


def __dir__() -> list[str]:
    """The public names, for completion."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a network is named without torch, which takes seconds to import."""
    from importlib import import_module

    if name in __all__:
        return getattr(import_module(f"stepbench.torch.{name.lower()}"), name)
    raise AttributeError(f"module 'stepbench.torch' has no attribute {name!r}")
