"""The methods as optimizers of a training loop."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from stepbench import catalog
from stepbench.contracts import Method, Runnable, State, hyperparameters, states, values_of, with_arrays, with_values
from stepbench.fields import InputError
from stepbench.torch.answers import Closure, Moving, Still, called, short_name
from stepbench.torch.blocks import Block, Step, kind, new_blocks, working

_TORCHS_OWN = ("params", "param_names", "name", "initial_lr")


class NonFiniteWarning(UserWarning):
    """A step was refused, and nothing changed by it: the loss or a gradient was not finite."""


class _NonFinite(Exception):  # noqa: N818 - a refusal, which the user decides how to hear of
    """A step is to be refused; the message says for what. ``loss`` is what the closure gave."""

    def __init__(self, why: str, loss: Any = None) -> None:
        super().__init__(why)
        self.loss = loss


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

    ``compile`` fuses the step of each piece into one kernel, by torch.compile: the first step takes some seconds and
    needs a C++ compiler, or Triton on a GPU; those after it are faster on large parameters, and round otherwise. It is
    for methods that go component by component, and do not count their steps.

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
        compile: bool = False,  # noqa: A002 - torch's own word
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
        if compile and (kind(made) != "component" or _counts_steps(made)):
            why = "counts its steps" if kind(made) == "component" else "does not go component by component"
            raise InputError(f"{short_name(made)} {why}, so that it cannot be compiled: leave out compile")
        self.method, self.horizon, self.batches, self.nonfinite = made, horizon, batches, nonfinite
        self._compiled = compile
        self.evals = self.fevals = 0
        self._groups: list[_Group] = []
        super().__init__(params, values_of(made))

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
        name = short_name(made)
        if kind(made) != kind(self.method):
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
        idle = [
            key for key, (_, field) in hyperparameters(self.method).items() if field.name == "lr" and not values[key]
        ]
        resting = bool(idle) and self.method.steady  # a scheduler warms up from 0, or has come to its end
        made = self._made(values | dict.fromkeys(idle, 1.0) if resting else values)
        for key in idle if resting else ():
            part, field = hyperparameters(made)[key]
            object.__setattr__(part, field.name, 0.0)
        if kept.started:
            for key, (_, field) in hyperparameters(made).items():
                old, new = kept.values[key], values[key]
                if old == new:
                    continue
                if field.name == "lr" and not made.steady:
                    raise InputError(
                        f"{short_name(made)} sets its own step size, from its first lr={old:g} on: {key}={new:g} "
                        "cannot be set, by a scheduler or otherwise; schedule gd, adam, momentum …, or take cosine …"
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
            try:
                return self._move_groups(closure) if kind(self.method) == "group" else self._move_pieces(closure)
            except _NonFinite as found:
                if self.nonfinite == "raise":
                    raise FloatingPointError(f"{found}; nothing was changed") from None
                warnings.warn(f"{found}: the step is refused", NonFiniteWarning, stacklevel=3)
                return found.loss

    def _move_pieces(self, closure: Closure | None) -> Any:
        """Move every piece that has its gradients; all are looked at before the first is moved."""
        loss = called(closure)
        moves = []
        for group, kept in zip(self.param_groups, self._groups, strict=True):
            for block, grads in self._with_gradients(group["params"], kept):
                moves.append((kept.fitted if self._compiled else kept.method, block, block.gathered(grads)))
        self._refuse_nonfinite(loss, [(block, g) for _, block, g in moves])
        asked: set[str] = set()
        for method, block, g in moves:
            block.move(method, self._stepping(method, block, loss, asked), g)
        self.evals += "g" in asked
        self.fevals += "f" in asked
        return loss

    def _stepping(self, method: Method, block: Block, loss: Any, asked: set[str]) -> Step:
        """A step of the method for the pieces of a block."""
        fraction = 1 / self.batches
        if self._compiled:
            asked.add("g")
            return lambda x, g, s: _fused(method.name)(method, x, g, s, self.horizon, fraction)
        sizes = [p.numel() for p in block.params]

        def step(x: Tensor, g: Tensor, s: State) -> tuple[Tensor, State]:
            # It has as much of an oracle as such methods ask for.
            oracle: Any = Still(method, x, g, sizes, loss, self.horizon, fraction, asked)
            return method.step(x, oracle, s)

        return step

    def _with_gradients(self, params: list[Tensor], kept: _Group) -> list[tuple[Block, list[Any]]]:
        """The blocks of a group that have gradients: some are new, and one is split where it has not all of them."""
        blocks: list[Block] = []
        arranged: list[tuple[Block, list[Any]]] = []
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
            fresh = [p for p in params if p.grad is not None and id(p) not in known and p.numel()]
            new = new_blocks(fresh, self.method, cut=not self._compiled)
            blocks += new
            arranged += [(block, [p.grad for p in block.params]) for block in new]
        kept.blocks = blocks
        for block, grads in arranged:
            self._refuse_sparse(block.params, grads)
        return arranged

    def _move_groups(self, closure: Closure | None) -> Any:
        """Move every group, from where all stand: none is moved before all are computed."""
        oracle = Moving(closure, self.horizon, 1 / self.batches, self._refuse_sparse, self._refuse_nonfinite)
        try:
            self._move_by(oracle)
        finally:
            self.evals += oracle.evals
            self.fevals += oracle.fevals
        return oracle.loss

    def _move_by(self, oracle: Moving) -> None:
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
                raise _NonFinite(
                    f"the step would lead {self._label(block.culprit(new))} to a point that is not finite", oracle.loss
                )
            moves.append((block, new, after, [p for p in block.params if id(p) in oracle.seen]))
        for block, new, after, seen in moves:
            if seen:
                block.write(new, seen)
                block.states[0] = after

    def _make_whole(self, params: list[Tensor], kept: _Group, oracle: Moving) -> None:
        """Have one block of all that a group trains, made at its first step."""
        name = short_name(kept.method)
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
            if len({(working(p.dtype), p.device) for p in trained}) > 1:
                kinds = " and ".join(sorted({f"{p.dtype} on {p.device}" for p in trained}))
                raise InputError(
                    f"{name} takes a group's parameters as one vector, and these are {kinds}: make a group for each"
                )
            kept.blocks = [Block(trained, sum(p.numel() for p in trained))]

    def _refuse_sparse(self, params: Iterable[Tensor], grads: Iterable[Tensor | None]) -> None:
        for p, g in zip(params, grads, strict=True):
            if g is not None and g.layout is not torch.strided:
                raise InputError(f"{self._label(p)} has a sparse gradient: methods take dense ones (sparse=False)")

    def _refuse_nonfinite(self, loss: Any, gathered: list[tuple[Block, Tensor]]) -> None:
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
            raise _NonFinite(f"the loss is {float(loss):g}", loss)
        for block, g in gathered:
            if not g.isfinite().all():
                raise _NonFinite(f"the gradient of {self._label(block.culprit(g))} is not finite", loss)

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
        kept = {name: getattr(self, name) for name in ("defaults", "param_groups", "method", "nonfinite", "_compiled")}
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
                block = Block([params[i] for i in one["params"]], one["cut"])
                block.restore(kept.method, one["states"])
                kept.blocks.append(block)
            self._groups.append(kept)

    def __repr__(self) -> str:
        """Torch's, with the method."""
        return super().__repr__().replace("Optimizer (", f"Optimizer {self.method.name} (", 1)


