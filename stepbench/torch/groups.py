"""What an optimizer has for each parameter group: the group's own method, and the bundles of its parameters."""

from __future__ import annotations

import copy
from functools import cached_property
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stepbench.contracts import Method, hyperparameters, values_of, with_arrays, with_values
from stepbench.fields import InputError, nearest
from stepbench.torch.bundles import PIECE, Bundle, grouped, kind
from stepbench.torch.checks import no_curvature, no_minimum, refuse_meta
from stepbench.torch.compiled import scalar
from stepbench.torch.entries import Entries, Path, flat
from stepbench.torch.names import parameter_name, short_name
from stepbench.torch.objective import OPTIONS
from stepbench.torch.oracles import GradientOracle
from stepbench.torch.shards import refuse_shares
from stepbench.torch.values import Groups, Kept

_ENTRIES_OF_TORCH = ("params", "param_names", "name", "initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum")
"""The entries of a parameter group that torch and its schedulers write."""


class ParameterGroup(dict[str, Any]):
    """A parameter group as torch has it, a dict, which says in words what it does not have."""

    def __missing__(self, key: str) -> Any:
        """Raise InputError: a scheduler of torch's sets a group's lr, and some methods have none."""
        raise InputError(
            f"the parameter group has no {key}, which cannot be read or scheduled: it has "
            + ", ".join(name for name in self if name != "params")
        )


def number_of(key: str, value: Any) -> Any:
    """A hyper-parameter as a number: what is in a tensor of one element, and anything else as it is."""
    if not isinstance(value, Tensor):
        return value
    if value.numel() != 1:
        raise InputError(f"{key} is a tensor of shape {tuple(value.shape)}, and must be one number")
    return value.item()


def method_of_group(method: Method, entries: dict[str, Any], horizon: int | None) -> Method:
    """The method with the hyper-parameters of a group; raises InputError where it cannot be run on the group."""
    made = with_entries(method, entries)
    name = short_name(made)
    if kind(made) != kind(method):
        raise InputError(f"{name} must have one and the same per in every group: build an optimizer for each")
    for part, field in hyperparameters(made).values():
        value = getattr(part, field.name)
        if isinstance(value, np.ndarray):
            raise InputError(f"{name}: {field.name} must be one number: an optimizer is one run")
        if field.name == "T" and value is None and horizon is None:
            raise InputError(f"{name} needs the number of steps: give horizon= or T")
        if field.name == "f_star" and value is None and "f_star" in made.needs:
            raise no_minimum(made)
    if "curvature" in made.needs:
        raise no_curvature(made)
    return made


def with_entries(method: Method, entries: dict[str, Any]) -> Method:
    """The method with some hyper-parameters changed; raises InputError.

    A step size of 0 may be asked for, though 0 is out of the bounds of ``lr``: a scheduler warms up from it.
    """
    values = {key: number_of(key, value) for key, value in entries.items()}
    known = hyperparameters(method)
    resting = [key for key, value in values.items() if key in known and known[key][1].name == "lr" and _is_zero(value)]
    made: Method = with_values(method, values | dict.fromkeys(resting, 1.0))
    return unchecked(made, dict.fromkeys(resting, 0.0))


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


def unchecked(method: Method, values: dict[str, Any]) -> Method:
    """The method with some hyper-parameters changed to what their bounds and kinds, which are not looked at, exclude.

    Such are a step size of 0, at which a scheduler begins or ends, and a tensor with a number per component.
    """
    if not values:
        return method
    made = copy.deepcopy(method)
    known = hyperparameters(made)
    for key, value in values.items():
        part, field = known[key]
        vars(part)[field.name] = value
    return made


def refuse_misspelt(method: Method, entries: dict[str, Any]) -> None:
    """Raise InputError where an entry of a group may be a misspelt hyper-parameter; others are somebody else's."""
    known = hyperparameters(method)
    for key in entries:
        if key not in {*known, *OPTIONS, *_ENTRIES_OF_TORCH} and (close := nearest(key, known)):
            raise InputError(f"{short_name(method)} has no hyper-parameter {key}{close}; it has {', '.join(known)}")


