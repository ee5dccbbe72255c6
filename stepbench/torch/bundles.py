"""How parameters become the vectors that a method moves: single components, tensors, or all parameters as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from stepbench.contracts import Method, State, states

SMALL = 65_536
"""Parameters with fewer elements are moved together: the overhead of a step costs as much as so many elements."""

PIECE = 262_144
"""The elements in a piece of a large parameter on a CPU: the numbers of one step then stay in the L2 cache."""

_HALF_PRECISION = (torch.bfloat16, torch.float16)

Kind = Literal["component", "tensor", "whole"]
Step = Callable[[Method, Tensor, Tensor, State], tuple[Tensor, State]]
"""From a method, a point w and its gradient, (n, 1) both, and a state to the next point and the next state."""

_flat: Callable[[Sequence[Tensor]], Tensor] = _flatten_dense_tensors
_shaped: Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]] = _unflatten_dense_tensors


def kind(method: Method) -> Kind:
    """What the method takes as one vector: any components, one tensor, or the whole of all groups' parameters."""
    if method.elementwise:
        return "component"
    return "tensor" if method.vector == "tensor" else "whole"


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which parameters of a dtype are computed."""
    return torch.float32 if dtype in _HALF_PRECISION else dtype


class Bundle:
    """Parameters that are moved together, with the states of their method.

    Several parameters are one piece. One parameter alone may be cut into pieces of ``piece_size`` elements. Each piece
    has a state of its own, which is None before its first step.
    """

    __slots__ = ("_address", "_pieces", "dtype", "params", "piece_size", "states")

    def __init__(self, params: list[Tensor], piece_size: int) -> None:
        self.params, self.piece_size, self.dtype = params, piece_size, working_dtype(params[0].dtype)
        size = sum(p.numel() for p in params)
        pieces = -(-size // piece_size)  # rounded up
        self.states: list[State] = [None] * pieces
        self._address = 0
        self._pieces: tuple[Tensor, ...] = ()

    def joined(self, grads: list[Tensor]) -> Tensor:
        """The gradients of the parameters as one, (n, 1); a view where there is only one."""
        return _flat(grads).view(-1, 1)

    def move(self, method: Method, step: Step, gradient: Tensor) -> None:
        """Move every piece, given the gradient of all of them, (n, 1)."""
        in_half_precision = self.params[0].dtype is not self.dtype
        alone = len(self.params) == 1
        pieces = self._views() if alone else (_flat(self.params).view(-1, 1),)
        moved = []
        for i, (piece, slope) in enumerate(zip(pieces, torch.split(gradient, self.piece_size), strict=True)):
            w, g = (piece.to(self.dtype), slope.to(self.dtype)) if in_half_precision else (piece, slope)
            state = method.init(w) if self.states[i] is None else self.states[i]
            new, after = step(method, w, g, state)
            self.states[i] = _without_views(after, piece, slope) if alone else after
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
        p = self.params[0]
        if not self._address or self._address != p.data_ptr():
            self._pieces = torch.split(p.detach().reshape(-1, 1), self.piece_size)
            self._address = p.data_ptr() if p.is_contiguous() else 0
        return self._pieces

    def point(self) -> Tensor:
        """The parameters as one point, (n, 1), in memory of its own."""
        return torch.cat([p.detach().reshape(-1, 1).to(self.dtype) for p in self.params])

    def write(self, w: Tensor, params: Sequence[Tensor]) -> None:
        """Put a point of the whole bundle, (n, 1), into some of its parameters."""
        values = _shaped(w.reshape(-1), self.params)
        if len(params) < len(self.params):
            chosen = {id(p) for p in params}
            values = [value for p, value in zip(self.params, values, strict=True) if id(p) in chosen]
        torch._foreach_copy_(list(params), list(values))

    def first_nonfinite(self, values: Tensor) -> Tensor:
        """The first parameter whose part of the values, (n, 1), is not finite everywhere."""
        parts = torch.split(values.reshape(-1), [p.numel() for p in self.params])
        return next(p for p, part in zip(self.params, parts, strict=True) if not part.isfinite().all())

    def split(self) -> list[Bundle]:
        """A bundle for each parameter, with its rows of the state."""
        bundles, first = [], 0
        for p in self.params:
            rows = slice(first, first + p.numel())
            bundle = Bundle([p], p.numel())
            bundle.states = [_rows_of(state, rows, self.piece_size) for state in self.states]
            bundles.append(bundle)
            first = rows.stop
        return bundles

    def plain(self, numbers: dict[int, int]) -> dict[str, Any]:
        """The bundle as plain data; ``numbers`` gives the number of each parameter by its id."""
        return {
            "params": [numbers[id(p)] for p in self.params],
            "cut": self.piece_size,
            "states": [states.changed(states.plain(state), _python_number) for state in self.states],
        }

    @classmethod
    def restored(cls, saved: dict[str, Any], method: Method, params: Sequence[Tensor]) -> Bundle:
        """The bundle that ``plain`` described; ``params`` are those of all groups, by their numbers.

        Its states are put on the device of its parameters, in their working dtype.
        """
        bundle = cls([params[i] for i in saved["params"]], saved["cut"])
        device = bundle.params[0].device

        def placed(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            return value.to(device, bundle.dtype) if value.is_floating_point() else value.to(device)

        like = method.init(torch.zeros((1, 1), dtype=bundle.dtype, device=device))
        bundle.states = [states.restored(like, states.changed(state, placed)) for state in saved["states"]]
        return bundle


def new_bundles(params: list[Tensor], method: Method, *, cut: bool) -> list[Bundle]:
    """Bundles for new parameters: a large parameter by itself, and small ones together.

    With ``cut``, a large parameter on a CPU is cut into pieces, where the method goes component by component.
    """
    together: list[list[Tensor]] = []
    still_open: dict[Any, list[Tensor]] = {}
    for p in params:
        small = still_open.get((p.dtype, p.device), [])
        if p.numel() >= SMALL:
            together.append([p])
        elif small and sum(one.numel() for one in small) + p.numel() <= SMALL:
            small.append(p)
        else:
            together.append([p])
            still_open[p.dtype, p.device] = together[-1]
    bundles = []
    for some in together:
        size = sum(p.numel() for p in some)
        in_pieces = cut and kind(method) == "component" and some[0].device.type == "cpu"
        bundles.append(Bundle(some, min(size, PIECE) if in_pieces else size))
    return bundles


def _python_number(value: Any) -> Any:
    """A number of NumPy's as Python's own, of the same bits."""
    return value.item() if isinstance(value, np.generic) else value


def _rows_of(state: State, rows: slice, n: int) -> State:
    """The state with only some rows of each tensor in it that has a row for each of n components."""

    def own_rows(value: Any) -> Any:
        return value[rows].clone() if isinstance(value, Tensor) and value.shape == (n, 1) else value

    return states.restored(state, states.changed(states.plain(state), own_rows))


def _without_views(state: State, w: Tensor, g: Tensor) -> State:
    """The state, with a copy of each tensor that lies in the memory of w or g: that memory will be written over."""

    def owned(value: Any) -> Any:
        return value.clone() if _is_view(value, w, g) else value

    if not _has_views(state, w, g):  # nearly always, and much faster than taking the state apart
        return state
    return states.restored(state, states.changed(states.plain(state), owned))


def _has_views(state: State, w: Tensor, g: Tensor) -> bool:
    if isinstance(state, tuple):
        return any(_has_views(value, w, g) for value in state)
    return _is_view(state, w, g)


def _is_view(value: Any, w: Tensor, g: Tensor) -> bool:
    """Whether the value is a tensor that begins in the memory of w or of g."""
    if not isinstance(value, Tensor):
        return False
    address, size = value.data_ptr(), w.numel() * w.element_size()
    return any(0 <= address - one.data_ptr() < size for one in (w, g))