class _Group:
    """What is kept of a parameter group: its method, the values that it was made with, and its blocks."""

    def __init__(self, method: Method) -> None:
        self.blocks: list[Block] = []
        self.take(method)

    def take(self, method: Method) -> None:
        self.method = method
        vars(self).pop("fitted", None)
        self.values = values_of(method)

    @cached_property
    def fitted(self) -> Method:
        """The method with its real hyper-parameters as tensors of shape (), whose values torch.compile does not fix."""
        return with_arrays(self.method, _scalar)  # type: ignore[no-any-return]

    @property
    def started(self) -> bool:
        return any(state is not None for block in self.blocks for state in block.states)


@cache
def _fused(name: str) -> Callable[..., tuple[Tensor, State]]:
    """The same step, compiled: once for all values of hyper-parameters and all sizes of pieces."""

    def take(
        method: Method, x: Tensor, g: Tensor, s: State, horizon: int | None, fraction: float
    ) -> tuple[Tensor, State]:
        oracle: Any = Still(method, x, g, [], None, horizon, fraction, set())
        return method.step(x, oracle, s)

    take.__code__ = take.__code__.replace(co_name=name)  # torch keeps only some kernels for one and the same code
    fused: Any = torch.compile(take, dynamic=True, fullgraph=True)

    def own(value: Any) -> Any:
        """A number as a tensor, and one that the state may share with the method as another."""
        if isinstance(value, float):
            return _scalar(value)
        return value.clone() if isinstance(value, Tensor) and not value.ndim else value

    def stepping(method: Method, x: Tensor, g: Tensor, s: State, *rest: Any) -> tuple[Tensor, State]:
        made: tuple[Tensor, State] = fused(
            method, x, g, states.restored(s, states.changed(states.plain(s), own)), *rest
        )
        return made

    return stepping


def _scalar(value: float) -> Tensor:
    """A number as a tensor that does not make others float64, and whose value torch.compile does not fix."""
    return torch.tensor(value, dtype=torch.float64)


def _counts_steps(method: Method) -> bool:
    """Whether its state holds whole numbers, each of which torch.compile would compile anew."""
    found = []
    states.changed(states.plain(method.init(torch.zeros(1, 1))), lambda value: found.append(isinstance(value, int)))
    return any(found)


def _finite(sums: list[Tensor]) -> bool:
    """Whether all the numbers, of shape (), are finite and their sum, too: one look at each device."""
    devices = defaultdict(list)
    for number in sums:
        devices[number.device].append(number)
    return all(math.isfinite(torch.stack(numbers).sum().item()) for numbers in devices.values())


def _native(value: Any) -> Any:
    """A number of NumPy's as Python's own, of the same bits."""
    return value.item() if isinstance(value, np.generic) else value
