"""What a ``state_dict`` must hold for an optimizer, and how it comes to the optimizer's parameters."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from stepbench.contracts import Method, hyperparameters
from stepbench.fields import InputError
from stepbench.torch.entries import Entries
from stepbench.torch.groups import ParameterGroup
from stepbench.torch.names import names_of
from stepbench.torch.values import fits, misfit

EXTRA = "stepbench"
"""The entry of each group of a ``state_dict`` that holds what torch's optimizers do not have, such as the method."""

_FOREIGN = "the state is not of an optimizer of stepbench's: give what state_dict() of one gave"


class Loaded(NamedTuple):
    """What an optimizer takes over of a ``state_dict``."""

    state: dict[Any, Any]
    param_groups: list[ParameterGroup]
    extra: Mapping[str, Any]


def read(saved: Any, method: Method, param_groups: list[dict[str, Any]]) -> Loaded:
    """What was saved, for the parameters of these groups; raises InputError where it does not fit them.

    Parameters with names on both sides are matched by their names within each group, and others by their order. Values
    keep the dtype in which they were saved, and come to the device of their parameter, in memory of their own.
    """
    if not _is_state_dict(saved):
        raise InputError(_FOREIGN)
    state, groups = saved["state"], saved["param_groups"]
    if "blocks" in state:
        raise InputError("the state is of an older version: load the weights alone, and start the optimizer anew")
    extra = _extra(state, groups, method)
    here, there = ([len(group["params"]) for group in some] for some in (param_groups, groups))
    if here != there:
        raise InputError(f"the state is of groups of {there} parameters, and here they are of {here}")
    owners: dict[Any, Tensor] = {}
    for saved_group, group in zip(groups, param_groups, strict=True):
        owners |= _owners(saved_group, group)
    _vet_values(state, owners, method, param_groups)
    return Loaded(
        {owners.get(key, key): _placed(value, owners.get(key)) for key, value in state.items()},
        [_taken_over(saved_group, group) for saved_group, group in zip(groups, param_groups, strict=True)],
        extra,
    )


def _is_state_dict(saved: Any) -> bool:
    """Whether it has the form of what torch's optimizers save."""
    if not isinstance(saved, Mapping) or not isinstance(saved.get("state"), Mapping):
        return False
    groups = saved.get("param_groups")
    if not isinstance(groups, list) or not groups:
        return False
    return all(isinstance(group, Mapping) and isinstance(group.get("params"), list) for group in groups)


def _extra(state: Mapping[Any, Any], groups: list[Mapping[str, Any]], method: Method) -> Mapping[str, Any]:
    """What the groups say beside torch's entries; raises InputError where they are of another method.

    Where another's way of saving has left that out, the hyper-parameters and the entries of the method must be there.
    """
    extra = groups[0].get(EXTRA)
    if isinstance(extra, Mapping) and "method" in extra:
        if extra["method"] != method.name:
            raise InputError(f"the state is of {extra['method']}, and the optimizer's method is {method.name}")
        return extra
    entries = Entries(method)
    complete = all(key in group for group in groups for key in hyperparameters(method))
    known = all(isinstance(kept, Mapping) and entries.required <= kept.keys() for kept in state.values() if kept)
    if not complete or not known:
        raise InputError(_FOREIGN)
    return {}


def _owners(saved: Mapping[str, Any], group: dict[str, Any]) -> dict[Any, Tensor]:
    """The parameter of a group for each key of a saved group."""
    keys, params = saved["params"], group["params"]
    names, own = names_of(saved), names_of(group)
    if names is None or own is None or names == own:
        return dict(zip(keys, params, strict=True))
    if sorted(names) != sorted(own):
        raise InputError(
            f"the state is of parameters named {', '.join(names)}, and here they are {', '.join(own)}: give a state "
            "without param_names, which goes by their order, or rename them by register_load_state_dict_pre_hook"
        )
    by_name = dict(zip(own, params, strict=True))
    return {key: by_name[name] for key, name in zip(keys, names, strict=True)}


def _vet_values(
    state: Mapping[Any, Any], owners: dict[Any, Tensor], method: Method, param_groups: list[dict[str, Any]]
) -> None:
    """Raise InputError where an entry of the method's does not fit its parameter."""
    entries = Entries(method)
    for key, p in owners.items():
        kept = state.get(key, {})
        if not isinstance(kept, Mapping):
            raise InputError(_FOREIGN)
        for path, value in entries.of(kept).items():
            if not fits(value, p, entries.first(path)):
                raise misfit(entries.name(path), value, p, param_groups)


def _placed(value: Any, p: Tensor | None) -> Any:
    """A copy of what was saved for a parameter, on the parameter's device; in memory of its own."""
    if isinstance(value, Tensor):
        return value.detach().to(value.device if p is None else p.device, copy=True)
    if isinstance(value, dict):
        return {key: _placed(part, p) for key, part in value.items()}
    if isinstance(value, list):
        return [_placed(part, p) for part in value]
    return copy.deepcopy(value)


def _taken_over(saved: Mapping[str, Any], group: dict[str, Any]) -> ParameterGroup:
    """A saved group, with the parameters and the names of the group that it is for."""
    own = {key: group[key] for key in ("params", "param_names") if key in group}
    rest = {key: copy.deepcopy(value) for key, value in saved.items() if key not in ("params", EXTRA)}
    return ParameterGroup(rest | own)
