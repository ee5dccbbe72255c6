"""What a training loop refuses, and the words in which it says so."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from stepbench.contracts import Method
from stepbench.fields import InputError
from stepbench.torch.bundles import Bundle
from stepbench.torch.names import parameter_name, short_name


class NonFinite(Exception):  # noqa: N818 - not an error yet: the user chooses between a warning and an error
    """A step is refused because of a number that is not finite; the message says which one."""

    def __init__(self, message: str, loss: Any) -> None:
        """Keep the message, and the loss that the closure returned."""
        super().__init__(message)
        self.loss = loss


class Skipped(Exception):  # noqa: N818 - not an error: the closure asked for it
    """The closure returned nothing, by which it asks that no step be taken."""


# Questions without an answer ------------------------------------------------------------------------------------------


def no_minimum(method: Method) -> InputError:
    """The error for a method that asks for the minimum f*, which it has to be told."""
    return InputError(f"{short_name(method)} needs the minimum f*: give it as {_told(method, 'f_star=0')}")


def no_smoothness(method: Method) -> InputError:
    """The error for a method that asks for the smoothness constant L, which it has to be told."""
    return InputError(f"{short_name(method)} needs the smoothness constant L: give it as {_told(method, 'L=100')}")


def _told(method: Method, option: str) -> str:
    """The spec of a method with one more option."""
    return f"{method},{option}" if ":" in str(method).rpartition("+")[2] else f"{method}:{option}"


def no_curvature(method: Method) -> InputError:
    """The error for a method that asks for the diagonal of the Hessian."""
    return InputError(f"{short_name(method)} needs the Hessian's diagonal, which a training loop does not give")


def no_start(method: Method) -> InputError:
    """The error for a method that asks for other starts."""
    return InputError(
        f"{short_name(method)} needs starts drawn as the parameters were, which a training loop does not tell: take "
        "law=normal"
    )


def no_loss(method: Method) -> InputError:
    """The error for a method that asks for the loss, where there is no closure."""
    return InputError(f"{short_name(method)} needs the loss: call step(closure), or step(loss=loss) after backward()")


def no_other_points(method: Method) -> InputError:
    """The error for a method that asks for gradients at other points, where there is no closure."""
    return InputError(f"{short_name(method)} needs gradients at other points: call step(closure)")


# Gradients ------------------------------------------------------------------------------------------------------------


def refuse_meta(p: Tensor, param_groups: list[dict[str, Any]]) -> None:
    """Raise InputError where a parameter is on the device meta."""
    if p.device.type == "meta":
        name = parameter_name(p, param_groups)
        raise InputError(f"{name} is on the device meta, where there are no numbers: bring it to another one")


def refuse_sparse(params: Sequence[Tensor], grads: Sequence[Tensor | None], param_groups: list[dict[str, Any]]) -> None:
    """Raise InputError where a gradient is sparse."""
    for p, g in zip(params, grads, strict=True):
        if g is not None and g.layout is not torch.strided:
            name = parameter_name(p, param_groups)
            raise InputError(f"{name} has a sparse gradient: methods take dense ones (sparse=False)")


def refuse_nonfinite(loss: Any, gradients: list[tuple[Bundle, Tensor]], param_groups: list[dict[str, Any]]) -> None:
    """Raise NonFinite where the loss or the gradient of a bundle, (n, 1), is not finite.

    The sum of all numbers is looked at first, since it takes a single pass and is not finite where one of them is not.
    Where it is not finite, each of them is looked at, since a sum of finite numbers may overflow.
    """
    sums = [g.sum(dtype=bundle.dtype) for bundle, g in gradients]
    if loss is not None:
        sums.append(torch.as_tensor(loss).detach().reshape(()))
    if _sum_is_finite(sums):
        return
    if loss is not None and not torch.as_tensor(loss).detach().isfinite().all():
        raise NonFinite(f"the loss is {torch.as_tensor(loss).detach().item():g}", loss)
    for bundle, g in gradients:
        if not g.isfinite().all():
            name = parameter_name(bundle.first_nonfinite(g), param_groups)
            raise NonFinite(f"the gradient of {name} is not finite", loss)


def _sum_is_finite(numbers: list[Tensor]) -> bool:
    """Whether numbers of shape () have a finite sum; each device is waited for only once."""
    by_device = defaultdict(list)
    for number in numbers:
        by_device[number.device].append(number)
    return all(math.isfinite(torch.stack(numbers).sum().item()) for numbers in by_device.values())
