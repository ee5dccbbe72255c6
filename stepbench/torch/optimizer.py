"""The methods as optimizers of a training loop."""

from __future__ import annotations

import math
import operator
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal, NoReturn

import numpy as np
import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors  # which loop in C++

from stepbench import arrays, catalog, states
from stepbench.contracts import Method, Runnable, State, hyperparameters, with_values
from stepbench.fields import InputError

SMALL = 65_536
"""Below so many elements parameters go together where they may: a step of one is mostly the price of its calls."""

PIECE = 262_144
"""Elements of a piece of a large parameter on a CPU: what a step makes of them stays in the cache.

Between 65,536 and 524,288 the time is the same but for a tenth; the fewer pieces, the fewer times threads wait for each
other.
"""

_TORCHS_OWN = ("params", "param_names", "name", "initial_lr")
_HALVES = (torch.bfloat16, torch.float16)

_flat: Callable[[Sequence[Tensor]], Tensor] = _flatten_dense_tensors
_shaped: Callable[[Tensor, Sequence[Tensor]], Sequence[Tensor]] = _unflatten_dense_tensors

Kind = Literal["component", "tensor", "group"]
Closure = Callable[[], Any]


class NonFiniteWarning(UserWarning):
    """A step was refused, and nothing changed by it: the loss or a gradient was not finite."""


class _NonFinite(Exception):  # noqa: N818 - a refusal, which the user decides how to hear of
    """A step is to be refused; the message says for what."""


