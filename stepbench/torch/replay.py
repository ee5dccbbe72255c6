"""One function within a step: a closure draws the same random numbers, and sees the same buffers, at every call."""

from __future__ import annotations

import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Closure = Callable[[], Any]


class Replayed:
    """A closure within one step: every call after the first one evaluates the same function.

    Before a later call, the global random generators of torch (on the CPU and on every GPU in use), NumPy and Python
    are put back to where they stood before the first call, and so are the buffers of every module that the first call
    ran, such as the running statistics of batch norm. After it they stand again where the first call left them: however
    often a closure is called, a step draws and updates as much as with one call. (The step of Vaswani et al. 2019,
    "Painless stochastic gradient", draws the same numbers in its line search, too.)

    Not replayed is what cannot be seen from here: the next mini-batch of an iterator, a ``torch.Generator`` or
    ``numpy.random.Generator`` of the closure's own, tensors that are not the buffers of a module, and the buffers of a
    module that runs only within what torch.compile made of a function, or of ``module.compile()``.
    """

    def __init__(self, closure: Closure) -> None:
        """Replay this closure, which is called next for the first time."""
        self._closure = closure
        self._generators: list[_Generator] = []
        self._buffers: list[_Buffer] = []
        self._states: list[Any] = []
        self._values: list[_Value] = []
        self._is_first = True

    def __call__(self) -> Any:
        """What the closure returns."""
        if self._is_first:
            self._is_first = False
            self._generators = _generators()
            self._states = self._drawn()
            _have_torch_say_nothing_of_the_hook()
            with _run_modules(self._watch):
                return self._closure()
        states, values = self._drawn(), [buffer.value() for buffer in self._buffers]
        self._stand_at(self._states, self._values)
        try:
            return self._closure()
        finally:
            self._stand_at(states, values)

    def _watch(self, buffer: _Buffer) -> None:
        """Keep the value that a buffer has before the first call changes it."""
        self._buffers.append(buffer)
        self._values.append(buffer.value())

    def _drawn(self) -> list[Any]:
        """How far each generator has drawn."""
        return [state() for state, _ in self._generators]

    def _stand_at(self, states: list[Any], values: list[_Value]) -> None:
        """Put generators and buffers back."""
        for (_, put), state in zip(self._generators, states, strict=True):
            put(state)
        for buffer, value in zip(self._buffers, values, strict=True):
            buffer.put(value)


# Random numbers -------------------------------------------------------------------------------------------------------

_Generator = tuple[Callable[[], Any], Callable[[Any], Any]]
"""How the state of a global random generator is read, and how it is set."""


def _generators() -> list[_Generator]:
    """The global generators that code may draw from."""
    found: list[_Generator] = [
        (random.getstate, random.setstate),
        (np.random.get_state, np.random.set_state),
        (torch.get_rng_state, torch.set_rng_state),
    ]
    for gpus in (torch.cuda, torch.xpu):
        if gpus.is_initialized():
            found.append((gpus.get_rng_state_all, gpus.set_rng_state_all))
    if torch.backends.mps.is_available():
        found.append((torch.mps.get_rng_state, torch.mps.set_rng_state))
    return found


# Buffers --------------------------------------------------------------------------------------------------------------

_Value = tuple[Tensor | None, Tensor | None]
"""The tensor that a buffer is, and a copy of what it holds."""


class _Buffer:
    """One buffer of a module; a module may change the tensor that it is, or put another one in its place."""

    def __init__(self, module: nn.Module, name: str) -> None:
        self._owner, self._name = module._buffers, name

    def value(self) -> _Value:
        tensor = self._owner[self._name]
        return tensor, None if tensor is None else tensor.detach().clone()

    def put(self, value: _Value) -> None:
        tensor, held = value
        self._owner[self._name] = tensor
        if tensor is not None and held is not None:
            with torch.no_grad():
                tensor.copy_(held)


@contextmanager
def _run_modules(watch: Callable[[_Buffer], None]) -> Iterator[None]:
    """Within it, every buffer of a module that is about to run, and of the modules in it, is watched, each once."""
    seen: set[int] = set()

    def before(module: nn.Module, _: Any) -> None:
        if torch.compiler.is_compiling() or id(module) in seen:  # a compiled module was seen from outside
            return
        for part in module.modules():
            if id(part) not in seen:
                seen.add(id(part))
                for name, tensor in part._buffers.items():
                    if _can_be_kept(tensor):
                        watch(_Buffer(part, name))

    hook = nn.modules.module.register_module_forward_pre_hook(before)
    try:
        yield
    finally:
        hook.remove()


def _have_torch_say_nothing_of_the_hook() -> None:
    """Ignore the warning that global hooks run once more on what ``torch.compile(module)`` gives: here it is harmless.

    The filter is set once and stays, since each change of the filters has Python repeat all warnings it has shown.
    """
    words = re.compile(re.escape("Using `torch.compile(module)` when there are global hooks on modules"), re.IGNORECASE)
    if "torch._dynamo" in sys.modules and ("ignore", words, UserWarning, None, 0) not in warnings.filters:
        warnings.filterwarnings("ignore", words.pattern, UserWarning)


def _can_be_kept(tensor: Tensor | None) -> bool:
    """Whether a buffer has a value outside of this call: neither one to come, nor one within torch.func.vmap."""
    if tensor is None:
        return True
    return not (nn.parameter.is_lazy(tensor) or torch._C._functorch.is_functorch_wrapped_tensor(tensor))
