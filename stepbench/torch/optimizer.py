"""The methods as optimizers of a training loop."""

from __future__ import annotations

import copy
import itertools
import warnings
from collections import defaultdict
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from stepbench import catalog
from stepbench.contracts import Method, Runnable, State, hyperparameters, values_of
from stepbench.fields import InputError, nearest
from stepbench.torch.bundles import Bundle, kind
from stepbench.torch.checks import NonFinite, Skipped, refuse_nonfinite, refuse_sparse
from stepbench.torch.compiled import counts_steps, fused_step, room_for_kernels
from stepbench.torch.entries import Entries
from stepbench.torch.groups import Group, ParameterGroup, refuse_misspelt, unchecked, vet_parameters, with_entries
from stepbench.torch.loading import EXTRA, read
from stepbench.torch.names import names_of, parameter_name, short_name
from stepbench.torch.objective import OPTIONS, Objective, objective_of_all, refuse_both_signs
from stepbench.torch.oracles import ClosureOracle, GradientOracle, is_one_number, loss_of
from stepbench.torch.ranks import Ranks
from stepbench.torch.replay import Closure, Replayed
from stepbench.torch.values import is_per_component
from stepbench.torch.whole import Whole, method_of_all, refuse_differences

Moving = tuple[Group, Objective, Bundle, Tensor]
"""A bundle that moves in this step, between its group, what the group minimizes, and the loss's gradient, (n, 1)."""


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

    ``state`` is torch's: for each parameter the entries of its state, under the method's own symbols, such as ``m``,
    ``v`` and ``alpha``. A value per component has the parameter's shape; one number is a tensor of shape () or plain.
    What is written there holds from the next step on, what others keep there stays, and a parameter without entries
    begins as at the start. What ``param_groups`` has is trained, and nothing else; entries that are no
    hyper-parameters are kept. ``step_sizes()`` gives the step size of each parameter.

    Every entry of a group may be given as a keyword, for all groups: ``Optimizer(params, "adam", lr=1e-3)``. It wins
    over the spec, and a group's own entry wins over it. Beside the hyper-parameters there are three, as in torch:

    - ``weight_decay`` λ, for any method. Coupled, as in torch.optim.SGD and Adam, it is a part of what is minimized:
      the method sees the gradient g + λ w, and where it reads the loss, loss + ½ λ ‖w‖² over all parameters that have a
      gradient. An f* that is given is that of this sum.
    - ``decoupled_weight_decay=True``, as in torch.optim.AdamW: the method moves w to w' without it, and then
      w ← w' − α λ w, with the α of this very step, which is the group's lr where that is the method's step size, and
      else what ``step_sizes`` tells after the step. It is a move of its own, which a line search does not see. A method
      that remembers its last points (heavy-ball, nesterov, bb) remembers those after the decay.
    - ``maximize=True``: the gradient and the loss change their signs before all else, and f* is the loss's maximum.

    ``step(closure)`` returns the loss itself, without sign and decay.

    Within one step the closure is one function, however often it is called: the global random generators of torch,
    NumPy and Python, and the buffers of the modules that it runs, are put back before each call after the first, and
    stand afterwards where the first call left them (see ``Replayed``, which says what cannot be seen).

    Where torch.distributed is initialized with several processes, all of them must take each step together. At each
    point they exchange three numbers: the loss is the mean of all, as DistributedDataParallel makes the gradient the
    mean of all, so that line searches take the same number of trials everywhere; and where one process finds the loss
    or a gradient not finite, or its closure returns None, all leave the step out. ``process_group`` names the
    processes, None for all; False exchanges nothing, for processes that train apart.

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
        process_group: Any = None,
        **entries: Any,
    ) -> None:
        """Take over the parameters; nothing is computed before the first step."""
        made = catalog.method(method)
        if not isinstance(made, Method):
            raise InputError(f"{made} owns its loop: a training loop takes a method of steps, such as adam or rdbd")
        made.init(torch.zeros(1, 1))  # a method that takes no tensors says so before the first step
        made, options = _taken_apart(made, entries)
        for name, value in (("horizon", horizon), ("batches", batches)):
            if value is not None and (not isinstance(value, int | np.integer) or value < 1):
                raise InputError(f"{name}={value} must be an integer in [1, inf)")
        if nonfinite not in ("refuse", "raise"):
            raise InputError(f"nonfinite={nonfinite} must be refuse or raise")
        if compile and (kind(made) != "component" or counts_steps(made)):
            why = "counts its steps" if kind(made) == "component" else "does not go component by component"
            raise InputError(f"{short_name(made)} {why}, so that it cannot be compiled: leave out compile")
        self.method, self.horizon, self.batches, self.nonfinite = made, horizon, batches, nonfinite
        self.process_group = Ranks(process_group, torch.device("cpu")).group
        self._compiled = compile
        self.evals = self.fevals = 0
        self._set_up()
        super().__init__(params, options | values_of(made))

    def _set_up(self) -> None:
        """Have no groups of our own yet, whatever torch's are: the next step finds them."""
        self._groups: list[Group] = []
        self._options = [key for key in OPTIONS if key not in hyperparameters(self.method)]
        self._whole = Whole() if kind(self.method) == "whole" else None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take another group, with hyper-parameters of its own where it has some; raises InputError.

        Entries that are no hyper-parameters are kept for whoever reads them.
        """
        entries = ParameterGroup(param_group)
        refuse_misspelt(self.method, entries)
        group = Group(self.method, entries, self.horizon)
        objective = self._objective(self.defaults | entries)
        if self._whole is not None:
            refuse_differences([one.method for one in (*self._groups, group)])
            refuse_both_signs(self.method, [*self._objectives(), objective])
        super().add_param_group(entries)
        try:
            vet_parameters(self.method, self.param_groups)
        except InputError:
            self.param_groups.pop()
            raise
        self._groups.append(group)

    # Steps ------------------------------------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None, *, loss: Any = None) -> Any:
        """Take one step, and return the loss that was given, or that the closure gave first; None without either.

        The closure is torch's: it clears the gradients, computes the loss, calls backward and returns the loss. A
        method that asks for no more than the gradients at the parameters does without it, after ``backward()``, and
        one that asks for the loss there, too, takes it as ``loss``, one number. For a method that asks elsewhere the
        closure is called again, with the parameters moved there: as the same function, with the random numbers and
        the buffers of the first call (``Replayed``). Where the closure raises, parameters and states stay as they
        were, and also where it returns None, by which it skips the step; one that returns None and leaves the
        gradients that there were untouched, as Lightning passes in manual optimization, is as no closure.
        """
        if closure is not None and loss is not None:
            raise InputError("a closure returns the loss itself: call step(closure) or step(loss=loss), not both")
        if closure is not None and not callable(closure):
            raise InputError("the closure must be a function that returns the loss; a loss is given as step(loss=loss)")
        if loss is not None and not is_one_number(loss):
            raise InputError("the loss must be one number")
        self._follow_groups()
        with torch.no_grad():
            try:
                return self._move(closure, loss)
            except Skipped:
                if any(p.grad is not None for entries in self.param_groups for p in entries["params"]):
                    warnings.warn(
                        "the closure computed gradients and returned None, so that the step is skipped: "
                        "end it with return loss",
                        UserWarning,
                        stacklevel=3,
                    )
                return None
            except NonFinite as refusal:
                if self.nonfinite == "raise":
                    raise FloatingPointError(f"{refusal}; nothing was changed") from None
                warnings.warn(f"{refusal}: the step is refused", NonFiniteWarning, stacklevel=3)
                return refusal.loss

    def _gradients(self) -> list[tuple[Tensor, int]]:
        """The gradients that there are, each with the number of times that it was written to."""
        params = [p for entries in self.param_groups for p in entries["params"]]
        return [(p.grad, p.grad._version) for p in params if p.grad is not None]

    def _move(self, closure: Closure | None, loss: Any) -> Any:
        """Take the step, of pieces or of the one vector; returns the loss, and raises Skipped and NonFinite."""
        given = [] if closure is None else self._gradients()
        try:
            if self._whole is None:
                return self._move_pieces(closure, loss)
            return self._move_whole(closure, loss, self._whole)
        except Skipped:
            if given and _are_untouched(given, self._gradients()):
                return self._move(None, None)
            raise

    def _follow_groups(self) -> None:
        """Find what torch's groups are now: which there are, with which hyper-parameters and parameters."""
        known = {id(group.entries): group for group in self._groups}
        groups = [known.get(id(entries)) or Group(self.method, entries, self.horizon) for entries in self.param_groups]
        for group in groups:
            group.follow(self.horizon, self.state, [group] if self._whole is None else groups)
        changed = [group.follow_params() for group in groups]
        if any(changed) or len(groups) < len(self._groups):
            vet_parameters(self.method, self.param_groups)
            self._let_go()
        self._groups = groups

    def _let_go(self) -> None:
        """Drop what is kept for parameters that are in no group."""
        ids = {id(p) for entries in self.param_groups for p in entries["params"]}
        for p in [p for p in self.state if isinstance(p, Tensor) and id(p) not in ids]:
            del self.state[p]

    def _move_pieces(self, closure: Closure | None, loss: Any) -> Any:
        """Move every piece that has its gradients; all gradients are checked before the first piece is moved."""
        own = loss

        def look() -> tuple[Any, list[Moving]]:
            nonlocal own
            own = loss if closure is None else loss_of(closure)
            moving = self._moving()
            refuse_nonfinite(own, [(bundle, g) for _, _, bundle, g in moving], self.param_groups)
            return own, moving

        of_all, moving = self._ranks().agree(look)
        if self._compiled:
            self._take_fused_steps(moving)
        else:
            self._take_steps(moving, of_all)
        return own

    def _moving(self) -> list[Moving]:
        """What moves in this step: the bundles that have gradients."""
        moving: list[Moving] = []
        for group, objective in zip(self._groups, self._objectives(), strict=True):
            found = group.with_gradients(self.state, self.param_groups, cut=not self._compiled)
            for bundle, grads in found:
                refuse_sparse(bundle.params, grads, self.param_groups)
            moving += [(group, objective, bundle, bundle.joined(grads)) for bundle, grads in found]
        return moving

    def _take_steps(self, moving: list[Moving], loss: Any) -> None:
        """Move bundles piece by piece, each by its gradient, (n, 1)."""
        penalty = 0.0 if self.method.elementwise else sum(one.penalty(bundle.point()) for _, one, bundle, _ in moving)
        oracle = GradientOracle(loss, self.horizon, 1 / self.batches, penalty)

        def step(method: Method, w: Tensor, g: Tensor, state: State) -> tuple[Tensor, State]:
            oracle.stand_at(w, g)
            return method.step(w, oracle, state)

        for group, objective, bundle, gradient in moving:
            method = _minimizing(group.method, objective)
            oracle.turn_to(method, bundle.sizes, objective)
            bundle.move(method, objective.around(step), gradient, rests=group.rests)
            bundle.values.show(self.state)
        self.evals += oracle.evals
        self.fevals += oracle.fevals

    def _take_fused_steps(self, moving: list[Moving]) -> None:
        """Move bundles by the fused kernel, each by its gradient, (n, 1)."""

        def step(method: Method, w: Tensor, g: Tensor, state: State) -> tuple[Tensor, State]:
            return fused_step(method, w, g, state, self.horizon, 1 / self.batches)

        with room_for_kernels(self.method):
            for group, objective, bundle, gradient in moving:
                bundle.move(group.method_in_tensors, objective.around(step), gradient)
                bundle.values.show(self.state)
        if moving:
            self.evals += 1

    def _move_whole(self, closure: Closure | None, loss: Any, whole: Whole) -> Any:
        """Move the one vector of all groups' parameters."""
        methods, objectives = [group.method for group in self._groups], self._objectives()
        refuse_both_signs(self.method, objectives)
        bundle = whole.join(self._groups, self.state, has_closure=closure is not None)
        whole.refuse_parts(self.method, self._ranks())
        if bundle is None:
            return self._move_pieces(closure, loss)  # there are none
        method = _minimizing(method_of_all(methods, self.param_groups, bundle), objectives[0])
        w = bundle.point()
        replayed = None if closure is None else Replayed(closure)
        oracle = ClosureOracle(replayed, loss, self.horizon, 1 / self.batches, self.param_groups, self._ranks())
        oracle.turn_to(method, bundle, w, partial(objective_of_all, objectives, self.param_groups, bundle))
        if not bundle.values.have_begun:
            bundle.values.begin(method, w)
        try:
            new, after = method.step(w, oracle, bundle.values.state())
            new = oracle.objective.decayed(method, w, new, after)
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

    def _objective(self, entries: dict[str, Any]) -> Objective:
        """What a group minimizes; a name that its method has, too, is the method's. Raises InputError."""
        return Objective.of({key: entries[key] for key in self._options if key in entries})

    def _objectives(self) -> list[Objective]:
        """What each group minimizes now; raises InputError."""
        return [self._objective(entries) for entries in self.param_groups]

    def _ranks(self) -> Ranks:
        """The processes that take this step together."""
        params = [p for entries in self.param_groups for p in entries["params"]]
        return Ranks(self.process_group, params[0].device if params else torch.device("cpu"))

    # What is kept -----------------------------------------------------------------------------------------------------

    def step_sizes(self) -> dict[str | int, Any]:
        """The step size of each parameter at its last step, by its name, or by its number where it has no name.

        It is a number, or a tensor of the parameter's shape where each component has its own. A parameter that has not
        been moved yet is left out.
        """
        name = Entries(self.method).step_size
        sizes: dict[str | int, Any] = {}
        numbers = itertools.count()
        for entries in self.param_groups:
            names = names_of(entries)
            for i, p in enumerate(entries["params"]):
                number, size = next(numbers), self.state.get(p, {}).get(name)
                if size is not None:
                    is_one = isinstance(size, Tensor) and not is_per_component(size, p)
                    sizes[number if names is None else names[i]] = size.item() if is_one else copy.deepcopy(size)
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
        """What a copy or a pickle holds: all but torch's hooks, and what the next step finds again.

        Raises InputError where it would hold a process group, which is of this process alone.
        """
        if self.process_group:
            raise InputError(
                "an optimizer with a process_group of its own cannot be copied or pickled: load its state_dict into a "
                "new optimizer"
            )
        names = ("method", "horizon", "batches", "nonfinite", "evals", "fevals", "process_group", "_compiled")
        return super().__getstate__() | {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what a copy, a pickle or a ``state_dict`` holds."""
        super().__setstate__(state)
        self._set_up()

    def __repr__(self) -> str:
        """Torch's own text, with the method."""
        return super().__repr__().replace("Optimizer (", f"Optimizer {self.method.name} (", 1)


def _are_untouched(before: list[tuple[Tensor, int]], after: list[tuple[Tensor, int]]) -> bool:
    """Whether gradients, each with the number of times that it was written to, are still what they were."""
    return len(before) == len(after) and all(
        one is other and times == now for (one, times), (other, now) in zip(before, after, strict=True)
    )


def _taken_apart(method: Method, entries: dict[str, Any]) -> tuple[Method, dict[str, Any]]:
    """The method with the hyper-parameters among some keywords, and the other entries of a group among them."""
    known = hyperparameters(method)
    options = {key: value for key, value in OPTIONS.items() if key not in known}
    for key in entries:
        if key not in known and key not in options:
            words = [*known, *options, "horizon", "batches", "nonfinite", "compile", "process_group"]
            has = ", ".join(known) or "none"
            raise InputError(f"{short_name(method)} has no hyper-parameter {key}{nearest(key, words)}; it has {has}")
    values = {key: value for key, value in entries.items() if key in known}
    return with_entries(method, values), options | {key: entries[key] for key in options if key in entries}


def _minimizing(method: Method, objective: Objective) -> Method:
    """The method as it minimizes: where the loss is maximized, an f* that was given is the loss's maximum."""
    if not objective.maximize:
        return method
    known = hyperparameters(method)
    given = {key: getattr(part, field.name) for key, (part, field) in known.items() if field.name == "f_star"}
    return unchecked(method, {key: -value for key, value in given.items() if value is not None})