class Optimizer(torch.optim.Optimizer):
    """A method of the bench as a ``torch.optim.Optimizer``: the very object whose ``step`` a run on the bench calls.

    ``params`` are parameters, named parameters or groups, as torch takes them; ``method`` is a spec such as
    ``"adam+rdbd:eta=1e-6"``, or a method. Every hyper-parameter is an entry of each group, which may set its own;
    entries changed later, such as the lr that a scheduler of torch's sets, hold from the next step on. A method that
    sets its own step size refuses another lr after its first step.

    What is one x, (n, 1), with a state of its own, depends on the method. One that goes component by component (gd,
    momentum, adam …) takes parameters in pieces of any size. One with a step size a tensor (rdbd, dbd) takes each
    parameter by itself. Any other takes all the trainable parameters of a group as one vector, where those that got
    no gradient count with gradient 0 and are not moved. In half precision, state and arithmetic are float32.

    ``horizon`` is the number of steps of the run, for the schedules that have an end, and ``batches`` the number of
    mini-batches an epoch. A step whose loss or gradient is not finite, or that would lead a group to a point that is
    not, changes neither parameters nor states; it gives a NonFiniteWarning that names the parameter, or with
    ``nonfinite="raise"`` a FloatingPointError.

    ``evals`` and ``fevals`` count the gradients and the losses that the method asked for, at one point once; a call of
    the closure computes both. Hessian-vector products, which ``exact`` needs, are central differences of two
    gradients, and count as two. There is no f* to ask for: methods that need it take the option ``f_star``.

    Raises InputError, always in one line.
    """

    evals: int
    fevals: int

    def __init__(
        self,
        params: Any,
        method: str | Runnable,
        *,
        horizon: int | None = None,
        batches: int = 1,
        nonfinite: Literal["refuse", "raise"] = "refuse",
    ) -> None:
        """Take over the parameters; nothing is computed before the first step."""
        made = catalog.method(method)
        if not isinstance(made, Method):
            raise InputError(f"{made} owns its loop: a training loop takes a method of steps, such as adam or rdbd")
        for name, value in (("horizon", horizon), ("batches", batches)):
            if value is not None and (not isinstance(value, int | np.integer) or value < 1):
                raise InputError(f"{name}={value} must be an integer in [1, inf)")
        if nonfinite not in ("refuse", "raise"):
            raise InputError(f"nonfinite={nonfinite} must be refuse or raise")
        self.method, self.horizon, self.batches, self.nonfinite = made, horizon, batches, nonfinite
        self.evals = self.fevals = 0
        self._groups: list[_Group] = []
        super().__init__(params, {key: getattr(part, f.name) for key, (part, f) in hyperparameters(made).items()})

    # Groups -----------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take another group, with hyper-parameters of its own where it has some; raises InputError."""
        given = {key: value for key, value in dict(param_group).items() if key not in _TORCHS_OWN}
        group = _Group(self._made(given))
        super().add_param_group(param_group)
        added = self.param_groups[-1]
        for p in added["params"]:
            if p.is_complex():
                name = self._label(p)
                self.param_groups.pop()
                raise InputError(f"{name} is complex: methods take real parameters (torch.view_as_real gives them)")
        for key, value in group.values.items():
            if not isinstance(added[key], Tensor):  # which a scheduler fills
                added[key] = value
        self._groups.append(group)

    def _made(self, given: dict[str, Any]) -> Method:
        """The method with a group's values; raises InputError where it could not be run on the group."""
        values = {key: value.item() if isinstance(value, Tensor) else value for key, value in given.items()}
        made: Method = with_values(self.method, values)
        name = _name(made)
        if _kind(made) != _kind(self.method):
            raise InputError(f"{name} must have one and the same per in every group: build an optimizer for each")
        for part, field in hyperparameters(made).values():
            value = getattr(part, field.name)
            if isinstance(value, np.ndarray):
                raise InputError(f"{name}: {field.name} must be one number: an optimizer is one run")
            if field.name == "T" and value is None and self.horizon is None:
                raise InputError(f"{name} needs the number of steps: give horizon= or T")
            if field.name == "f_star" and value is None and "f_star" in made.needs:
                spec = f"{made},f_star=0" if ":" in str(made).rpartition("+")[2] else f"{made}:f_star=0"
                raise InputError(f"{name} needs the minimum f*: give it as {spec}")
        if "curvature" in made.needs:
            raise InputError(f"{name} needs the Hessian's diagonal, which a training loop does not give")
        return made

    def _follow(self, group: dict[str, Any], kept: _Group) -> None:
        """Let the group's method have the values that the group has now."""
        values = {k: v.item() if isinstance(v := group[k], Tensor) else v for k in kept.values}
        if values == kept.values:
            return
        made = self._made(values)
        if kept.started:
            for key, (_, field) in hyperparameters(made).items():
                old, new = kept.values[key], values[key]
                if old == new:
                    continue
                if field.name == "lr" and not made.steady:
                    raise InputError(
                        f"{_name(made)} sets its own step size, from its first lr={old:g} on: {key}={new:g} cannot be "
                        "set, by a scheduler or otherwise; schedule gd, adam, momentum …, or take cosine, linear …"
                    )
                if not field.many:
                    raise InputError(f"{key} is structural: it cannot change from {old} to {new} after the first step")
        kept.take(made)

    def _label(self, param: Tensor) -> str:
        """The parameter in words: its name, or its number and shape."""
        number = 0
        for group in self.param_groups:
            for i, p in enumerate(group["params"]):
                if p is param:
                    named = "param_names" in group
                    return group["param_names"][i] if named else f"parameter {number}, of shape {tuple(p.shape)},"
                number += 1
        raise AssertionError

    # Steps ------------------------------------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Take one step, and return the loss that the closure gave first; None without one.

        The closure is torch's: it clears the gradients, computes the loss, calls backward and returns the loss. A
        method that asks for no more than the gradients at the parameters does without it, after ``backward()``. A
        method that asks elsewhere, too, has the closure called with the parameters of one group moved at a time. What
        the closure raises leaves parameters and states as they were.
        """
        for group, kept in zip(self.param_groups, self._groups, strict=True):
            self._follow(group, kept)
        with torch.no_grad():
            oracle = _Oracle(self, closure)
            try:
                if _kind(self.method) == "group":
                    self._move_groups(oracle)
                else:
                    self._move_pieces(oracle)
            except _NonFinite as found:
                if self.nonfinite == "raise":
                    raise FloatingPointError(f"{found}; nothing was changed") from None
                warnings.warn(f"{found}: the step is refused", NonFiniteWarning, stacklevel=3)
            finally:
                self.evals += oracle.evals
                self.fevals += oracle.fevals
        return oracle.loss

    def _move_pieces(self, oracle: _Oracle) -> None:
        """Move every piece that has its gradients; all are looked at before the first is moved."""
        oracle.call()
        moves = []
        for group, kept in zip(self.param_groups, self._groups, strict=True):
            for block, grads in self._with_gradients(group["params"], kept):
                moves.append((kept.method, block, block.gathered(grads)))
        self._refuse_nonfinite(oracle.loss, [(block, g) for _, block, g in moves])
        for method, block, g in moves:
            block.move(method, oracle, g)

    def _with_gradients(self, params: list[Tensor], kept: _Group) -> list[tuple[_Block, list[Any]]]:
        """The blocks of a group that have gradients: some are new, and one is split where it has not all of them."""
        blocks: list[_Block] = []
        arranged: list[tuple[_Block, list[Any]]] = []
        for block in kept.blocks:
            grads = [p.grad for p in block.params]
            missing = sum(g is None for g in grads)
            parts = [(block, grads)]
            if 0 < missing < len(grads):
                parts = [(part, [g]) for part, g in zip(block.split(), grads, strict=True)]
            blocks += [part for part, _ in parts]
            arranged += [(part, grads) for part, grads in parts if grads[0] is not None]
        if sum(len(block.params) for block in blocks) < len(params):
            known = {id(p) for block in blocks for p in block.params}
            new = _blocks([p for p in params if p.grad is not None and id(p) not in known and p.numel()], self.method)
            blocks += new
            arranged += [(block, [p.grad for p in block.params]) for block in new]
        kept.blocks = blocks
        for block, grads in arranged:
            self._refuse_sparse(block.params, grads)
        return arranged

    def _move_groups(self, oracle: _Oracle) -> None:
        """Move every group, from where all stand: none is moved before all are computed."""
        for group, kept in zip(self.param_groups, self._groups, strict=True):
            self._make_whole(group["params"], kept, oracle)
        moving = [kept for kept in self._groups if kept.blocks]
        moves = []
        for kept in moving:
            [block], method = kept.blocks, kept.method
            x = block.copied()
            oracle.turn_to(method, block, x, [other.blocks[0] for other in moving])
            before = method.init(x) if block.states[0] is None else block.states[0]
            try:
                new, after = method.step(x, oracle, before)  # type: ignore[arg-type]  # as much as methods ask
            finally:
                oracle.turn_back()
            if not new.isfinite().all():
                raise _NonFinite(f"the step would lead {self._label(block.culprit(new))} to a point that is not finite")
            moves.append((block, new, after, [p for p in block.params if id(p) in oracle.seen]))
        for block, new, after, seen in moves:
            if seen:
                block.write(new, seen)
                block.states[0] = after

    def _make_whole(self, params: list[Tensor], kept: _Group, oracle: _Oracle) -> None:
        """Have one block of all that a group trains, made at its first step."""
        name = _name(kept.method)
        if kept.method.plans and oracle.closure is None:
            raise InputError(f"{name} needs gradients at other points: call step(closure)")
        trained = [p for p in params if p.numel() and (p.requires_grad or p.grad is not None)]
        if kept.blocks:
            known = {id(p) for p in kept.blocks[0].params}
            if late := [p for p in trained if id(p) not in known]:
                raise InputError(
                    f"{self._label(late[0])} is trained only after the first step, and {name} takes a group's "
                    "parameters as one vector: put it in a group of its own"
                )
        elif trained:
            if len({(_working(p.dtype), p.device) for p in trained}) > 1:
                kinds = " and ".join(sorted({f"{p.dtype} on {p.device}" for p in trained}))
                raise InputError(
                    f"{name} takes a group's parameters as one vector, and these are {kinds}: make a group for each"
                )
            kept.blocks = [_Block(trained, sum(p.numel() for p in trained))]

    def _refuse_sparse(self, params: Iterable[Tensor], grads: Iterable[Tensor | None]) -> None:
        for p, g in zip(params, grads, strict=True):
            if g is not None and g.layout is not torch.strided:
                raise InputError(f"{self._label(p)} has a sparse gradient: methods take dense ones (sparse=False)")

    def _refuse_nonfinite(self, loss: Any, gathered: list[tuple[_Block, Tensor]]) -> None:
        """Raise _NonFinite where the loss or a gradient is not finite.

        Their sum is not finite where any of them is not, and is a single pass; where it is not, a closer look is
        taken, since a sum of finite numbers may overflow.
        """
        sums = [g.sum(dtype=block.dtype) for block, g in gathered]
        if loss is not None:
            sums.append(torch.as_tensor(loss).detach().reshape(()))
        if _finite(sums):
            return
        if loss is not None and not _finite([torch.as_tensor(loss).detach()]):
            raise _NonFinite(f"the loss is {float(loss):g}")
        for block, g in gathered:
            if not g.isfinite().all():
                raise _NonFinite(f"the gradient of {self._label(block.culprit(g))} is not finite")

    # What is kept -----------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The states of the pieces, their layout, the counts and the groups: of tensors, numbers and text only."""
        self.state.update(self._packed())  # type: ignore[arg-type]  # as torch's own load allows
        try:
            return super().state_dict()
        finally:
            self.state.clear()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on, to the last bit, from where the optimizer stood whose ``state_dict`` this is; raises InputError.

        Hyper-parameters, horizon and batches become those of the state.
        """
        packed, groups = state_dict["state"], state_dict["param_groups"]
        if "blocks" not in packed:
            raise InputError("the state is not of an optimizer of stepbench's")
        if packed["method"] != self.method.name:
            raise InputError(f"the state is of {packed['method']}, and the optimizer's method is {self.method.name}")
        here, there = self._layout(), packed["layout"]
        if here != there:
            raise InputError(f"the state is of groups of parameters of shapes {there}, and here they are {here}")
        for group in groups:
            self._made({key: group[key] for key in hyperparameters(self.method)})
        super().load_state_dict(state_dict)

    def _packed(self) -> dict[str, Any]:
        number = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        return {
            "method": self.method.name,
            "horizon": self.horizon,
            "batches": self.batches,
            "evals": self.evals,
            "fevals": self.fevals,
            "layout": self._layout(),
            "blocks": [
                [
                    {
                        "params": [number[id(p)] for p in block.params],
                        "cut": block.cut,
                        "states": [states.changed(states.plain(state), _native) for state in block.states],
                    }
                    for block in kept.blocks
                ]
                for kept in self._groups
            ],
        }

    def _layout(self) -> list[list[list[int]]]:
        """The shapes of each group's parameters."""
        return [[list(p.shape) for p in group["params"]] for group in self.param_groups]

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: all but torch's hooks."""
        kept = {name: getattr(self, name) for name in ("defaults", "param_groups", "method", "nonfinite")}
        return kept | {"state": self._packed()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what a copy, a pickle or a ``state_dict`` holds."""
        packed = state["state"]
        super().__setstate__(state | {"state": defaultdict(dict)})
        for name in ("horizon", "batches", "evals", "fevals"):
            setattr(self, name, packed[name])
        params = [p for group in self.param_groups for p in group["params"]]
        self._groups = []
        for group, saved in zip(self.param_groups, packed["blocks"], strict=True):
            kept = _Group(self._made({key: group[key] for key in hyperparameters(self.method)}))
            for one in saved:
                block = _Block([params[i] for i in one["params"]], one["cut"])
                block.restore(kept.method, one["states"])
                kept.blocks.append(block)
            self._groups.append(kept)

    def __repr__(self) -> str:
        """Torch's, with the method."""
        return super().__repr__().replace("Optimizer (", f"Optimizer {self.method.name} (", 1)


class _Group:
    """What is kept of a parameter group: its method, the values that it was made with, and its blocks."""

    def __init__(self, method: Method) -> None:
        self.blocks: list[_Block] = []
        self.take(method)

    def take(self, method: Method) -> None:
        self.method = method
        self.values = {key: getattr(part, field.name) for key, (part, field) in hyperparameters(method).items()}

    @property
    def started(self) -> bool:
        return any(state is not None for block in self.blocks for state in block.states)


class _Block:
    """Parameters that are moved together: several as one piece, or one in pieces of ``cut`` elements.

    Each piece has its state; None before its first step.
    """

    __slots__ = ("_address", "_pieces", "cut", "dtype", "params", "states")

    def __init__(self, params: list[Tensor], cut: int) -> None:
        self.params, self.cut, self.dtype = params, cut, _working(params[0].dtype)
        size = sum(p.numel() for p in params)
        self.states: list[State] = [None] * -(-size // cut)
        self._address = 0
        self._pieces: tuple[Tensor, ...] = ()

    def gathered(self, grads: list[Tensor]) -> Tensor:
        """The parameters' gradients as one, (n, 1): a view of a lone one."""
        return _flat(grads).view(-1, 1)

    def move(self, method: Method, oracle: _Oracle, gradient: Tensor) -> None:
        """Move every piece, given the gradients as one."""
        news, half, views = [], self.params[0].dtype is not self.dtype, len(self.params) == 1
        pieces = self._views() if views else (_flat(self.params).view(-1, 1),)
        for i, (piece, slope) in enumerate(zip(pieces, torch.split(gradient, self.cut), strict=True)):
            x, g = (piece.to(self.dtype), slope.to(self.dtype)) if half else (piece, slope)
            oracle.turn_to_piece(method, x, g)
            before = method.init(x) if self.states[i] is None else self.states[i]
            new, after = method.step(x, oracle, before)  # type: ignore[arg-type]  # as much as methods ask
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

    def split(self) -> list[_Block]:
        """A block for each parameter, with its rows of the state."""
        blocks, at, size = [], 0, self.cut
        for p in self.params:
            rows = slice(at, at + p.numel())
            at += p.numel()

            def cut(value: Any, rows: slice = rows) -> Any:
                return value[rows].clone() if isinstance(value, Tensor) and value.shape == (size, 1) else value

            block = _Block([p], p.numel())
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


class _Oracle:
    """What a method asks, answered out of a training loop for one step: for each piece in turn, or for each group.

    Gradients of pieces are handed in. Those of a group are read when it asks: where all groups stand once for all of
    them, elsewhere with its own parameters moved.
    """

    condition: ClassVar[None] = None

    def __init__(self, optimizer: Optimizer, closure: Closure | None) -> None:
        self.closure = closure
        self.horizon, self.fraction = optimizer.horizon, 1 / optimizer.batches
        self.loss: Any = None
        self.evals = self.fevals = 0
        self.seen: set[int] = set()
        self._optimizer = optimizer
        self._block: _Block | None = None
        self._here: tuple[Any, dict[int, Tensor]] | None = None
        self._there: tuple[Any, Any, Any] = (None, None, None)
        self._moved = False
        self._paid: set[str] = set()

    def turn_to_piece(self, method: Method, x: Tensor, g: Tensor) -> None:
        """Speak of a piece that stands at x with gradient g, both (n, 1)."""
        self._method, self._x, self._g = method, x, g

    def turn_to(self, method: Method, block: _Block, x: Tensor, blocks: list[_Block]) -> None:
        """Speak of a group's parameters, which stand at x, (n, 1); ``blocks`` are those of all groups."""
        self._method, self._x, self._block, self._blocks = method, x, block, blocks
        self._there = (None, None, None)

    def turn_back(self) -> None:
        """Have the group's parameters where they stood."""
        if self._block and self._moved:
            self._block.write(self._x, self._block.params)
            self._moved = False

    # What is asked ----------------------------------------------------------------------------------------------------

    def value(self, x: Tensor, where: Tensor | None = None) -> Tensor:
        """The loss at x, (1,)."""
        if _kind(self._method) == "component":
            self._wrong("the loss")
        if self.closure is None:
            raise InputError(f"{_name(self._method)} needs the loss: call step(closure)")
        if x is not self._x:
            f, _ = self._elsewhere(x)
            self.fevals += self._due("f there", where)
        else:
            f = self._stand()[0] if self._block else self.loss
            self.fevals += self._due("f", where)
        return torch.as_tensor(f).detach().reshape(1).to(x)

    def grad(self, x: Tensor, where: Tensor | None = None) -> Tensor:
        """The gradient at x, (n, 1)."""
        if x is not self._x:
            _, g = self._elsewhere(x)
            self.evals += self._due("g there", where)
        else:
            g = self._stand()[1][id(self._block)] if self._block else self._g
            self.evals += self._due("g", where)
        return g

    @property
    def dot(self) -> Callable[[Tensor, Tensor], Tensor]:
        """What takes inner products: over the piece or the group, or component by component."""
        if _kind(self._method) == "component":
            self._wrong("inner products")
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

    def call(self) -> Any:
        """The loss where the parameters are, by the closure where there is one; the first is kept."""
        if self.closure is None:
            return None
        with torch.enable_grad():
            loss = self.closure()
        self.loss = loss if self.loss is None else self.loss
        return loss

    def _stand(self) -> tuple[Any, dict[int, Tensor]]:
        """The loss where all groups stand, and the gradient of each, read before any is moved."""
        if self._here is None:
            self.turn_back()
            f = self.call()
            gradients = [self._read(block) for block in self._blocks]
            self._optimizer._refuse_nonfinite(f, list(zip(self._blocks, gradients, strict=True)))
            self._here = f, {id(block): g for block, g in zip(self._blocks, gradients, strict=True)}
        return self._here

    def _elsewhere(self, x: Tensor) -> tuple[Any, Tensor]:
        """The loss and the group's gradient at another point; the last one is remembered."""
        at, f, g = self._there
        if x is not at:
            if self._block is None:
                self._wrong("another point")
            if self.closure is None:
                raise InputError(f"{_name(self._method)} needs gradients at other points: call step(closure)")
            self._moved = True
            self._block.write(x, self._block.params)
            f, g = self.call(), self._read(self._block)
            self._there = x, f, g
            self._paid -= {"f there", "g there"}
        return f, g

    def _read(self, block: _Block) -> Tensor:
        """The gradients of a group's parameters as one, (n, 1); 0 where there is none."""
        grads = {id(p): p.grad for p in block.params if p.grad is not None}
        self._optimizer._refuse_sparse(block.params, [p.grad for p in block.params])
        self.seen.update(grads)
        flat = [(grads[id(p)] if id(p) in grads else torch.zeros_like(p)).reshape(-1, 1) for p in block.params]
        return torch.cat([g.to(block.dtype) for g in flat])

    def _due(self, what: str, where: Tensor | None) -> bool:
        """Whether a question is to be counted: it is, once a point."""
        due = what not in self._paid and (where is None or bool(where))
        if due:
            self._paid.add(what)
        return due

    def _wrong(self, what: str) -> NoReturn:
        means = "goes component by component" if _kind(self._method) == "component" else "has one step size a tensor"
        raise InputError(
            f"{_name(self._method)} says that it {means}, and asks for {what}: it may ask for gradients where it stands"
        )


def _kind(method: Method) -> Kind:
    """What is one x to a method: any components, a parameter, or all parameters of a group."""
    return "component" if method.elementwise else "tensor" if method.vector == "tensor" else "group"


def _name(method: Method) -> str:
    """A short name, without options."""
    return re.sub(r":[^+]*", "", str(method))


def _working(dtype: torch.dtype) -> torch.dtype:
    """What parameters of a dtype are computed in."""
    return torch.float32 if dtype in _HALVES else dtype


def _blocks(params: list[Tensor], method: Method) -> list[_Block]:
    """Blocks for new parameters: each by itself, but small ones together where a method goes component by component."""
    together: list[list[Tensor]] = []
    open_: dict[Any, list[Tensor]] = {}
    for p in params:
        some = open_.get((p.dtype, p.device), [])
        if _kind(method) == "tensor" or p.numel() >= SMALL:
            together.append([p])
        elif some and sum(one.numel() for one in some) + p.numel() <= SMALL:
            some.append(p)
        else:
            together.append([p])
            open_[p.dtype, p.device] = together[-1]
    whole = _kind(method) == "tensor"
    sizes = [sum(p.numel() for p in some) for some in together]
    return [
        _Block(some, size if whole or some[0].device.type != "cpu" else min(size, PIECE))
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


def _finite(sums: list[Tensor]) -> bool:
    """Whether all the numbers, of shape (), are finite and their sum, too: one look at each device."""
    devices = defaultdict(list)
    for number in sums:
        devices[number.device].append(number)
    return all(math.isfinite(torch.stack(numbers).sum().item()) for numbers in devices.values())


def _native(value: Any) -> Any:
    """A number of NumPy's as Python's own, of the same bits."""
    return value.item() if isinstance(value, np.generic) else value
