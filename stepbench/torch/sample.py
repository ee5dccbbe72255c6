"""What a step sees of a network, or what is looked at: the mean loss over some examples, at some moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from stepbench.arrays import Array
from stepbench.torch.flat import Flat, called
from stepbench.torch.library import library
from stepbench.torch.seeding import seeded

if TYPE_CHECKING:
    from stepbench.torch.examples import Inputs
    from stepbench.torch.flat import Tensor

    Measure = Callable[[Tensor, Tensor], Tensor]


LANES = 64
"""The most runs that are trained at once."""


class Moment(NamedTuple):
    """How a network stands that is more than a function of weights and inputs.

    ``training`` says whether its parts are as they were built, or all in eval(). ``seed`` is what its random numbers
    are drawn from, and ``carried`` are the buffers of each run, (b, R), or None where none of them changes.
    """

    training: bool
    seed: int
    carried: Tensor | None


class Sample:
    """The mean loss over some examples, and the penalty on the weights, as a function of the weights (d, R).

    Every question is about the network at the same moment, so that all of them see the same random numbers, and
    begin with the same buffers. ``carried`` are the buffers as the first question left them, where the network trains.

    The loss that comes with a gradient is kept, so that asking for both costs one pass.
    """

    def __init__(self, network: Any, inputs: Inputs, targets: Tensor, moment: Moment | None = None) -> None:
        """See some examples of a Network; ``moment`` is None where it is a function of weights and inputs alone."""
        self._network, self.inputs, self.targets, self._moment = network, inputs, targets, moment
        self.carried = moment.carried if moment else None
        self._asked = False
        self._point: Any = None
        self._loss: Any = None

    def f(self, w: Array) -> Array:
        """The mean loss with the penalty, (R,)."""
        if w is not self._point:
            at_once = self._network.trains_at_once(w.shape[1])
            loss = self.losses_at_once(w) if at_once else self.measured(self._network.loss, w)
            self._point, self._loss = w, loss + self._network.penalty(w)
        return self._loss

    def grad(self, w: Array) -> Array:
        """Its gradient, (d, R)."""
        at_once = self._network.trains_at_once(w.shape[1])
        g, loss = self.gradients_at_once(w) if at_once else self.gradients(w)
        self._point, self._loss = w, loss + self._network.penalty(w)
        decay = self._network.weight_decay
        return g + decay * w if decay else g

    def hvp(self, w: Array, v: Array) -> Array:
        """Its Hessian times v, (d, R)."""
        loss = self._measure(self._network.loss, w)
        products = [flat.curvature(loss, w[:, r], v[:, r]) for r, flat in self._each(w)]
        return library().stack(products).T + self._network.weight_decay * v

    # One run after the other

    def measured(self, measure: Measure, w: Array) -> Array:
        """A measure of the outputs, such as the loss or the accuracy, for one run after the other, (R,)."""
        of_module = self._measure(measure, w)
        return library().stack([flat.value(of_module, w[:, r]) for r, flat in self._each(w)])

    def gradients(self, w: Array) -> tuple[Array, Array]:
        """The gradient of the loss, (d, R), and the loss, (R,), for one run after the other."""
        torch = library()
        loss = self._measure(self._network.loss, w)
        g = torch.empty_like(w.T, memory_format=torch.contiguous_format)
        return g.T, torch.stack([flat.gradient(loss, w[:, r], g[r]) for r, flat in self._each(w)])

    def _measure(self, measure: Measure, w: Array) -> Callable[[Any], Any]:
        """A measure of the outputs for these examples, as a function of the module; in the precision of w."""
        if w.dtype is not library().float64:
            return lambda module: measure(called(module, self.inputs), self.targets)

        def in_double(module: Any) -> Any:
            from stepbench.torch.double import InDouble

            with InDouble():
                return measure(called(module, self.inputs), self.targets)

        return in_double

    def _each(self, w: Array) -> Iterator[tuple[int, Flat]]:
        """The number of each run, with the module as it stands for it; afterwards what it left is kept."""
        flat, left = self._network.flat(w.dtype), []
        for r in range(w.shape[1]):
            with self._at_its_moment(flat, r):
                yield r, flat
            if self.carried is not None:
                left.append(flat.buffers)
        if left and self._moment and self._moment.training and not self._asked:
            self.carried = library().stack(left).T
        self._asked = True

    @contextmanager
    def _at_its_moment(self, flat: Flat, r: int) -> Iterator[None]:
        moment = self._moment
        if moment is None:
            yield
            return
        if moment.carried is not None:
            flat.buffers = moment.carried[:, r]
        with seeded(moment.seed, self._network.place), nullcontext() if moment.training else flat.looking():
            yield

    # In lock-step

    def losses_at_once(self, w: Array) -> Array:
        """The loss of all runs together, (R,)."""
        return self._at_once(self._network.mean_loss, w)

    def gradients_at_once(self, w: Array) -> tuple[Array, Array]:
        """The gradient of the loss, (d, R), and the loss, (R,), of all runs together."""
        g, loss = self._at_once(library().func.grad_and_value(self._network.mean_loss), w)
        return g.T, loss

    def _at_once(self, function: Callable[..., Any], w: Array) -> Any:
        """What a function of the weights, (d,), and the examples gives for all runs, a row per run."""
        self._network.flat(w.dtype)  # before vmap, in which no random numbers may be drawn
        every = library().func.vmap(function, in_dims=(0, None, None))
        if self._network.lockstep != "always":
            return every(w.T, self.inputs, self.targets)
        torch, runs = library(), w.shape[1]
        last = w.T[-1:].expand(-runs % LANES, -1)  # the lanes that have no run of their own
        answers = [every(some, self.inputs, self.targets) for some in torch.cat([w.T, last]).split(LANES)]
        if isinstance(answers[0], tuple):
            return tuple(torch.cat(part)[:runs] for part in zip(*answers, strict=True))
        return torch.cat(answers)[:runs]
