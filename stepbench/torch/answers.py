"""What methods are answered in a training loop: about a piece with its gradient, or about a group, by the closure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, NoReturn

import numpy as np
import torch
from torch import Tensor

from stepbench import arrays
from stepbench.contracts import Method
from stepbench.fields import InputError
from stepbench.torch.blocks import Block

Closure = Callable[[], Any]


def short_name(method: Method) -> str:
    """A method's name, without options."""
    return re.sub(r":[^+]*", "", str(method))


def called(closure: Closure | None) -> Any:
    """The loss, of the closure where there is one."""
    if closure is None:
        return None
    with torch.enable_grad():
        loss = closure()
    if loss is not None and torch.as_tensor(loss).numel() != 1:
        raise InputError("the closure must return the loss, one number")
    return loss


def _number(loss: Any, x: Tensor) -> Tensor:
    """The loss as a per-run scalar, (1,), for points x, (n, 1)."""
    if loss is None:
        raise InputError("the closure returned no loss: end it with return loss")
    return torch.as_tensor(loss).detach().reshape(1).to(x)


class Still:
    """The oracle of a piece: it has the gradient where the piece stands, and can be asked for no other."""

    condition: ClassVar[None] = None

    def __init__(
        self,
        method: Method,
        x: Tensor,
        g: Tensor,
        sizes: Sequence[int],
        loss: Any,
        horizon: int | None,
        fraction: float,
        asked: set[str],
    ) -> None:
        """See a piece that stands at x with gradient g, (n, 1) both; it is made of tensors of these sizes.

        ``loss`` is that of all parameters, None where none is known. What is asked for is put into ``asked``.
        """
        self._method, self._x, self._g, self._sizes, self._loss, self._asked = method, x, g, sizes, loss, asked
        self.horizon, self.fraction = horizon, fraction

    def grad(self, x: Tensor, where: Tensor | None = None) -> Tensor:
        """The gradient, (n, 1), where the piece stands."""
        if x is not self._x:
            self._wrong("another point")
        self._asked.add("g")
        return self._g

    def value(self, x: Tensor, where: Tensor | None = None) -> Tensor:
        """The loss of all parameters, (1,)."""
        if self._method.elementwise:
            self._wrong("the loss")
        if x is not self._x:
            self._wrong("another point")
        self._asked.add("f")
        if self._loss is None:
            raise InputError(f"{short_name(self._method)} needs the loss: call step(closure), which returns it")
        return _number(self._loss, x)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """The inner product over the piece's tensor, (1,), or over each of its tensors, repeated for each: (n, 1)."""
        if self._method.elementwise:
            self._wrong("inner products")
        product: Tensor = arrays.dot(a, b) if len(self._sizes) == 1 else arrays.dot_per_tensor(self._sizes, a, b)
        return product

    def _wrong(self, what: str) -> NoReturn:
        means = "goes component by component" if self._method.elementwise else "has one step size a tensor"
        raise InputError(
            f"{short_name(self._method)} says that it {means}, and asks for {what}: it may ask for gradients where it "
            "stands"
        )


