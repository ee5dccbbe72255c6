"""The words for a method and for a parameter in what is said about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
        names = names_of(group)
        for i, p in enumerate(group["params"]):
            if p is param:
                return f"parameter {number}, of shape {tuple(p.shape)}," if names is None else names[i]
            number += 1
    raise ValueError("the parameter is in none of the groups")


def names_of(group: Mapping[str, Any]) -> list[str] | None:
    """The names of a group's parameters; None where they have none, or where somebody has left some of them out."""
    names = group.get("param_names")
    if not isinstance(names, list | tuple) or len(names) != len(group["params"]):
        return None
    return list(names) if all(isinstance(name, str) for name in names) else None
