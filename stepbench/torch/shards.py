"""Parameters that are shared out between processes: the part that this process has, and what cannot be so shared."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stepbench.contracts import Method
from stepbench.fields import InputError
from stepbench.torch.names import parameter_name, short_name


def own_part(tensor: Tensor) -> Tensor:
    """The part of a tensor that this process has, in the tensor's memory: all of it, unless it is a DTensor."""
    if not _is_dtensor(tensor):
        return tensor
    shared_out: Any = tensor
    with torch.no_grad():
        part: Tensor = shared_out.to_local()
    return part


def own_part_of_gradient(grad: Tensor, p: Tensor) -> Tensor:
    """The part of a parameter's gradient that belongs to this process's part of the parameter."""
    if not _is_dtensor(grad):
        return grad
    owner: Any = p
    placed: Any = grad
    return own_part(placed.redistribute(owner.device_mesh, owner.placements))


def placed_as(part: Tensor, p: Tensor) -> Tensor:
    """A tensor of this process as a part of one that is shared out as a parameter is, in the same memory."""
    if not _is_dtensor(p):
        return part
    from torch.distributed.tensor import DTensor

    owner: Any = p
    whole: Tensor = DTensor.from_local(
        part, owner.device_mesh, owner.placements, run_check=False, shape=owner.shape, stride=owner.stride()
    )
    return whole


def refuse_shares(method: Method, param_groups: list[dict[str, Any]]) -> None:
    """Raise InputError where a process has only some components of what the method takes as one vector."""
    if method.elementwise:
        return
    for entries in param_groups:
        for p in entries["params"]:
            if _is_shared_out(p):
                vector = "each tensor" if method.vector == "tensor" else "all parameters"
                raise InputError(
                    f"{short_name(method)} takes {vector} as one vector, and of {parameter_name(p, param_groups)} each "
                    "process has only a part: train with DistributedDataParallel, or take adam, momentum or another "
                    "method that goes component by component"
                )


def _is_dtensor(tensor: Tensor) -> bool:
    """Whether a tensor is one of torch.distributed.tensor's, which need not be imported for that."""
    return hasattr(tensor, "to_local")


def _is_shared_out(p: Any) -> bool:
    """Whether this process has only some components of a parameter, by fully_shard or FullyShardedDataParallel."""
    if _is_dtensor(p):
        return not all(placement.is_replicate() for placement in p.placements)
    return getattr(p, "_is_flat_param", False) or getattr(p, "_fsdp_flattened", False)
