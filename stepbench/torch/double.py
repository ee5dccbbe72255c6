"""Single precision taken for double, so that a loss with weights of its own can be computed in float64."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map


def _double(value: Any) -> Any:
    return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


class InDouble(TorchFunctionMode):
    """Within it, every function of torch takes the real numbers that it is given as float64."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The value of the function for arguments in float64."""
        return func(*tree_map(_double, args), **tree_map(_double, kwargs or {}))