def vet_parameters(method: Method, param_groups: list[dict[str, Any]]) -> None:
    """Raise InputError where a group has something that the method cannot train, or what another one has, too."""
    seen: set[int] = set()
    for entries in param_groups:
        for p in entries["params"]:
            if not isinstance(p, Tensor):
                raise InputError(f"a parameter group has a {type(p).__name__} among its params: give it tensors")
            name = parameter_name(p, param_groups)
            if p.is_complex():
                raise InputError(f"{name} is complex: methods take real parameters (torch.view_as_real gives them)")
            if id(p) in seen:
                raise InputError(f"{name} is in the parameter groups twice: give it once")
            seen.add(id(p))
    refuse_shares(method, param_groups)


class Group:
    """The method of a parameter group, and the bundles of the group's parameters.

    It has no bundles where all groups are one vector. ``entries`` is torch's own group, a dict that a user or a
    scheduler may change: the method and the bundles follow it. ``kept`` is the ``state`` of torch's optimizer.
    """

    def __init__(self, method: Method, entries: dict[str, Any], horizon: int | None) -> None:
        """Have the method with the hyper-parameters of a group, which gets those that it lacks; raises InputError."""
        self.entries, self.bundles, self._defaults = entries, list[Bundle](), values_of(method)
        self.params: list[Tensor] = []
        self.method = method_of_group(method, self._current_values(), horizon)
        self._values = values_of(self.method)
        for key, value in self._values.items():
            if not isinstance(entries[key], Tensor):  # a scheduler fills such a tensor in place
                entries[key] = value

    def _current_values(self) -> dict[str, Any]:
        """The hyper-parameters that the group has now."""
        for key, value in self._defaults.items():
            self.entries.setdefault(key, value)
        return {key: number_of(key, self.entries[key]) for key in self._defaults}

    @cached_property
    def method_in_tensors(self) -> Method:
        """The method with its real hyper-parameters as tensors of shape (), whose values torch.compile does not fix."""
        method: Method = with_arrays(self.method, scalar)
        return method

    @cached_property
    def kept_entries(self) -> Entries:
        """The entries that the method keeps for each parameter."""
        return Entries(self.method)

    @cached_property
    def components(self) -> frozenset[Path] | None:
        """What each tensor has per component, where it is a vector of its own: tried with a tensor of two components.

        The rest it has once, such as its step size. None where a tensor is no vector of its own.
        """
        if kind(self.method) != "tensor":
            return None
        w, oracle = torch.tensor([[1.0], [2.0]]), GradientOracle(torch.tensor(1.0), horizon=1, fraction=1.0)
        oracle.turn_to(self.method, [2])
        oracle.stand_at(w, torch.ones(2, 1))
        _, state = self.method.step(w, oracle, self.method.init(w))
        return frozenset(path for path, value in flat(state).items() if isinstance(value, Tensor) and value.ndim == 2)

    @cached_property
    def rests(self) -> bool:
        """Whether the parameters stay where they are: a method that sets its own step size was given 0 for it."""
        known = hyperparameters(self.method)
        zero = any(field.name == "lr" and _is_zero(self._values[key]) for key, (_, field) in known.items())
        return zero and not self.method.steady

    # Following torch's group ------------------------------------------------------------------------------------------

    def follow(self, horizon: int | None, kept: Kept, together: list[Group]) -> None:
        """Take over the hyper-parameters that torch's group has now; raises InputError where they cannot be changed.

        ``together`` are the groups that have one state: all of them, or this one.
        """
        values = self._current_values()
        if values == self._values:
            return
        made = method_of_group(self.method, values, horizon)
        has_started = any(group.has_started(kept) for group in together)
        if has_started and self.rests:
            self._begin_anew(kept)
        elif has_started:
            self._refuse_changes(made)
        else:
            self._forget("kept_entries", "components")
        self.method, self._values = made, values_of(made)
        self._forget("method_in_tensors", "rests")

    def _forget(self, *names: str) -> None:
        for name in names:
            self.__dict__.pop(name, None)

    def _begin_anew(self, kept: Kept) -> None:
        """Drop what is kept for the method: it rested, so that nothing of it has moved the parameters."""
        for p in self.entries["params"]:
            for name in [name for name in kept.get(p, {}) if self.kept_entries.path(name) is not None]:
                del kept[p][name]

    def has_started(self, kept: Kept) -> bool:
        """Whether there is a state for one of the parameters."""
        return any(self.kept_entries.of(kept.get(p, {})) for p in self.entries["params"])

    def _refuse_changes(self, made: Method) -> None:
        """Raise InputError where a hyper-parameter has changed that must not change after the first step."""
        values = values_of(made)
        for key, (_, field) in hyperparameters(made).items():
            old, new = self._values[key], values[key]
            if old == new:
                continue
            if field.name == "lr" and not made.steady:
                raise InputError(
                    f"{short_name(made)} sets its own step size, from its first lr={old:g} on: {key}={new:g} "
                    "cannot be set, by a scheduler or otherwise; schedule gd, adam, momentum …, or take cosine …"
                )
            if not field.many:
                raise InputError(f"{key} is structural: it cannot change from {old} to {new} after the first step")

    def follow_params(self) -> bool:
        """Let go of parameters that torch's group no longer has; whether its parameters are others than before."""
        params = self.entries["params"]
        if len(params) == len(self.params) and all(map(is_, params, self.params)):
            return False
        ids = {id(p) for p in params}
        self.bundles = [bundle for bundle in self.bundles if all(id(p) in ids for p in bundle.params)]
        self.params = list(params)
        return True

    # Bundles ----------------------------------------------------------------------------------------------------------

    def with_gradients(self, kept: Kept, param_groups: Groups, *, cut: bool) -> list[tuple[Bundle, list[Tensor]]]:
        """The bundles whose parameters have gradients, with these gradients.

        A bundle is split where only some of its parameters have a gradient. Parameters that are in no bundle come into
        new ones, and so do those for which something else is kept than their bundle left there; with ``cut`` large ones
        are cut into pieces. Raises InputError where what is kept cannot be a state.
        """
        bundles: list[Bundle] = []
        for bundle in self.bundles:
            grads = [p.grad for p in bundle.params if p.grad is not None]
            if not grads:
                bundles.append(bundle)
            elif bundle.is_current(kept):
                whole = len(grads) == len(bundle.params)
                bundles += [bundle] if whole else [self._begun([p], kept, param_groups) for p in bundle.params]
        if sum(len(bundle.params) for bundle in bundles) < len(self.params):
            known = {id(p) for bundle in bundles for p in bundle.params}
            fresh = [p for p in self.params if p.grad is not None and id(p) not in known and p.numel()]
            together = grouped(fresh, self.kept_entries, kept, alone=self.components is not None)
            bundles += [self._begun(some, kept, param_groups, cut=cut) for some in together]
        self.bundles, found = bundles, []
        for bundle in bundles:
            grads = [p.grad for p in bundle.params if p.grad is not None]
            if grads:
                found.append((bundle, grads))
        return found

    def _begun(self, params: list[Tensor], kept: Kept, param_groups: Groups, *, cut: bool = False) -> Bundle:
        """A bundle of some parameters, with what is kept for them."""
        refuse_meta(params[0], param_groups)
        in_pieces = cut and kind(self.method) == "component" and params[0].device.type == "cpu" and len(params) == 1
        size = PIECE if in_pieces else None
        bundle = Bundle(params, self.kept_entries, piece_size=size, components=self.components)
        bundle.gather(self.method, kept, param_groups)
        return bundle
