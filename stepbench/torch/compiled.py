"""Steps that torch.compile fuses into one kernel."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch
from torch import Tensor

from stepbench.contracts import Method, State, states
from stepbench.torch.oracles import GradientOracle

_fused_methods: set[str] = set()
"""The names of the methods whose steps have been fused in this process."""


def counts_steps(method: Method) -> bool:
    """Whether the method's state holds whole numbers: torch.compile would make a kernel for each of their values."""
    return _holds_integers(method.init(torch.zeros(1, 1)))


def _holds_integers(state: State) -> bool:
    if isinstance(state, tuple | list):
        return any(_holds_integers(value) for value in state)
    return isinstance(state, int)


def room_for_kernels(method: Method) -> AbstractContextManager[None]:
    """Within it, torch keeps as many kernels of each method as it otherwise keeps of a function.

    Torch limits the kernels of one function, and all methods are fused through the same function.
    """
    _fused_methods.add(method.name)
    config: Any = torch._dynamo.config
    room: AbstractContextManager[None] = config.patch(recompile_limit=config.recompile_limit * len(_fused_methods))
    return room


def fused_step(
    method: Method, w: Tensor, g: Tensor, state: State, horizon: int | None, fraction: float
) -> tuple[Tensor, State]:
    """The next point and the next state, from a point w with gradient g, (n, 1) both.

    One kernel serves all values of the hyper-parameters, which are tensors, and all sizes of pieces.
    """
    data = states.changed(states.plain(state), _as_own_tensor)
    return _kernel()(method, w, g, states.restored(state, data), horizon, fraction)


@cache
def _kernel() -> Callable[..., tuple[Tensor, State]]:
    kernel: Callable[..., tuple[Tensor, State]] = torch.compile(_step, dynamic=True, fullgraph=True)
    return kernel


def _step(
    method: Method, w: Tensor, g: Tensor, state: State, horizon: int | None, fraction: float
) -> tuple[Tensor, State]:
    oracle = GradientOracle(None, horizon, fraction)
    oracle.turn_to(method, [])
    oracle.stand_at(w, g)
    return method.step(w, oracle, state)


def scalar(value: float) -> Tensor:
    """A number as a tensor that does not make others float64, and whose value torch.compile does not fix."""
    return torch.tensor(value, dtype=torch.float64)


def _as_own_tensor(value: Any) -> Any:
    """A number of a state as a tensor, and a scalar tensor as a copy, since the state may share it with the method."""
    if isinstance(value, float):
        return scalar(value)
    return value.clone() if isinstance(value, Tensor) and not value.ndim else value
