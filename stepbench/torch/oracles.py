"""The oracles of a training loop: they answer a method from the gradients at hand, or by calling the closure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from stepbench import arrays
from stepbench.contracts import Method
from stepbench.fields import InputError
from stepbench.torch.bundles import Bundle
from stepbench.torch.checks import (
    Skipped,
    no_curvature,
    no_loss,
    no_minimum,
    no_other_points,
    no_smoothness,
    no_start,
    refuse_nonfinite,
    refuse_sparse,
)
from stepbench.torch.names import short_name
from stepbench.torch.ranks import Ranks
from stepbench.torch.replay import Closure

if TYPE_CHECKING:
    from stepbench.torch.objective import Objective


def loss_of(closure: Closure) -> Any:
    """The loss that the closure returns; raises Skipped where it returns None."""
    with torch.enable_grad():
        loss = closure()
    if loss is None:
        raise Skipped
    if not is_one_number(loss):
        raise InputError("the closure must return the loss, one number")
    return loss


def is_one_number(loss: Any) -> bool:
    """Whether it can be a loss: a real number, or a tensor or array with one."""
    try:
        tensor = torch.as_tensor(loss)
    except (TypeError, ValueError, RuntimeError):
        return False
    return tensor.numel() == 1 and not tensor.is_complex()


def _as_scalar(loss: Any, w: Tensor) -> Tensor:
    """The loss as a number per run, (1,), for points w, (n, 1)."""
    return torch.as_tensor(loss, dtype=w.dtype, device=w.device).detach().reshape(1)


class TrainingOracle:
    """What the oracles of a training loop share: the counts, what is known of the run, and what nobody can answer.

    ``method`` is the method that asks. ``evals`` and ``fevals`` count the gradients and the losses that were asked for.
    """

    method: Method
    condition: float | None = None

    def __init__(self, horizon: int | None, fraction: float) -> None:
        self.horizon = horizon or 0
        self.fraction = fraction
        self.evals = 0
        self.fevals = 0

    @property
    def f_star(self) -> float:
        """Nobody knows the minimum of a training loss."""
        raise no_minimum(self.method)

    @property
    def L(self) -> float:
        """Nobody knows the smoothness constant of a training loss."""
        raise no_smoothness(self.method)

    def curvature(self, w: Tensor) -> Tensor:
        """A training loop does not give the diagonal of the Hessian."""
        raise no_curvature(self.method)

    def another_start(self, w: Tensor, draw: int) -> Tensor:
        """Nobody tells how the parameters were drawn."""
        raise no_start(self.method)

    repeat = staticmethod(arrays.repeat)

    def refuse(self, where: Tensor, why: str) -> None:
        """Raise InputError where the step cannot be taken; ``why`` says so in words."""
        if bool(where.any()):
            raise InputError(f"{short_name(self.method)}: {why}")


class GradientOracle(TrainingOracle):
    """The oracle of methods that need no more than the gradient at the parameters, which is already computed.

    It speaks of one piece at a time. All pieces have the same loss and were differentiated at once, so that it counts
    one gradient and one loss at most, however many pieces ask.
    """

    def __init__(self, loss: Any, horizon: int | None, fraction: float, penalty: Any = 0.0) -> None:
        """Answer for one step with this loss; None where nobody gave one.

        ``penalty`` is the part that the coupled weight decay of all parameters has in what is minimised.
        """
        super().__init__(horizon, fraction)
        self._loss, self._penalty = loss, penalty

    def turn_to(self, method: Method, sizes: Sequence[int], objective: Objective | None = None) -> None:
        """Answer this method from now on, about pieces that are made of tensors of these sizes.

        The objective says what is minimised in place of the loss; None where it is the loss.
        """
        self.method, self._sizes, self._objective = method, sizes, objective

    def stand_at(self, w: Tensor, gradient: Tensor) -> None:
        """Speak of the piece that is at w from now on, with the gradient of what is minimised, (n, 1) both."""
        self._w, self._gradient = w, gradient

    def grad(self, w: Tensor, where: Tensor | None = None) -> Tensor:
        """The gradient at the piece's own point, (n, 1)."""
        if w is not self._w:
            self._refuse("another point")
        self.evals = 1
        return self._gradient

    def value(self, w: Tensor, where: Tensor | None = None) -> Tensor:
        """What is minimised over all parameters, (1,)."""
        if self.method.elementwise:
            self._refuse("the loss")
        if w is not self._w:
            self._refuse("another point")
        self.fevals = 1
        if self._loss is None:
            raise no_loss(self.method)
        loss = _as_scalar(self._loss, w)
        return loss if self._objective is None else self._objective.value(loss, self._penalty)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """The inner product over the piece's only tensor, (1,), or over each tensor, repeated for each: (n, 1)."""
        if self.method.elementwise:
            self._refuse("inner products")
        product: Tensor = arrays.dot(a, b) if len(self._sizes) == 1 else arrays.dot_per_tensor(self._sizes, a, b)
        return product

    def hvp(self, w: Tensor, v: Tensor) -> Tensor:
        """Refused: it needs gradients at other points."""
        self._refuse("Hessian-vector products")

    def gaussian(self, w: Tensor, draw: int) -> Tensor:
        """Refused: the numbers would depend on how the parameters are cut into pieces."""
        self._refuse("random numbers")

    def _refuse(self, what: str) -> NoReturn:
        means = "goes component by component" if self.method.elementwise else "has one step size per tensor"
        raise InputError(
            f"{short_name(self.method)} says that it {means}, and asks for {what}: it may ask for gradients where it "
            "stands"
        )


