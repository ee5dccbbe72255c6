"""The parameters of all groups as one vector: for a method with one step size, or one that looks at other points."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any

import torch
from torch import Tensor

from stepbench.contracts import Direction, Method, StepSize, hyperparameters, values_of
from stepbench.fields import Field, InputError, Parametric
from stepbench.torch.bundles import Bundle, working_dtype
from stepbench.torch.checks import no_other_points, refuse_meta
from stepbench.torch.groups import Group, unchecked
from stepbench.torch.names import short_name
from stepbench.torch.ranks import Ranks
from stepbench.torch.values import Kept


class Whole:
    """The one vector of an optimizer: all the parameters that it trains, with the one state of its method.

    ``bundle`` is None before the first step, since what is trained is known only then.
    """

    def __init__(self) -> None:
        self.bundle: Bundle | None = None
        self._is_whole = False

    def join(self, groups: list[Group], kept: Kept, *, has_closure: bool) -> Bundle | None:
        """The bundle of all that is trained, in the order of the groups; None where nothing is.

        What has been trained stays a part of the vector while it is frozen. Raises InputError where the parameters
        cannot be one vector, or where the method needs a closure.
        """
        if not groups:
            return None
        param_groups = [group.entries for group in groups]
        method, entries = groups[0].method, groups[0].kept_entries
        if method.plans and not has_closure:
            raise no_other_points(method)
        params = [p for one in param_groups for p in one["params"] if p.numel()]
        trained = [p for p in params if p.requires_grad or p.grad is not None or entries.of(kept.get(p, {}))]
        if not trained:
            self.bundle = None
        elif self.bundle is None or not _are_same(trained, self.bundle.params) or not self.bundle.is_current(kept):
            kinds = sorted({f"{p.dtype} on {p.device}" for p in trained})
            if len({(working_dtype(p.dtype), p.device) for p in trained}) > 1:
                raise InputError(
                    f"{short_name(method)} takes all parameters as one vector, and these are {' and '.join(kinds)}: "
                    "bring them to one dtype and one device"
                )
            refuse_meta(trained[0], param_groups)
            self.bundle = Bundle(trained, entries)
            self.bundle.gather(method, kept, param_groups)
        return self.bundle

    def refuse_parts(self, method: Method, ranks: Ranks) -> None:
        """Raise InputError where the processes do not begin with the same vector; looked at before the first step.

        Replicas do. Where each has some of the tensors, as under ZeroRedundancyOptimizer, none has the vector.
        """
        if self._is_whole:
            return
        w = torch.zeros(0, 1) if self.bundle is None else self.bundle.point().double()
        if not ranks.see_the_same([float(len(w)), float(w.sum()), float(w.square().sum())]):
            raise InputError(
                f"{short_name(method)} takes all parameters as one vector, and the processes have different ones: "
                "train replicas with DistributedDataParallel, or give process_group=False where each trains its own"
            )
        self._is_whole = True


def _are_same(some: list[Tensor], others: list[Tensor]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))


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
