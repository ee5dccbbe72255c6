"""The parameters of all groups as one vector: for a method with one step size, or one that looks at other points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stepbench.contracts import Direction, Method, StepSize, hyperparameters, values_of
from stepbench.fields import Field, InputError, Parametric
from stepbench.torch.bundles import Bundle, working_dtype
from stepbench.torch.checks import no_other_points, parameter_name, short_name
from stepbench.torch.groups import unchecked


class Whole:
    """The one vector of an optimizer: all the parameters that it trains, with the one state of its method.

    ``bundle`` is None before the first step, since what is trained is known only then.
    """

    def __init__(self) -> None:
        self.bundle: Bundle | None = None

    @property
    def has_started(self) -> bool:
        """Whether a step has been taken."""
        return self.bundle is not None and self.bundle.states[0] is not None

    def join(self, method: Method, param_groups: list[dict[str, Any]], *, has_closure: bool) -> Bundle | None:
        """The bundle of all that is trained, in the order of the groups; None where nothing is.

        Raises InputError where the parameters cannot be one vector, or where the method needs a closure.
        """
        if method.plans and not has_closure:
            raise no_other_points(method)
        params = [p for entries in param_groups for p in entries["params"]]
        trained = [p for p in params if p.numel() and (p.requires_grad or p.grad is not None)]
        if self.bundle is not None:
            known = {id(p) for p in self.bundle.params}
            if late := [p for p in trained if id(p) not in known]:
                raise InputError(
                    f"{parameter_name(late[0], param_groups)} is trained only after the first step, and "
                    f"{short_name(method)} takes all parameters as one vector, which cannot grow: make a new optimizer"
                )
        elif trained:
            kinds = sorted({f"{p.dtype} on {p.device}" for p in trained})
            if len({(working_dtype(p.dtype), p.device) for p in trained}) > 1:
                raise InputError(
                    f"{short_name(method)} takes all parameters as one vector, and these are {' and '.join(kinds)}: "
                    "bring them to one dtype and one device"
                )
            self.bundle = Bundle(trained, sum(p.numel() for p in trained))
        return self.bundle

    def plain(self, numbers: dict[int, int]) -> list[dict[str, Any]]:
        """The bundle, where there is one, as plain data; ``numbers`` gives the number of each parameter by its id."""
        return [] if self.bundle is None else [self.bundle.plain(numbers)]

    def restore(self, saved: list[dict[str, Any]], method: Method, params: list[Tensor]) -> None:
        """Have the bundle that ``plain`` described; ``params`` are those of all groups, by their numbers."""
        self.bundle = Bundle.restored(saved[0], method, params) if saved else None


def refuse_differences(methods: Sequence[Method]) -> None:
    """Raise InputError where the methods of groups that are one vector differ in what the vector has only one of."""
    for key, (part, field) in hyperparameters(methods[0]).items():
        values = list(dict.fromkeys(values_of(method)[key] for method in methods))
        if len(values) > 1 and (None in values or not _is_per_component(methods[0], part, field)):
            given = " and ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
            raise InputError(
                f"{short_name(methods[0])} takes the parameters of all groups as one vector with one {key}, and the "
                f"groups have {given}: give each group the same {key}"
            )


def _is_per_component(method: Method, part: Parametric, field: Field) -> bool:
    """Whether each component may have its own value of a hyper-parameter, though all are one vector.

    It may where the value acts on its component alone: in a part that goes component by component, such as Adam's
    direction; as the step size of a steady method; and throughout a method with a step size per component. The minimum
    f* is one number in any case.
    """
    if not field.many or field.name == "f_star":
        return False
    if method.vector == "component" or (method.steady and field.name == "lr"):
        return True
    return isinstance(part, Direction | StepSize) and part.elementwise


def method_of_all(methods: Sequence[Method], param_groups: list[dict[str, Any]], bundle: Bundle) -> Method:
    """The one method of groups that are one vector; raises InputError where they differ in what it has only one of.

    Where they may differ, the hyper-parameter is a number per component of the bundle, (n, 1).
    """
    refuse_differences(methods)
    numbers = {id(p): i for i, entries in enumerate(param_groups) for p in entries["params"]}
    sizes = torch.tensor([p.numel() for p in bundle.params])
    owners = torch.tensor([numbers[id(p)] for p in bundle.params]).repeat_interleave(sizes)

    def per_component(values: list[float]) -> Tensor:
        numbers = torch.tensor(values, dtype=bundle.dtype)[owners].view(-1, 1)
        return numbers.to(bundle.params[0].device)

    table = [values_of(method) for method in methods]
    columns = {key: [values[key] for values in table] for key in table[0]}
    differing = {key: per_component(values) for key, values in columns.items() if len(set(values)) > 1}
    return unchecked(methods[0], differing)
