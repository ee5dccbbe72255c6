"""How parameters become the vectors that a method moves: single components, tensors, or all parameters as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Literal

import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from stepbench.contracts import Method, State
from stepbench.torch.entries import Entries, Path
from stepbench.torch.shards import own_part, own_part_of_gradient
from stepbench.torch.values import Groups, Kept, Values, signature

SMALL = 65_536
"""Parameters with fewer elements are moved together: the overhead of a step costs as much as so many elements."""

PIECE = 131_072
"""The elements in a piece of a large parameter on a CPU: the numbers of one step then stay in the L2 cache."""

_HALF_PRECISION = (torch.bfloat16, torch.float16)

Kind = Literal["component", "tensor", "whole"]
Step = Callable[[Method, Tensor, Tensor, State], tuple[Tensor, State]]
"""From a method, a point w and its gradient, (n, 1) both, and a state to the next point and the next state."""

_flat: Callable[[Sequence[Tensor]], Tensor] = _flatten_dense_tensors
_shaped: Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]] = _unflatten_dense_tensors

_likeness = attrgetter("dtype", "device", "shape")
"""What a parameter must keep for its bundle to go on."""


def kind(method: Method) -> Kind:
    """What the method takes as one vector: any components, one tensor, or the whole of all groups' parameters."""
    if method.elementwise:
        return "component"
    return "tensor" if method.vector == "tensor" else "whole"


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which parameters of a dtype are computed."""
    return torch.float32 if dtype in _HALF_PRECISION else dtype


class Bundle:
    """Parameters that are moved together, with the values of their method's state.

    Several parameters are one piece. One parameter alone may be cut into pieces of ``piece_size`` elements, each of
    which is moved by itself.
    """

    def __init__(
        self,
        params: list[Tensor],
        entries: Entries,
        *,
        piece_size: int | None = None,
        components: frozenset[Path] | None = None,
    ) -> None:
        """Have these parameters, for whose method these are the entries; see ``Values`` for the components."""
        self.params, self.dtype = params, working_dtype(params[0].dtype)
        self.piece_size = piece_size or max(sum(self.sizes), 1)  # a process may have nothing of the only parameter
        own = components if len(params) > 1 else None
        self.values = Values(params, self.dtype, entries, piece_size=self.piece_size, components=own)
        self._like = list(map(_likeness, params))
        self._address = 0
        self._pieces: tuple[Tensor, ...] = ()

    @property
    def parts(self) -> list[Tensor]:
        """What this process has of each parameter: all of it, unless it is shared out between processes."""
        return [own_part(p) for p in self.params]

    @property
    def sizes(self) -> list[int]:
        """The number of components that this process has of each parameter."""
        return [part.numel() for part in self.parts]

    def is_current(self, kept: Kept) -> bool:
        """Whether the parameters, and what is kept for them, are as the bundle left them."""
        return list(map(_likeness, self.params)) == self._like and self.values.are_current(kept)

    def gather(self, method: Method, kept: Kept, param_groups: Groups) -> None:
        """Go on from what is kept for the parameters; raises InputError where it cannot be a state of theirs."""
        if any(kept.get(p) for p in self.params):
            self.values.gather(method, self.point(), kept, param_groups)

    def joined(self, grads: list[Tensor]) -> Tensor:
        """The gradients of the parameters as one, (n, 1); a view where there is only one."""
        own = [own_part_of_gradient(g, p) for g, p in zip(grads, self.params, strict=True)]
        return _flat(own).view(-1, 1)

    def move(self, method: Method, step: Step, gradient: Tensor, *, rests: bool = False) -> None:
        """Move every piece, given the gradient of all of them, (n, 1); with ``rests`` only the state goes on."""
        in_half_precision = self.params[0].dtype is not self.dtype
        alone = len(self.params) == 1
        pieces = self._views() if alone else (_flat(self.parts).view(-1, 1),)
        if not self.values.have_begun:
            start = self.parts[0].detach().reshape(-1, 1) if alone else pieces[0]
            self.values.begin(method, start.to(self.dtype))
        moved = []
        slopes = torch.split(gradient, self.piece_size)
        for i, (piece, slope) in enumerate(zip(pieces, slopes, strict=True)):
            w, g = (piece.to(self.dtype), slope.to(self.dtype)) if in_half_precision else (piece, slope)
            new, after = step(method, w, g, self.values.state(i))
            new = self.values.write(after, new, i)
            if rests:
                continue
            if self._address:
                piece.copy_(new)
            else:
                moved.append(new)
        if moved:
            self.write(torch.cat(moved) if len(moved) > 1 else moved[0], self.params)

    def _views(self) -> tuple[Tensor, ...]:
        """The pieces of a parameter that is alone, (n, 1): views, made again only where it has moved in memory.

        Where the parameter is not contiguous they are pieces of a copy, and ``_address`` is 0.
        """
        p = own_part(self.params[0])
        if not self._address or self._address != p.data_ptr():
            self._pieces = torch.split(p.detach().reshape(-1, 1), self.piece_size)
            self._address = p.data_ptr() if p.is_contiguous() else 0
        return self._pieces

    def point(self) -> Tensor:
        """The parameters as one point, (n, 1), in memory of its own."""
        return torch.cat([p.detach().reshape(-1, 1).to(self.dtype) for p in self.parts])

    def write(self, w: Tensor, params: Sequence[Tensor]) -> None:
        """Put a point of the whole bundle, (n, 1), into some of its parameters."""
        values = _shaped(w.reshape(-1), self.parts)
        if len(params) < len(self.params):
            chosen = {id(p) for p in params}
            values = [value for p, value in zip(self.params, values, strict=True) if id(p) in chosen]
        torch._foreach_copy_([own_part(p) for p in params], list(values))

    def first_nonfinite(self, values: Tensor) -> Tensor:
        """The first parameter whose part of the values, (n, 1), is not finite everywhere."""
        parts = torch.split(values.reshape(-1), self.sizes)
        return next(p for p, part in zip(self.params, parts, strict=True) if not part.isfinite().all())


def grouped(params: list[Tensor], entries: Entries, kept: Kept, *, alone: bool) -> list[list[Tensor]]:
    """The parameters that are moved together: a large one by itself, and small ones with others.

    Only those go together whose states agree in what a bundle has only one of. With ``alone`` each parameter is a
    vector of its own.
    """
    together: list[list[Tensor]] = []
    still_open: dict[Any, list[Tensor]] = {}
    for p in params:
        alike = (p.dtype, p.device, signature(entries, kept.get(p, {}), p, alone=alone))
        small = still_open.get(alike, [])
        if p.numel() >= SMALL:
            together.append([p])
        elif small and sum(one.numel() for one in small) + p.numel() <= SMALL:
            small.append(p)
        else:
            together.append([p])
            still_open[alike] = together[-1]
    return together