class Moving:
    """The oracle of the groups of an optimizer, for one step: it moves the parameters to where it is asked.

    Where all groups stand, the closure is called, or gradients are read, once for all of them; elsewhere with the
    parameters of the group that asks moved alone.
    """

    condition: ClassVar[None] = None

    def __init__(
        self,
        closure: Closure | None,
        horizon: int | None,
        fraction: float,
        refuse_sparse: Callable[[Iterable[Tensor], Iterable[Tensor | None]], None],
        refuse_nonfinite: Callable[[Any, list[tuple[Block, Tensor]]], None],
    ) -> None:
        """See the groups through this oracle; gradients are shown to ``refuse_…``, which may raise."""
        self.closure = closure
        self.horizon, self.fraction = horizon, fraction
        self._refuse_sparse, self._refuse_nonfinite = refuse_sparse, refuse_nonfinite
        self.loss: Any = None
        self.evals = self.fevals = 0
        self.seen: set[int] = set()
        self._here: tuple[Any, dict[int, Tensor]] | None = None
        self._there: tuple[Any, Any, Any] = (None, None, None)
        self._moved = False
        self._paid: set[str] = set()

    def turn_to(self, method: Method, block: Block, x: Tensor, blocks: list[Block]) -> None:
        """Speak of a group's parameters, which stand at x, (n, 1); ``blocks`` are those of all groups."""
        self._method, self._x, self._block, self._blocks = method, x, block, blocks
        self._there = (None, None, None)

    def turn_back(self) -> None:
        """Have the group's parameters where they stood."""
        if self._moved:
            self._block.write(self._x, self._block.params)
            self._moved = False

    # What is asked ----------------------------------------------------------------------------------------------------

    def value(self, x: Tensor, where: Tensor | None = None) -> Tensor:
        """The loss at x, (1,)."""
        if self.closure is None:
            raise InputError(f"{short_name(self._method)} needs the loss: call step(closure), which returns it")
        if x is not self._x:
            f, _ = self._elsewhere(x)
            self.fevals += self._due("f there", where)
        else:
            f = self._stand()[0]
            self.fevals += self._due("f", where)
        return _number(f, x)

    def grad(self, x: Tensor, where: Tensor | None = None) -> Tensor:
        """The gradient at x, (n, 1)."""
        if x is not self._x:
            f, g = self._elsewhere(x)
            self._refuse_nonfinite(f, [(self._block, g)])
            self.evals += self._due("g there", where)
        else:
            g = self._stand()[1][id(self._block)]
            self.evals += self._due("g", where)
        return g

    @property
    def dot(self) -> Callable[[Tensor, Tensor], Tensor]:
        """What takes inner products: over the piece or the group, or component by component."""
        return operator.mul if self._method.vector == "component" else arrays.dot

    def hvp(self, x: Tensor, v: Tensor) -> Tensor:
        """The Hessian at x times v, (n, 1), by central differences of the gradient along v."""
        length: Tensor = arrays.sqrt(arrays.dot(v, v))
        step = torch.finfo(x.dtype).eps ** (1 / 3) * (1 + abs(x).max())
        along = arrays.ratio(step * v, length)
        difference: Tensor = self.grad(x + along) - self.grad(x - along)
        product: Tensor = difference * (length / (2 * step))
        return product

    def gaussian(self, x: Tensor, draw: int) -> Tensor:
        """Standard normal numbers, (n, 1), those of a run on the bench with seed 0; ``draw`` tells sets apart."""
        numbers: Tensor = arrays.like(np.random.default_rng((0, 0, draw)).standard_normal((len(x), 1)), x)
        return numbers

    def elsewhere(self, x: Tensor, spread: float, draw: int) -> Tensor:
        """A random point, (n, 1), normal around x with standard deviation ``spread``."""
        return x + spread * self.gaussian(x, draw)

    # How it comes to know ---------------------------------------------------------------------------------------------

    def _call(self) -> Any:
        """The loss where the parameters are; the first is kept."""
        loss = called(self.closure)
        self.loss = loss if self.loss is None else self.loss
        return loss

    def _stand(self) -> tuple[Any, dict[int, Tensor]]:
        """The loss where all groups stand, and the gradient of each, read before any is moved."""
        if self._here is None:
            self.turn_back()
            f = self._call()
            gradients = [self._read(block) for block in self._blocks]
            self._refuse_nonfinite(f, list(zip(self._blocks, gradients, strict=True)))
            self._here = f, {id(block): g for block, g in zip(self._blocks, gradients, strict=True)}
        return self._here

    def _elsewhere(self, x: Tensor) -> tuple[Any, Tensor]:
        """The loss and the group's gradient at another point; the last one is remembered."""
        at, f, g = self._there
        if x is not at:
            if self.closure is None:
                raise InputError(f"{short_name(self._method)} needs gradients at other points: call step(closure)")
            self._moved = True
            self._block.write(x, self._block.params)
            f, g = self._call(), self._read(self._block)
            self._there = x, f, g
            self._paid -= {"f there", "g there"}
        return f, g

    def _read(self, block: Block) -> Tensor:
        """The gradients of a group's parameters as one, (n, 1); 0 where there is none."""
        grads = {id(p): p.grad for p in block.params if p.grad is not None}
        self._refuse_sparse(block.params, [p.grad for p in block.params])
        self.seen.update(grads)
        flat = [(grads[id(p)] if id(p) in grads else torch.zeros_like(p)).reshape(-1, 1) for p in block.params]
        return torch.cat([g.to(block.dtype) for g in flat])

    def _due(self, what: str, where: Tensor | None) -> bool:
        """Whether a question is to be counted: it is, once a point."""
        due = what not in self._paid and (where is None or bool(where))
        if due:
            self._paid.add(what)
        return due
