"""The methods as optimizers of a training loop."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections import defaultdict
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from stepbench import catalog
from stepbench.contracts import Method, Runnable, State, values_of
from stepbench.fields import InputError
from stepbench.torch.bundles import Bundle, kind
from stepbench.torch.checks import NonFinite, refuse_nonfinite, refuse_sparse
from stepbench.torch.compiled import counts_steps, fused_step, room_for_kernels
from stepbench.torch.entries import Entries
from stepbench.torch.groups import Group, ParameterGroup, refuse_misspelt, vet_parameters
from stepbench.torch.loading import EXTRA, read
from stepbench.torch.names import parameter_name, short_name
from stepbench.torch.oracles import Closure, ClosureOracle, GradientOracle, loss_of
from stepbench.torch.values import is_per_component
from stepbench.torch.whole import Whole, method_of_all, refuse_differences


class NonFiniteWarning(UserWarning):
    """A step was refused, and changed nothing: the loss or a gradient was not finite."""


class Optimizer(torch.optim.Optimizer):
    """A method of the bench as a ``torch.optim.Optimizer``: the same object whose ``step`` a run on the bench calls.

    ``params`` are parameters, named parameters or groups, as torch takes them; ``method`` is a spec such as
    ``"adam+rdbd:eta=1e-6"``, or a method. Every hyper-parameter is an entry of each group, and a group may set its
    own value. An entry that is changed later, as a scheduler of torch's changes lr, holds from the next step on. A
    method that sets its own step size refuses another lr after its first step.

    What is one vector w, (n, 1), with a state of its own, depends on the method. A method that goes component by
    component (gd, momentum, adam …) takes the parameters in pieces of any size. A method with one step size per tensor
    (rdbd, dbd) takes each parameter by itself. Any other takes all trainable parameters, of all groups, as one vector
    with one state and one step size; those that got no gradient count with gradient 0, and are not moved. Its groups
    may differ only in what acts on each component alone: the lr of nesterov and csawg, the hyper-parameters of the
    direction in adam+l4, and any of a method with per=component. In half precision, state and arithmetic are float32.

    ``horizon`` is the number of steps of the run, for the schedules that have an end, and ``batches`` is the number of
    mini-batches per epoch. A step is refused where the loss or a gradient is not finite, or where it would lead a group
    to a point that is not finite. It then changes neither parameters nor states, and gives a NonFiniteWarning that
    names the parameter, or with ``nonfinite="raise"`` a FloatingPointError.

    ``compile`` fuses the step of each piece into one kernel, by torch.compile. The first step takes some seconds and
    needs a C++ compiler, or Triton on a GPU. The later steps are faster on large parameters, and round differently. It
    is for methods that go component by component and do not count their steps.

    ``evals`` and ``fevals`` count the gradients and the losses that the method asked for, once per point; one call of
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
        if compile and (kind(made) != "component" or counts_steps(made)):
            why = "counts its steps" if kind(made) == "component" else "does not go component by component"
            raise InputError(f"{short_name(made)} {why}, so that it cannot be compiled: leave out compile")
        self.method, self.horizon, self.batches, self.nonfinite = made, horizon, batches, nonfinite
        self._compiled = compile
        self.evals = self.fevals = 0
        self._set_up()
        super().__init__(params, values_of(made))

    def _set_up(self) -> None:
        """Have no groups of our own yet, whatever torch's are: the next step finds them."""
        self._groups: list[Group] = []
        self._whole = Whole() if kind(self.method) == "whole" else None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take another group, with hyper-parameters of its own where it has some; raises InputError.

        Entries that are no hyper-parameters are kept for whoever reads them.
        """
        entries = ParameterGroup(param_group)
        refuse_misspelt(self.method, entries)
        group = Group(self.method, entries, self.horizon)
        if self._whole is not None:
            refuse_differences([one.method for one in (*self._groups, group)])
        super().add_param_group(entries)
        try:
            vet_parameters(self.param_groups)
        except InputError:
            self.param_groups.pop()
            raise
        self._groups.append(group)

    # Steps ------------------------------------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Take one step, and return the loss that the closure gave first; None without one.

        The closure is torch's: it clears the gradients, computes the loss, calls backward and returns the loss. A
        method that asks for no more than the gradients at the parameters does without it, after ``backward()``. For a
        method that asks elsewhere, too, the closure is called with the parameters moved there. Where the closure
        raises, parameters and states stay as they were.
        """
        self._follow_groups()
        with torch.no_grad():
            try:
                return self._move_pieces(closure) if self._whole is None else self._move_whole(closure, self._whole)
            except NonFinite as refusal:
                if self.nonfinite == "raise":
                    raise FloatingPointError(f"{refusal}; nothing was changed") from None
                warnings.warn(f"{refusal}: the step is refused", NonFiniteWarning, stacklevel=3)
                return refusal.loss

    def _follow_groups(self) -> None:
        """Find what torch's groups are now: which there are, with which hyper-parameters and parameters."""
        known = {id(group.entries): group for group in self._groups}
        groups = [known.get(id(entries)) or Group(self.method, entries, self.horizon) for entries in self.param_groups]
        for group in groups:
            group.follow(self.horizon, self.state, [group] if self._whole is None else groups)
        changed = [group.follow_params() for group in groups]
        if any(changed) or len(groups) < len(self._groups):
            vet_parameters(self.param_groups)
            self._let_go()
        self._groups = groups

    def _let_go(self) -> None:
        """Drop what is kept for parameters that are in no group."""
        ids = {id(p) for entries in self.param_groups for p in entries["params"]}
        for p in [p for p in self.state if isinstance(p, Tensor) and id(p) not in ids]:
            del self.state[p]

    def _move_pieces(self, closure: Closure | None) -> Any:
        """Move every piece that has its gradients; all gradients are checked before the first piece is moved."""
        loss = loss_of(closure)
        moving = []
        for group in self._groups:
            found = group.with_gradients(self.state, self.param_groups, cut=not self._compiled)
            for bundle, grads in found:
                refuse_sparse(bundle.params, grads, self.param_groups)
            moving += [(group, bundle, bundle.joined(grads)) for bundle, grads in found]
        refuse_nonfinite(loss, [(bundle, g) for _, bundle, g in moving], self.param_groups)
        if self._compiled:
            self._take_fused_steps(moving)
        else:
            self._take_steps(moving, loss)
        return loss

    def _take_steps(self, moving: list[tuple[Group, Bundle, Tensor]], loss: Any) -> None:
        """Move bundles piece by piece, each by its gradient, (n, 1)."""
        oracle = GradientOracle(loss, self.horizon, 1 / self.batches)

        def step(method: Method, w: Tensor, g: Tensor, state: State) -> tuple[Tensor, State]:
            oracle.stand_at(w, g)
            return method.step(w, oracle, state)

        for group, bundle, gradient in moving:
            oracle.turn_to(group.method, [p.numel() for p in bundle.params])
            bundle.move(group.method, step, gradient, rests=group.rests)
            bundle.values.show(self.state)
        self.evals += oracle.evals
        self.fevals += oracle.fevals

    def _take_fused_steps(self, moving: list[tuple[Group, Bundle, Tensor]]) -> None:
        """Move bundles by the fused kernel, each by its gradient, (n, 1)."""

        def step(method: Method, w: Tensor, g: Tensor, state: State) -> tuple[Tensor, State]:
            return fused_step(method, w, g, state, self.horizon, 1 / self.batches)

        with room_for_kernels(self.method):
            for group, bundle, gradient in moving:
                bundle.move(group.method_in_tensors, step, gradient)
                bundle.values.show(self.state)
        if moving:
            self.evals += 1

    def _move_whole(self, closure: Closure | None, whole: Whole) -> Any:
        """Move the one vector of all groups' parameters."""
        methods = [group.method for group in self._groups]
        bundle = whole.join(self._groups, self.state, has_closure=closure is not None)
        if bundle is None:
            return loss_of(closure)
        method, w = method_of_all(methods, self.param_groups, bundle), bundle.point()
        oracle = ClosureOracle(closure, self.horizon, 1 / self.batches, self.param_groups)
        oracle.turn_to(method, bundle, w)
        if not bundle.values.have_begun:
            bundle.values.begin(method, w)
        try:
            new, after = method.step(w, oracle, bundle.values.state())
        finally:
            oracle.turn_back()
            self.evals += oracle.evals
            self.fevals += oracle.fevals
        if not new.isfinite().all():
            name = parameter_name(bundle.first_nonfinite(new), self.param_groups)
            raise NonFinite(f"the step would lead {name} to a point that is not finite", oracle.loss)
        if moving := [p for p in bundle.params if id(p) in oracle.with_gradient]:
            new = bundle.values.write(after, new)
            bundle.values.show(self.state)
            if not self._groups[0].rests:
                bundle.write(new, moving)
        return oracle.loss

    # What is kept -----------------------------------------------------------------------------------------------------

    def step_sizes(self) -> dict[str | int, Any]:
        """The step size of each parameter at its last step, by its name, or by its number where it has no name.

        It is a number, or a tensor of the parameter's shape where each component has its own. A parameter that has not
        been moved yet is left out.
        """
        sizes: dict[str | int, Any] = {}
        numbers = itertools.count()
        for entries in self.param_groups:
            name = Entries(self.method).step_size
            for i, p in enumerate(entries["params"]):
                number = next(numbers)
                size = self.state.get(p, {}).get(name)
                if size is not None:
                    key = entries["param_names"][i] if "param_names" in entries else number
                    plain = isinstance(size, Tensor) and not is_per_component(size, p)
                    sizes[key] = size.item() if plain else copy.deepcopy(size)
        return sizes

    def state_dict(self) -> dict[str, Any]:
        """Torch's: what is kept for each parameter, and the groups, each with an entry on what torch does not have."""
        self._let_go()
        saved: dict[str, Any] = super().state_dict()
        names = ("horizon", "batches", "evals", "fevals")
        for group in saved["param_groups"]:
            group[EXTRA] = {"method": self.method.name} | {name: getattr(self, name) for name in names}
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on, to the last bit, from where the optimizer stood whose ``state_dict`` this is; raises InputError.

        Parameters with names are matched by their names, and others by their order. Hyper-parameters, horizon and
        batches become those of the state; hyper-parameters that it does not have become the method's own.
        """
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        loaded = read(state_dict, self.method, self.param_groups)
        horizon = loaded.extra.get("horizon", self.horizon)
        groups = [Group(self.method, entries, horizon) for entries in loaded.param_groups]
        if self._whole is not None:
            refuse_differences([group.method for group in groups])
        self.__setstate__(
            {"state": defaultdict(dict, loaded.state), "param_groups": loaded.param_groups}
            | {name: value for name, value in loaded.extra.items() if name in ("horizon", "batches", "evals", "fevals")}
        )
        for after in self._optimizer_load_state_dict_post_hooks.values():
            after(self)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: all but torch's hooks, and what the next step finds again."""
        names = ("method", "horizon", "batches", "nonfinite", "evals", "fevals", "_compiled")
        return super().__getstate__() | {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what a copy, a pickle or a ``state_dict`` holds."""
        super().__setstate__(state)
        self._set_up()

    def __repr__(self) -> str:
        """Torch's own text, with the method."""
        return super().__repr__().replace("Optimizer (", f"Optimizer {self.method.name} (", 1)