@dataclass
class Seen:
    """The loss and its gradient at one point, and which of them has been counted."""

    loss: Any
    gradient: Tensor
    loss_is_counted: bool = False
    gradient_is_counted: bool = False


class ClosureOracle(TrainingOracle):
    """The oracle of methods that may ask anywhere, for one step: it moves the parameters to where it is asked.

    It speaks of all parameters that are trained, as one vector. At each point the loss and the gradient count once.
    Every process of the group is asked at the same points, and told the mean of their losses.

    ``loss`` is the loss that was given, or what the first call of the closure returned; ``with_gradient`` holds the id
    of each parameter that has been seen with a gradient. ``objective`` is what is minimised, known once the gradients
    have been seen, since what has none is not decayed.
    """

    objective: Objective

    def __init__(
        self,
        closure: Closure | None,
        loss: Any,
        horizon: int | None,
        fraction: float,
        param_groups: list[dict[str, Any]],
        ranks: Ranks,
    ) -> None:
        """Answer for one step of an optimizer that has these groups, in which parameters find their names."""
        super().__init__(horizon, fraction)
        self.closure = closure
        self.loss = loss
        self.with_gradient: set[int] = set()
        self._param_groups, self._ranks = param_groups, ranks
        self._start: Seen | None = None
        self._other_point: Tensor | None = None
        self._other: Seen | None = None
        self._is_moved = False

    def turn_to(self, method: Method, bundle: Bundle, w: Tensor, objective_of: Callable[[set[int]], Objective]) -> None:
        """Answer this method, about the bundle of all parameters, which are at w, (n, 1).

        ``objective_of`` gives what is minimised, from the ids of the parameters that have a gradient.
        """
        self.method, self._bundle, self._w, self._objective_of = method, bundle, w, objective_of

    def turn_back(self) -> None:
        """Put the parameters back to where they were."""
        if self._is_moved:
            self._bundle.write(self._w, self._bundle.params)
            self._is_moved = False

    # What a method asks -----------------------------------------------------------------------------------------------

    def value(self, w: Tensor, where: Tensor | None = None) -> Tensor:
        """What is minimised at w, (1,)."""
        if self.closure is None and self.loss is None:
            raise no_loss(self.method)
        seen = self._look(w)
        if not seen.loss_is_counted and _is_asked(where):
            seen.loss_is_counted = True
            self.fevals += 1
        return self.objective.value(_as_scalar(seen.loss, w), self.objective.penalty(w))

    def grad(self, w: Tensor, where: Tensor | None = None) -> Tensor:
        """The gradient of what is minimised at w, (n, 1)."""
        seen = self._look(w)
        if w is not self._w:  # where the parameters stand, it was checked when it was read
            self._ranks.agree(partial(self._checked, seen.loss, seen.gradient))
        if not seen.gradient_is_counted and _is_asked(where):
            seen.gradient_is_counted = True
            self.evals += 1
        return self.objective.gradient(w, seen.gradient)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """The inner product over all parameters, (1,), or the product of single components, (n, 1)."""
        product: Tensor = a * b if self.method.vector == "component" else arrays.dot(a, b)
        return product

    def hvp(self, w: Tensor, v: Tensor) -> Tensor:
        """The Hessian at w times v, (n, 1), by central differences of the gradient along v."""
        length: Tensor = arrays.sqrt(arrays.dot(v, v))
        step = torch.finfo(w.dtype).eps ** (1 / 3) * (1 + abs(w).max())
        along = arrays.ratio(step * v, length)
        difference: Tensor = self.grad(w + along) - self.grad(w - along)
        product: Tensor = difference * (length / (2 * step))
        return product

    def gaussian(self, w: Tensor, draw: int) -> Tensor:
        """Standard normal numbers, (n, 1), the same as in a run on the bench with seed 0."""
        numbers: Tensor = arrays.like(np.random.default_rng((0, 0, draw)).standard_normal((len(w), 1)), w)
        return numbers

    # How it finds the answers -----------------------------------------------------------------------------------------

    def _look(self, w: Tensor) -> Seen:
        """What is seen at w."""
        return self._look_from_start() if w is self._w else self._look_from(w)

    def _look_from_start(self) -> Seen:
        """The loss and the gradient where the parameters stand."""
        if self._start is None:
            self.turn_back()
            self._start = Seen(*self._ranks.agree(self._seen_at_start))
        return self._start

    def _seen_at_start(self) -> tuple[Any, Tensor]:
        """This process's loss and gradient where the parameters stand; raises NonFinite, and Skipped."""
        seen = (self.loss, self._read_gradient()) if self.closure is None else self._seen_by(self.closure)
        return self._checked(*seen)

    def _look_from(self, w: Tensor) -> Seen:
        """The loss and the gradient at another point; those of the last such point are remembered."""
        if self._other is None or w is not self._other_point:
            if self.closure is None:
                raise no_other_points(self.method)
            self._is_moved = True
            self._bundle.write(w, self._bundle.params)
            look = partial(self._seen_by, self.closure)
            self._other_point, self._other = w, Seen(*self._ranks.agree(look))
        return self._other

    def _seen_by(self, closure: Closure) -> tuple[Any, Tensor]:
        """This process's loss and gradient where the parameters are now; the first loss is kept."""
        loss = loss_of(closure)
        if self.loss is None:
            self.loss = loss
        return loss, self._read_gradient()

    def _checked(self, loss: Any, gradient: Tensor) -> tuple[Any, Tensor]:
        """A loss and its gradient, (n, 1); raises NonFinite where they are not finite."""
        refuse_nonfinite(loss, [(self._bundle, gradient)], self._param_groups)
        return loss, gradient

    def _read_gradient(self) -> Tensor:
        """The gradients of the bundle's parameters as one, (n, 1); 0 for a parameter that has none."""
        bundle = self._bundle
        grads = [p.grad for p in bundle.params]
        refuse_sparse(bundle.params, grads, self._param_groups)
        first = not self.with_gradient
        self.with_gradient.update(id(p) for p, g in zip(bundle.params, grads, strict=True) if g is not None)
        if first:
            self.objective = self._objective_of(self.with_gradient)
        filled = [torch.zeros_like(p) if g is None else g for p, g in zip(bundle.params, grads, strict=True)]
        return torch.cat([g.reshape(-1, 1).to(bundle.dtype) for g in filled])


def _is_asked(where: Tensor | None) -> bool:
    """Whether a question counts: the only run is asked about unless a mask leaves it out."""
    return where is None or bool(where)
