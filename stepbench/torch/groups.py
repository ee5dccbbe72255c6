"""What an optimizer keeps for each parameter group: the group's own method, and the bundles of its parameters."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from torch import Tensor

from stepbench.contracts import Method, hyperparameters, values_of, with_arrays, with_values
from stepbench.fields import InputError
from stepbench.torch.bundles import Bundle, kind, new_bundles
from stepbench.torch.checks import no_curvature, no_minimum, short_name
from stepbench.torch.compiled import scalar


def number_of(value: Any) -> Any:
    """A hyper-parameter as torch's groups hold it: a tensor as the number in it, and anything else as it is."""
    return value.item() if isinstance(value, Tensor) else value


def method_of_group(method: Method, entries: dict[str, Any], horizon: int | None) -> Method:
    """The method with the hyper-parameters of a group; raises InputError where it cannot be run on the group."""
    made: Method = with_values(method, {key: number_of(value) for key, value in entries.items()})
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


class Group:
    """The method of a parameter group, the hyper-parameters that it was made with, and the group's bundles.

    It has no bundles where all groups are one vector. Torch's own ``param_groups`` hold the entries that a user or a
    scheduler may change.
    """

    def __init__(self, method: Method) -> None:
        self.bundles: list[Bundle] = []
        self.take(method)

    def take(self, method: Method) -> None:
        """Have this method from now on."""
        self.method = method
        self.values = values_of(method)
        self._method_in_tensors: Method | None = None

    @property
    def method_in_tensors(self) -> Method:
        """The method with its real hyper-parameters as tensors of shape (), whose values torch.compile does not fix."""
        if self._method_in_tensors is None:
            self._method_in_tensors = with_arrays(self.method, scalar)
        return self._method_in_tensors

    @property
    def has_started(self) -> bool:
        """Whether a step has been taken."""
        return any(state is not None for bundle in self.bundles for state in bundle.states)

    # Hyper-parameters -------------------------------------------------------------------------------------------------

    def follow(self, entries: dict[str, Any], horizon: int | None, *, has_started: bool) -> None:
        """Take over the hyper-parameters that torch's group has now; raises InputError where they cannot be changed."""
        values = {key: number_of(entries[key]) for key in self.values}
        if values == self.values:
            return
        made = self._remade(values, horizon)
        if has_started:
            self._refuse_changes(made, values)
        self.take(made)

    def _remade(self, values: dict[str, Any], horizon: int | None) -> Method:
        """The method with other hyper-parameters, among which a steady method may have a step size of 0.

        A scheduler warms up from 0, or ends there, but nobody may ask for it: 0 is out of the bounds of ``lr``.
        """
        known = hyperparameters(self.method)
        resting = [key for key, (_, field) in known.items() if field.name == "lr" and values[key] == 0]
        if not resting or not self.method.steady:
            return method_of_group(self.method, values, horizon)
        made = method_of_group(self.method, values | dict.fromkeys(resting, 1.0), horizon)
        return unchecked(made, dict.fromkeys(resting, 0.0))

    def _refuse_changes(self, made: Method, values: dict[str, Any]) -> None:
        """Raise InputError where a hyper-parameter has changed that must not change after the first step."""
        for key, (_, field) in hyperparameters(made).items():
            old, new = self.values[key], values[key]
            if old == new:
                continue
            if field.name == "lr" and not made.steady:
                raise InputError(
                    f"{short_name(made)} sets its own step size, from its first lr={old:g} on: {key}={new:g} "
                    "cannot be set, by a scheduler or otherwise; schedule gd, adam, momentum …, or take cosine …"
                )
            if not field.many:
                raise InputError(f"{key} is structural: it cannot change from {old} to {new} after the first step")

    # Bundles ----------------------------------------------------------------------------------------------------------

    def with_gradients(self, params: list[Tensor], *, cut: bool) -> list[tuple[Bundle, list[Tensor]]]:
        """The bundles whose parameters have gradients, with these gradients.

        A bundle is split where only some of its parameters have a gradient. Parameters that have one for the first
        time come into new bundles; with ``cut`` large ones are cut into pieces.
        """
        bundles = []
        for bundle in self.bundles:
            missing = sum(p.grad is None for p in bundle.params)
            bundles += bundle.split() if 0 < missing < len(bundle.params) else [bundle]
        if sum(len(bundle.params) for bundle in bundles) < len(params):
            known = {id(p) for bundle in bundles for p in bundle.params}
            fresh = [p for p in params if p.grad is not None and id(p) not in known and p.numel()]
            bundles += new_bundles(fresh, self.method, cut=cut)
        self.bundles = bundles
        found = []
        for bundle in bundles:
            grads = [p.grad for p in bundle.params if p.grad is not None]
            if grads:
                found.append((bundle, grads))
        return found

    # What is kept -----------------------------------------------------------------------------------------------------

    def plain(self, numbers: dict[int, int]) -> list[dict[str, Any]]:
        """The bundles as plain data; ``numbers`` gives the number of each parameter by its id."""
        return [bundle.plain(numbers) for bundle in self.bundles]

    def restore(self, saved: list[dict[str, Any]], params: list[Tensor]) -> None:
        """Have the bundles that ``plain`` described; ``params`` are those of all groups, by their numbers."""
        self.bundles = [Bundle.restored(data, self.method, params) for data in saved]
