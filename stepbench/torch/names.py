"""The words for a method and for a parameter in what is said about them."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from stepbench.contracts import Method


def short_name(method: Method) -> str:
    """The name of a method, without its options."""
    return re.sub(r":[^+]*", "", str(method))


def parameter_name(param: Tensor, param_groups: list[dict[str, Any]]) -> str:
    """The name of a parameter, or its number and its shape where it has no name."""
    number = 0
    for group in param_groups:
        for i, p in enumerate(group["params"]):
            if p is param:
                named = "param_names" in group
                return group["param_names"][i] if named else f"parameter {number}, of shape {tuple(p.shape)},"
            number += 1
    raise ValueError("the parameter is in none of the groups")
