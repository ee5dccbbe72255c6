"""How a network's parameters become the vectors that a method moves: by pieces, by tensors, or a group as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from stepbench.contracts import Method, State, states

SMALL = 65_536
"""Elements below which parameters go together: a step's overhead is worth as many."""

PIECE = 262_144
"""Elements of a piece of a large parameter on a CPU: what a step makes of so many stays in the L2 cache."""

_HALVES = (torch.bfloat16, torch.float16)

Kind = Literal["component", "tensor", "group"]
Step = Callable[[Tensor, Tensor, State], tuple[Tensor, State]]
"""What a method makes of a piece x, its gradient, both (n, 1), and its state: the next x and state."""

_flat: Callable[[Sequence[Tensor]], Tensor] = _flatten_dense_tensors
_shaped: Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]] = _unflatten_dense_tensors


def kind(method: Method) -> Kind:
    """What is one x to a method: any components, a parameter, or all parameters of a group."""
    return "component" if method.elementwise else "tensor" if method.vector == "tensor" else "group"


def working(dtype: torch.dtype) -> torch.dtype:
    """What parameters of a dtype are computed in."""
    return torch.float32 if dtype in _HALVES else dtype


class Block:
    """Parameters that are moved together: several as one piece, or one in pieces of ``cut`` elements.

    Each piece has its state; None before its first step.
    """

    __slots__ = ("_address", "_pieces", "cut", "dtype", "params", "states")

    def __init__(self, params: list[Tensor], cut: int) -> None:
        self.params, self.cut, self.dtype = params, cut, working(params[0].dtype)
        size = sum(p.numel() for p in params)
        self.states: list[State] = [None] * -(-size // cut)
        self._address = 0
        self._pieces: tuple[Tensor, ...] = ()

    def gathered(self, grads: list[Tensor]) -> Tensor:
        """The parameters' gradients as one, (n, 1): a view of a lone one."""
        return _flat(grads).view(-1, 1)

    def move(self, method: Method, step: Step, gradient: Tensor) -> None:
        """Move every piece, given the gradients as one."""
        news, half, views = [], self.params[0].dtype is not self.dtype, len(self.params) == 1
        pieces = self._views() if views else (_flat(self.params).view(-1, 1),)
        for i, (piece, slope) in enumerate(zip(pieces, torch.split(gradient, self.cut), strict=True)):
            x, g = (piece.to(self.dtype), slope.to(self.dtype)) if half else (piece, slope)
            new, after = step(x, g, method.init(x) if self.states[i] is None else self.states[i])
            self.states[i] = _own(after, piece, slope) if views else after
            if self._address:
                piece.copy_(new)
            else:
                news.append(new)
        if news:
            self.write(torch.cat(news) if len(news) > 1 else news[0], self.params)

    def _views(self) -> tuple[Tensor, ...]:
        """The pieces of a lone parameter, (n, 1): views, made anew only where it has moved in memory.

        Where it is not contiguous they are pieces of a copy, and ``_address`` is 0.
        """
        [p] = self.params
        if not self._address or self._address != p.data_ptr():
            self._pieces = torch.split(p.detach().reshape(-1, 1), self.cut)
            self._address = p.data_ptr() if p.is_contiguous() else 0
        return self._pieces

    def copied(self) -> Tensor:
        """The parameters as one point, (n, 1), that is theirs no more."""
        return torch.cat([p.detach().reshape(-1, 1).to(self.dtype) for p in self.params])

    def write(self, x: Tensor, params: Sequence[Tensor]) -> None:
        """Put a point, (n, 1), into those of the block's parameters."""
        values = _shaped(x.reshape(-1), self.params)
        if len(params) < len(self.params):
            chosen = {id(p) for p in params}
            values = [value for p, value in zip(self.params, values, strict=True) if id(p) in chosen]
        torch._foreach_copy_(list(params), list(values))

    def culprit(self, values: Tensor) -> Tensor:
        """The first parameter whose values, among (n, 1), are not all finite."""
        parts = torch.split(values.reshape(-1), [p.numel() for p in self.params])
        return next(p for p, part in zip(self.params, parts, strict=True) if not part.isfinite().all())

    def split(self) -> list[Block]:
        """A block for each parameter, with its rows of the state."""
        blocks, at, size = [], 0, self.cut
        for p in self.params:
            rows = slice(at, at + p.numel())
            at += p.numel()

            def cut(value: Any, rows: slice = rows) -> Any:
                return value[rows].clone() if isinstance(value, Tensor) and value.shape == (size, 1) else value

            block = Block([p], p.numel())
            block.states = [states.restored(state, states.changed(states.plain(state), cut)) for state in self.states]
            blocks.append(block)
        return blocks

    def restore(self, method: Method, saved: list[Any]) -> None:
        """Take plain states, on the parameters' device and in their working dtype."""
        device = self.params[0].device

        def here(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            return value.to(device, self.dtype) if value.is_floating_point() else value.to(device)

        like = method.init(torch.zeros((1, 1), dtype=self.dtype, device=device))
        self.states = [states.restored(like, states.changed(state, here)) for state in saved]


def new_blocks(params: list[Tensor], method: Method, *, cut: bool) -> list[Block]:
    """Blocks for new parameters: each by itself, but small ones together.

    With ``cut``, large ones on a CPU are cut in pieces, where a method goes component by component.
    """
    together: list[list[Tensor]] = []
    open_: dict[Any, list[Tensor]] = {}
    for p in params:
        some = open_.get((p.dtype, p.device), [])
        if p.numel() >= SMALL:
            together.append([p])
        elif some and sum(one.numel() for one in some) + p.numel() <= SMALL:
            some.append(p)
        else:
            together.append([p])
            open_[p.dtype, p.device] = together[-1]
    whole = kind(method) == "tensor"
    sizes = [sum(p.numel() for p in some) for some in together]
    return [
        Block(some, size if whole or not cut or some[0].device.type != "cpu" else min(size, PIECE))
        for some, size in zip(together, sizes, strict=True)
    ]


def _own(state: State, x: Tensor, g: Tensor) -> State:
    """The state, with a copy of whatever lies in the memory of x or g, which will change."""
    size = x.numel() * x.element_size()
    at_x, at_g = x.data_ptr(), g.data_ptr()

    def borrowed(values: Any) -> bool:
        for value in values:
            if isinstance(value, Tensor):
                at = value.data_ptr()
                if at_x <= at < at_x + size or at_g <= at < at_g + size:
                    return True
            elif isinstance(value, tuple) and borrowed(value):
                return True
        return False

    if not borrowed(state):
        return state
    copied = states.changed(states.plain(state), lambda value: value.clone() if borrowed((value,)) else value)
    return states.restored(state, copied)
