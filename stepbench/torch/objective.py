"""What an optimizer makes of the loss before a method sees it: its sign, and the decay of the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stepbench import arrays
from stepbench.contracts import Method, State, hyperparameters
from stepbench.fields import InputError
from stepbench.torch.bundles import Bundle, Step
from stepbench.torch.names import short_name

OPTIONS: dict[str, Any] = {"weight_decay": 0.0, "decoupled_weight_decay": False, "maximize": False}
"""The entries of a parameter group that are no hyper-parameters of its method, with torch's names and defaults."""


@dataclass(frozen=True)
class Objective:
    """What is minimised in place of the loss: ``± loss + ½ λ ‖w‖²``, or ``± loss`` with w ← w − α λ w beside it.

    ``coupled`` and ``decoupled`` are the λ of either kind, a number or one per component, (n, 1); 0 is none.

    Coupled decay is part of the function, as in torch.optim.SGD and Adam: the method sees the gradient g + λ w, and a
    method that reads the loss sees it with ½ λ ‖w‖², so that both are of one function. Decoupled decay is beside it, as
    in torch.optim.AdamW (Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019, Algorithm 2): the
    method moves w to w', and w ← w' − α λ w, with the step size α of that very step.
    """

    coupled: float | Tensor = 0.0
    decoupled: float | Tensor = 0.0
    maximize: bool = False

    @classmethod
    def of(cls, entries: dict[str, Any]) -> Objective:
        """That of a parameter group with these entries; raises InputError where they cannot be meant."""
        given = OPTIONS | {key: entries[key] for key in OPTIONS if key in entries}
        decay = _number(given["weight_decay"])
        if not 0 <= decay < math.inf:
            raise InputError(f"weight_decay={given['weight_decay']} must be a number in [0, inf)")
        for name in ("decoupled_weight_decay", "maximize"):
            if not isinstance(given[name], bool):
                raise InputError(f"{name}={given[name]} must be True or False")
        apart = given["decoupled_weight_decay"]
        return cls(0.0 if apart else decay, decay if apart else 0.0, given["maximize"])

    def value(self, loss: Tensor, penalty: Tensor | float) -> Tensor:
        """What is minimised, (1,), from the loss, (1,), and the coupled decay's part, (1,)."""
        value: Tensor = (-loss if self.maximize else loss) + penalty
        return value

    def penalty(self, w: Tensor) -> Tensor | float:
        """The part of a coupled decay in what is minimised, ½ λ ‖w‖², (1,)."""
        if _is_none(self.coupled):
            return 0.0
        half: Tensor = 0.5 * arrays.dot(self.coupled * w, w)
        return half

    def gradient(self, w: Tensor, g: Tensor) -> Tensor:
        """The gradient of what is minimised at w, from the loss's, (n, 1) all."""
        g = -g if self.maximize else g
        if _is_none(self.coupled):
            return g
        slope: Tensor = g + self.coupled * w
        return slope

    def around(self, step: Step) -> Step:
        """The step, given the loss's gradient, that a step of a method makes with the decay and the sign."""
        if self == Objective():
            return step

        def whole(method: Method, w: Tensor, g: Tensor, state: State) -> tuple[Tensor, State]:
            moved, after = step(method, w, self.gradient(w, g), state)
            return self.decayed(method, w, moved, after), after

        return whole

    def decayed(self, method: Method, w: Tensor, moved: Tensor, after: State) -> Tensor:
        """The next point, (n, 1), where a method moves w to ``moved``, and its state is then ``after``."""
        if _is_none(self.decoupled):
            return moved
        new: Tensor = moved - _step_size(method, after) * self.decoupled * w
        return new


def objective_of_all(
    objectives: Sequence[Objective], param_groups: list[dict[str, Any]], bundle: Bundle, moving: set[int]
) -> Objective:
    """That of groups that are one vector; only the parameters with an id among ``moving`` are decayed."""
    owner = {id(p): one for one, entries in zip(objectives, param_groups, strict=True) for p in entries["params"]}

    def joined(decay_of: Callable[[Objective], Any]) -> float | Tensor:
        each = [decay_of(owner[id(p)]) if id(p) in moving else 0.0 for p in bundle.params]
        if len(set(each)) == 1:
            return float(each[0])
        sizes = torch.tensor([p.numel() for p in bundle.params])
        numbers = torch.tensor(each, dtype=bundle.dtype).repeat_interleave(sizes)
        return numbers.view(-1, 1).to(bundle.params[0].device)

    return Objective(joined(lambda one: one.coupled), joined(lambda one: one.decoupled), objectives[0].maximize)


def refuse_both_signs(method: Method, objectives: Sequence[Objective]) -> None:
    """Raise InputError where one vector's loss would be minimised for some groups and maximised for others."""
    if len({one.maximize for one in objectives}) > 1:
        raise InputError(
            f"{short_name(method)} takes the parameters of all groups as one vector, which has one loss: give each "
            "group the same maximize"
        )


def _number(value: Any) -> float:
    """A value as a number; NaN where it is none."""
    try:
        return math.nan if isinstance(value, str | bool) else float(value)
    except (TypeError, ValueError, RuntimeError):
        return math.nan


def _is_none(decay: float | Tensor) -> bool:
    """Whether there is no decay."""
    return not isinstance(decay, Tensor) and decay == 0


def _step_size(method: Method, after: State) -> Any:
    """The step size of the step just taken: the method's lr where that is it, and else what its state says."""
    if method.steady:
        for part, field in hyperparameters(method).values():
            if field.name == "lr":
                return getattr(part, field.name)
    alpha = getattr(after, "alpha", None)
    if alpha is None:
        raise InputError(
            f"{short_name(method)} has no step size α, which a decoupled weight decay is multiplied by: set "
            "decoupled_weight_decay=False"
        )
    return alpha
