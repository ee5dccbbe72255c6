"""The processes that train one model together: they see one loss, and take or refuse each step alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from stepbench.fields import InputError
from stepbench.torch.checks import NonFinite, Skipped

Group = Any
"""A process group of torch.distributed's; None is that of all processes, and False is none."""

Seen = TypeVar("Seen")


class Ranks:
    """What each process of a group finds at a point, made known to all; a process alone keeps its own.

    The loss is the mean of all, as DistributedDataParallel makes the gradient the mean of all. Every process computes
    that mean from the same numbers in the same order, so that all of them have the same bits.
    """

    def __init__(self, group: Group, device: torch.device) -> None:
        """Speak to the processes of a group, through tensors on a device; raises InputError where it is no group."""
        known = dist.is_available() and isinstance(group, dist.ProcessGroup)
        if group is not None and group is not False and not known:
            raise InputError(f"process_group={group} must be a group of torch.distributed's, or False for none")
        self.group, self._device = group, device

    def agree(self, look: Callable[[], tuple[Any, Seen]]) -> tuple[Any, Seen]:
        """The loss of all processes, and what else this one sees; ``look`` gives both of this one.

        The loss is None where there is none. Where ``look`` raises Skipped in any process, or else NonFinite, it is
        raised in all.
        """
        if not self._are_several():
            return look()
        refusal: Exception | None = None
        loss: Any = None
        try:
            loss, seen = look()
        except (Skipped, NonFinite) as error:
            refusal = error
        skips = isinstance(refusal, Skipped)
        value = 0.0 if loss is None else torch.as_tensor(loss).detach().item()
        every = self._gathered([skips, refusal is not None and not skips, value])
        if every[:, 0].any():
            raise Skipped
        if refusal is not None:
            raise refusal
        if every[:, 1].any():
            rank = int(every[:, 1].argmax())
            raise NonFinite(f"the loss or a gradient is not finite in process {rank} of the group", loss)
        return None if loss is None else every[:, 2].mean(), seen

    def see_the_same(self, numbers: list[float]) -> bool:
        """Whether these numbers are the same, to the last bit, in all processes."""
        if not self._are_several():
            return True
        bits = self._gathered(numbers).view(torch.int64)
        return bool((bits == bits[0]).all())

    def _are_several(self) -> bool:
        """Whether there is another process to speak to."""
        if self.group is False or not dist.is_available() or not dist.is_initialized():
            return False
        return dist.get_world_size(self.group) > 1

    def _gathered(self, numbers: list[float]) -> Tensor:
        """A row of numbers from each process of the group."""
        own = torch.tensor(numbers, dtype=torch.float64, device=self._device)
        rows = [torch.empty_like(own) for _ in range(dist.get_world_size(self.group))]
        dist.all_gather(rows, own, group=self.group)
        return torch.stack(rows).cpu()
